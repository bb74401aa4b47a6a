"""Rows and events that are appended at a platform, as its manifest says: each fact becomes one or several."""

from collections.abc import Sequence
from typing import Any

from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Fact

from .filling import fill
from .parts import RowsSpec
from .reading import Reader
from .walks import rows_of


class Appender(Reader):
    """What is told to one account and never changed there again."""

    _place: str | None = None

    @property
    def rows_spec(self) -> RowsSpec:
        data = self.manifest.data.get(DataType.TRANSACTIONS)
        if data is None or data.rows is None:
            raise PerkstarError(ErrorKind.USAGE, f"{self.manifest.title} takes no rows.")
        return data.rows

    async def append(self, facts: Sequence[Fact]) -> None:
        """Tell facts of one kind, in one call; all of them are there when it comes back."""
        spec = self.rows_spec
        if spec.call is None:
            raise PerkstarError(
                ErrorKind.USAGE, f"{self.manifest.title} takes tables as a whole, not single rows."
            )
        told = spec.facts[facts[0].kind]
        rows = [
            fill(template.row, fact.values)
            for fact in facts
            for template in told.rows
            if not template.needs or fact.values.get(template.needs) not in (None, "", 0)
        ]
        if rows:
            alone = facts[0].values if spec.at_once == 1 else {}
            await self.ask(
                spec.call, {**alone, "rows": rows, "table": told.table, "place": await self._where()}
            )

    async def has(self, fact: Fact) -> bool | None:
        """Whether a fact is there already; None where the platform can't say."""
        spec = self.rows_spec
        if spec.there is None:
            return None
        table = spec.facts[fact.kind].table
        known = {"key": fact.key, "table": table, "place": await self._where()}
        return bool(dig((await self.ask(spec.there, known)).data, spec.count))

    async def _where(self) -> str | None:
        """The place that the rows go to, looked for and made once."""
        spec = self.rows_spec.place
        if spec is not None and self._place is None:
            rows: list[dict[str, Any]] = rows_of((await self.ask(spec.find, {})).data, spec.rows)
            found = next((dig(row, spec.id) for row in rows if dig(row, spec.name) == spec.called), None)
            if found is None:
                found = dig((await self.ask(spec.make, {"name": spec.called})).data, spec.made)
            self._place = str(found)
        return self._place
