"""OAuth 1.0a as a vendor's server checks it: a signature over the method, the address and every parameter."""

import base64
import hashlib
import hmac
import re
import secrets
from urllib.parse import quote, unquote

from .wire import Call

WINDOW_S = 900
"""How far the time in a signed request may be off."""
WAYS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
PAIR = re.compile(r'(\w+)="([^"]*)"')


def parameters(call: Call) -> dict[str, str] | None:
    """The parameters of the protocol, from the header or the query; None where a request isn't signed."""
    scheme, text = call.authorization()
    if scheme == "oauth":
        return {name: unquote(value) for name, value in PAIR.findall(text)}
    found = {name: values[-1] for name, values in call.query.items() if name.startswith("oauth_")}
    return found if "oauth_signature" in found else None


def is_signed(call: Call, key: str, secret: str, now: float, token: str = "", token_secret: str = "") -> bool:
    """RFC 5849, section 3.4: whether the request is signed with these, not long ago."""
    given = parameters(call) or {}
    way = WAYS.get(given.get("oauth_signature_method", ""))
    if way is None or given.get("oauth_consumer_key") != key or given.get("oauth_token", "") != token:
        return False
    stamp = given.get("oauth_timestamp", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > WINDOW_S:
        return False
    # What is given twice counts once, as PHP has it.
    every = {**{name: values[-1] for name, values in call.query.items()}, **given}
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in every.items()
        if name not in ("oauth_signature", "realm")
    )
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((call.method, quote(call.base + call.path, safe="~"), quote(joined, safe="~")))
    key_ = f"{quote(secret, safe='~')}&{quote(token_secret, safe='~')}"
    digest = hmac.new(key_.encode(), text.encode(), way).digest()
    return secrets.compare_digest(base64.b64encode(digest).decode(), given.get("oauth_signature", ""))
