"""Rows and events that are appended at a platform, as its manifest says: each fact becomes one or several."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Fact, Told

from .auth import log_in
from .base import OF_RECORD
from .filling import fill
from .parts import CallSpec, EventsSpec, RowsSpec
from .reading import Reader
from .shapes import says
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
        rows = [fill(row, fact.values) for fact in facts for row in told.of(fact.values)]
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

    async def lacking(self) -> list[str]:
        """Labels of the members of the credential that are missing for counting what has arrived."""
        spec, form = self.rows_spec.check, await self.session.form()
        credential = await self.session.credential()
        wanted = [name for name in (spec.needs if spec is not None else ()) if not credential.get(name)]
        return [next((f.label for f in form.fields if f.name == name), name) for name in wanted]

    async def counted(self, since: date) -> dict[str, int]:
        """How many events of each name that is told are there, by the platform's own days from `since` on."""
        told = self.rows_spec
        spec = told.check
        assert spec is not None
        given = await self.session.credential()
        token, _ = await log_in(await self.http(), self.manifest, spec.log_in, given, self.endpoints)
        names = list(dict.fromkeys(dig(t.row, spec.event) for f in told.facts.values() for t in f.rows))
        asked = {"token": token, "since": since.isoformat(), "names": names}
        found = dict.fromkeys(names, 0)
        for row in rows_of((await self.ask(spec.call, asked, auth=False)).data, spec.rows):
            name = str(dig(row, spec.name))
            found[name] = found.get(name, 0) + int(dig(row, spec.count))
        return found

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

    # -- moments -------------------------------------------------------------------------------------------------
    async def tell(self, events: Sequence[Told]) -> list[PerkstarError | None]:
        """Tell moments as the manifest says; a call that is refused is halved until the culprit stands alone."""
        spec = self.customers.events
        if spec is None or spec.call is None:
            return await super().tell(events)
        if len(events) > spec.at_once:
            return [*await self.tell(events[: spec.at_once]), *await self.tell(events[spec.at_once :])]
        try:
            return await self._at_once(spec, spec.call, events)
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            if len(events) == 1:
                return [error]
        middle = len(events) // 2
        return [*await self.tell(events[:middle]), *await self.tell(events[middle:])]

    async def _at_once(
        self, spec: EventsSpec, call: CallSpec, events: Sequence[Told]
    ) -> list[PerkstarError | None]:
        values = [_told_values(spec, event.values) for event in events]
        alone = values[0] if spec.at_once == 1 else {}
        rows = [fill(spec.row, one) for one in values]
        answer = (await self.ask(call, {**alone, "rows": rows})).data
        if spec.results is None:
            return [None] * len(events)
        results = rows_of(answer, spec.results)
        if len(results) != len(events):
            raise PerkstarError(ErrorKind.NETWORK, f"{self.manifest.title} left an event out of its answer.")
        return [
            self.refusal(dig(result, spec.failed) if spec.failed else result)
            if any(says(dig(result, path), value) for path, value in spec.failed_if.items())
            else None
            for result in results
        ]

    async def was_told(self, event: Told) -> bool | None:
        spec = self.customers.events
        if spec is None or spec.there is None:
            return None
        known = {"remote": event.remote, "kind": event.kind, "key": event.key}
        try:
            rows = rows_of((await self.ask(spec.there, known)).data, spec.rows)
        except PerkstarError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return False
        return any(event.key in str(dig(row, spec.by)) for row in rows)


def _told_values(spec: EventsSpec, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event's values in the types that the platform takes."""
    if spec.texts:
        return {name: None if value is None else str(value) for name, value in values.items()}
    return {**values, "remote": int(values["remote"])} if spec.number_ids else values
