"""Journals entered in a vendor's books, as its manifest says."""

from typing import Any

from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.money import minor_digits
from perkstar_tui.model.remote import Journal, JournalLine, Ledger, LedgerAccount

from .filling import fill
from .parts import JournalSpec, WalkSpec
from .reading import Reader
from .shapes import says


class Booker(Reader):
    """The books of one account: its chart of accounts, and journals that are entered once and never changed."""

    @property
    def journal_spec(self) -> JournalSpec:
        data = self.manifest.data.get(DataType.TRANSACTIONS)
        if data is None or data.journal is None:
            raise PerkstarError(ErrorKind.USAGE, f"{self.manifest.title} keeps no books.")
        return data.journal

    async def ledger(self) -> Ledger:
        """The accounts that a journal may be entered under, in the vendor's order."""
        spec = self.journal_spec
        walk = WalkSpec(all=spec.accounts, rows=spec.rows, row=spec.row, page=spec.page)
        rows = await self._all(walk, self.spec(DataType.TRANSACTIONS).page_size)
        open_ = [
            row
            for row in rows
            if dig(row, spec.id) not in (None, "")
            and not any(says(dig(row, path), word) for path, words in spec.closed.items() for word in words)
        ]
        accounts = tuple(_account(row, spec) for row in open_)
        if spec.home is None:
            return Ledger(accounts)
        return Ledger(accounts, dig((await self.ask(spec.home, {})).data, spec.currency))

    async def enter(self, journal: Journal) -> None:
        """Enter a journal, whole."""
        spec = self.journal_spec
        lines = [fill(spec.line, _line(line, journal.currency, spec)) for line in journal.lines]
        await self.ask(spec.make, {**_head(journal), "lines": lines})

    async def entered(self, journal: Journal) -> bool:
        """Whether a journal of this key is in the books."""
        spec = self.journal_spec
        walk = WalkSpec(all=spec.there, rows=spec.found, page=spec.found_page)
        rows = await self._all(walk, self.spec(DataType.TRANSACTIONS).page_size, **_head(journal))
        return any(journal.key in str(dig(row, spec.named) or "") for row in rows)


def _account(row: Any, spec: JournalSpec) -> LedgerAccount:
    kind = str(dig(row, spec.kind) or "") if spec.kind else ""
    return LedgerAccount(
        str(dig(row, spec.id)),
        str(dig(row, spec.name) or ""),
        str(dig(row, spec.code) or "") if spec.code else "",
        kind,
        frozenset(option for option, kinds in spec.unfit.items() if kind in kinds),
    )


def _head(journal: Journal) -> dict[str, Any]:
    return {
        "key": journal.key, "day": journal.day, "currency": journal.currency, "memo": journal.memo,
        "first": journal.lines[0].account, "attempt": f"{journal.key}.{journal.attempt}",
    }  # fmt: skip


def _line(line: JournalLine, currency: str, spec: JournalSpec) -> dict[str, Any]:
    digits = minor_digits(currency)

    def amount(minor: int) -> float | str:
        return f"{minor / 10**digits:.{digits}f}" if spec.amounts == "text" else minor / 10**digits

    debit = line.minor >= 0
    size = amount(abs(line.minor))
    return {
        "account": line.account, "memo": line.memo, "side": "Debit" if debit else "Credit", "amount": size,
        "signed": amount(line.minor), "debit": size if debit else None, "credit": None if debit else size,
    }  # fmt: skip
