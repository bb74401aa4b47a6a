"""Vendors whose credential is turned into tokens by a log-in: tokens that end, and a credential that is withdrawn."""


class LogIns:
    """What such a vendor keeps of them; mixed into the vendor."""

    tokens: dict[str, float]
    """Tokens that were given, with when they end."""
    withdrawn: bool

    def expire_tokens(self) -> int:
        """Tokens end now."""
        count = len(self.tokens)
        self.tokens.clear()
        return count

    def revoke_tokens(self) -> int:
        """The credential is good for nothing any more, and its tokens end."""
        self.withdrawn = True
        return 1 + self.expire_tokens()
