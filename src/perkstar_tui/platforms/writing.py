"""Writing as a manifest describes it: one by one, in lists, by jobs of the vendor, and fields that lie beside."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import (
    Answer,
    Change,
    RemoteRecord,
)

from .base import OF_RECORD, epoch_ms, together
from .filling import fill
from .parts import CallSpec, JobSpec, SideSpec, WriteSpec
from .reading import Reader
from .shapes import merged, says
from .walks import rows_of

PASSING = (ErrorKind.NETWORK, ErrorKind.SERVICE_UNAVAILABLE)
TRIES = 3
"""How often a new record is sent whose answer got lost and that is then not found."""

KEY_MS = 900_000
"""How long the same list keeps its key; what was refused is due again after an hour at the soonest."""

Beside = tuple[Change, str, str, Any]
"""A value that lies beside a record: its change, the record's id, the path and the value."""


class Writer(Reader):
    """What is written to one account, and what became of each record."""

    @property
    def writing(self) -> WriteSpec:
        spec = self.customers.write
        if spec is None:
            raise PerkstarError(
                ErrorKind.USAGE, f"{self.manifest.title} takes no customers: it only gives them."
            )
        return spec

    def _body(
        self, change: Change, there: Mapping[str, Any] | None = None, *, taken: bool = False
    ) -> dict[str, Any]:
        """A change as the vendor takes it: its fields, what a new record must have, or the whole record changed."""
        assert self.shape is not None
        spec = self.writing
        new = change.remote_id is None
        fields = {path: value for path, value in change.fields.items() if not self._beside(path, new=new)}
        joined = {}
        for path, parts in spec.joins.items():
            if any(part in fields for part in parts):
                now = self.shape.record(there).fields if there is not None else {}
                words = (fields.pop(part) if part in fields else now.get(part) for part in parts)
                joined[path] = " ".join(str(word) for word in words if word)
        record = self.shape.body(fields, spec.empty, there)
        for path, value in joined.items():
            if value:
                record = merged(record, _nest(path, value))
        if change.remote_id is None:
            for path, other in spec.stand_in.items():
                if dig(record, path) in (None, "") and record.get(other) not in (None, ""):
                    record = {**merged(record, _nest(path, record[other])), other: None}
            for path, value in spec.defaults.items():
                if dig(record, path) in (None, ""):
                    given = self._made_of(value, change)
                    if path in spec.if_taken and (taken or self.shape.is_taken(path, given, change.key)):
                        given = self._made_of(spec.if_taken[path], change)
                    if given is not None:
                        record = merged(record, _nest(path, given))
            return {**spec.members, **{name: part for name, part in record.items() if part is not None}}
        if spec.whole and there is not None:
            base = _kept(there, spec)
            at = self.shape.spec.at
            record = merged(dig(base, at) if at else base, record)
            record = {n: part for n, part in record.items() if part is not None or n not in spec.no_null}
            record = {n: part for n, part in record.items() if part or n not in spec.no_blank}
        return {
            **spec.members,
            **record,
            **fill(spec.update_members, {"version": change.version, "id": self._id(change)}),
        }

    def _made_of(self, value: Any, change: Change) -> Any:
        """The first of a member's choices that can be made of a change's fields; None where none can."""
        choices = value if isinstance(value, list) else [value]
        found = ((_bare(fill(choice, _flat_values(change))), choice) for choice in choices)
        return next((one for one, choice in found if one or one == choice), None)

    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        await self._names()
        spec = self.writing
        answers = await self._write(changes, spec.create, spec.create_many, {})
        again = [change for change in changes if spec.if_taken and _clashes(answers.get(change.key))]
        if again:
            answers |= await self._write(again, spec.create, spec.create_many, {}, taken=True)
        await self._write_beside(changes, answers, {})
        return answers

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        await self._names()
        spec = self.writing
        # Where a part can only be written with the rest of it, the record is read first.
        partly = [change for change in changes if spec.whole or self._needs_rest(change)]
        there = await self.rows([str(change.remote_id) for change in partly]) if partly else {}
        lost = [c for c in changes if spec.whole and str(c.remote_id) not in there]
        own = [c for c in changes if c not in lost and not all(self._beside(path) for path in c.fields)]
        answers = await self._write(own, spec.update, spec.update_many, there) if own else {}
        for change in lost:
            error = PerkstarError(ErrorKind.NOT_FOUND, f"{self.manifest.title} has no such record.")
            answers[change.key] = Answer(change.key, None, error)
        sent = {change.key for change in own}
        for change in changes:
            if change.key not in sent:
                # Nothing of it is written but what lies beside; whoever was sent has to be in the answer.
                answers.setdefault(change.key, Answer(change.key))
        await self._write_beside(changes, answers, there)
        return answers

    def _beside(self, path: str, *, new: bool = False) -> bool:
        return any(path.startswith(side.prefix) for side in self.writing.sides if not (new and side.with_new))

    async def _write_beside(
        self, changes: Sequence[Change], answers: dict[str, Answer], there: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Fields that lie beside their record; where one is refused, a created record stays, without it."""
        for side in self.writing.sides:
            by_call: dict[str, list[Beside]] = {}
            for change in changes:
                if side.with_new and change.remote_id is None:
                    continue
                answer = answers.get(change.key)
                id_ = change.remote_id or (answer.record.id if answer and answer.record is not None else None)
                if answer is None or answer.error is not None or id_ is None:
                    continue
                for path, value in change.fields.items():
                    if path.startswith(side.prefix):
                        name = str(value) if side.values else ""
                        by_call.setdefault(name, []).append((change, id_, path, value))
            for name, values in by_call.items():
                call = side.values.get(name) if side.values else side.call
                if call is None:
                    continue
                at_once = 1 if _names_one(call) else side.at_once
                for start in range(0, len(values), at_once):
                    await self._put_beside(side, call, values[start : start + at_once], answers, there)

    async def _put_beside(
        self,
        side: SideSpec,
        call: CallSpec,
        part: "Sequence[Beside]",
        answers: dict[str, Answer],
        there: Mapping[str, Mapping[str, Any]],
    ) -> None:
        assert self.shape is not None
        items: list[Any] = []
        one: dict[str, Any] = (
            {"id": self.shape.spelled(part[0][1])} if side.at_once == 1 or side.values else {}
        )
        if side.element:
            # Such a one is written by itself: what is there is changed or taken away, else it is new.
            _, id_, _, value = part[0]
            one = {
                "id": self.shape.spelled(id_),
                "element": self.shape.inside(there.get(id_) or {}, side.element),
            }
            if one["element"] is not None:
                call = (side.clear if value in (None, "") else side.replace) or call
            elif value in (None, ""):
                return
        for change, id_, path, value in part:
            name = self.shape.theirs.get(path, path).removeprefix(side.prefix)
            shown = side.clears if value in (None, "") else value
            record = answers[change.key].record
            known = {**(record.fields if record is not None else {}), **change.fields}
            named = {name_: known.get(where) for name_, where in side.names.items()}
            items.append(
                fill(side.item, {"id": _number(id_), "name": _number(name), "value": shown, **named})
            )
        try:
            first = items[0] if one and isinstance(items[0], dict) else {}
            await self.ask(call, {"values": items, "item": first, "key": part[0][0].key, **one})
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                await self._put_beside(side, call, part[:middle], answers, there)
                await self._put_beside(side, call, part[middle:], answers, there)
                return
            change, _, path, _ = part[0]
            error.field = path
            answer = answers[change.key]
            if answer.created and answer.record is not None:
                answer.record.fields[path] = None
            else:
                answers[change.key] = Answer(change.key, None, error)
            return
        for change, _, path, value in part:
            record = answers[change.key].record
            if record is not None:
                record.fields[path] = value

    def _needs_rest(self, change: Change) -> bool:
        """Whether a part of it can only be written with the rest: in a list that is replaced whole, a joined name."""
        assert self.shape is not None
        found = tuple(side.prefix for side in self.writing.sides if side.element)
        if found and any(path.startswith(found) for path in change.fields):
            return True
        lists = tuple(part.path + "." for part in self.shape.spec.lists if part.whole)
        theirs = [self.shape.theirs.get(path, path) for path in change.fields]
        if any(path.startswith(lists) for path in theirs if lists):
            return True
        return any(
            0 < sum(part in change.fields for part in parts) < len(parts)
            for parts in self.writing.joins.values()
        )

    async def _write(
        self,
        changes: Sequence[Change],
        one: CallSpec | None,
        many: CallSpec | None,
        there: Mapping[str, Mapping[str, Any]],
        tries: int = 1,
        taken: bool = False,
    ) -> dict[str, Answer]:
        answers: dict[str, Answer] = {}
        if many is None:
            assert one is not None
            written = await together(self._write_one(change, one, there, taken=taken) for change in changes)
            return {answer.key: answer for answer in written}
        spec = self.writing
        records = []
        for change in changes:
            record = self._body(change, there.get(str(change.remote_id)), taken=taken)
            if change.remote_id is not None and spec.id_member:
                record = {spec.id_member: self._id(change), **record}
            wrap = spec.update_wrap if change.remote_id is not None and spec.update_wrap else spec.wrap
            values = {"record": record, "key": change.key, "id": self._id(change), "version": change.version}
            records.append(record if wrap is None else fill(wrap, values))
        try:
            values = {"records": records, "key": _key_of(records, epoch_ms(self.clock.now()))}
            if spec.mutation is not None:
                values["mutation"] = spec.mutation.text(len(records), new=changes[0].remote_id is None)
                values["records_by_name"] = {f"i{place}": record for place, record in enumerate(records)}
            reply = await self.ask(many, values)
        except PerkstarError as error:
            if error.kind not in PASSING or changes[0].remote_id is not None or tries >= TRIES:
                raise
            for change in changes:
                made = await self._perhaps_made(change, wait=change is changes[0])
                if made is not None:
                    answers[change.key] = Answer(change.key, made, None, True)
            left = [change for change in changes if change.key not in answers]
            return {
                **answers,
                **(await self._write(left, one, many, there, tries + 1, taken) if left else {}),
            }
        if spec.job is not None:
            await self._job(changes, spec.job, reply.data, answers)
        else:
            await self._results(changes, reply.data, answers)
        return answers

    async def _job(
        self, changes: Sequence[Change], spec: JobSpec, begun: Any, answers: dict[str, Answer]
    ) -> None:
        """Wait for a write that the vendor does later, then read what came of it and what was refused."""
        job, data = await self.wait_for(spec, begun, f"a list of {len(changes)} records")
        if spec.errors is not None and (not spec.refused or dig(data, spec.refused)):
            for row in await self._all(spec.errors, spec.size, job=job):
                at = re.search(r"(\d+)", str(dig(row, spec.error_at)).rpartition("/data/")[2])
                change = changes[int(at[1])] if at is not None and int(at[1]) < len(changes) else None
                if change is not None:
                    answers[change.key] = await self.refused(change, self.refusal({"errors": [_inner(row)]}))
        left = [change for change in changes if change.key not in answers]
        for change in left:
            if change.remote_id is not None:
                answers[change.key] = Answer(change.key, RemoteRecord(change.remote_id, dict(change.fields)))
        made = [change for change in left if change.remote_id is None]
        if spec.results is not None and made:
            await self._matched(made, await self._all(spec.results, spec.size, job=job), answers)
        for start in range(0, len(made) if spec.look_up is not None else 0, spec.size):
            await self._looked_up(made[start : start + spec.size], spec, answers)

    async def _looked_up(self, made: Sequence[Change], spec: JobSpec, answers: dict[str, Answer]) -> None:
        """The ids of new records, by a field of theirs."""
        look = spec.look_up
        assert look is not None and look.many is not None
        values = [
            str(change.fields[spec.look_up_by]) for change in made if change.fields.get(spec.look_up_by)
        ]
        reply = await self.ask(look.many, {"values": values})
        await self._matched(made, rows_of(reply.data, look.rows, look.row), answers)

    def _id(self, change: Change) -> Any:
        """A record's id as the vendor writes it: a number stays one."""
        assert self.shape is not None
        id_ = self.shape.spelled(change.remote_id)
        return int(id_) if id_ is not None and self.writing.number_ids and id_.isdigit() else id_

    async def _perhaps_made(self, change: Change, *, wait: bool = True) -> RemoteRecord | None:
        """The record of a create whose answer was lost, if the vendor can say; where it can't, the loss is raised.

        It was not there before: whoever creates has looked for it.
        """
        keys = [
            (line.hub, str(change.fields[line.remote]))
            for line in self.customers.fields
            if line.hub in self.customers.find and change.fields.get(line.remote)
        ]
        if not keys:
            raise PerkstarError(
                ErrorKind.NETWORK,
                f"Whether {self.manifest.title} has taken a new record cannot be found out now.",
                remedy="The next run looks for it before it is sent again.",
            )
        if wait:
            await self.clock.sleep(self.customers.search_lag_s)
        for key, value in keys:
            found = await self.find(DataType.CUSTOMERS, key, value)
            if found:
                return found[0] if len(found) == 1 else None
        return None

    async def _write_one(
        self,
        change: Change,
        call: CallSpec,
        there: Mapping[str, Mapping[str, Any]],
        tries: int = 1,
        *,
        taken: bool = False,
    ) -> Answer:
        record = self._body(change, there.get(str(change.remote_id)), taken=taken)
        values = {"record": record, "id": self._id(change), "key": change.key, "version": change.version}
        try:
            reply = await self.ask(call, values)
        except PerkstarError as error:
            if error.kind in OF_RECORD:
                return await self.refused(change, error)
            if error.kind not in PASSING or change.remote_id is not None or tries >= TRIES:
                raise
            made = await self._perhaps_made(change)
            if made is not None:
                return Answer(change.key, made, None, True)
            return await self._write_one(change, call, there, tries + 1, taken=taken)
        row = dig(reply.data, self.writing.row) if self.writing.row else reply.data
        return self._answer(change, row if isinstance(row, dict) else {})

    def _answer(self, change: Change, row: Mapping[str, Any]) -> Answer:
        """The answer for a change that was taken; a vendor that shows no record leaves it as it was sent."""
        assert self.shape is not None
        spec = self.writing
        created = change.remote_id is None
        if spec.echo:
            return Answer(change.key, self.shape.record(row), None, created)
        id_ = change.remote_id or dig(row, spec.new_id or self.shape.spec.id)
        return Answer(change.key, RemoteRecord(str(id_), dict(change.fields)), None, created)

    async def _results(self, changes: Sequence[Change], data: Any, answers: dict[str, Answer]) -> None:
        """The rows of a batch's answer: in the order asked, or each naming its record."""
        spec = self.writing
        updates = changes[0].remote_id is not None and spec.update_rows is not None
        results = rows_of(data, (spec.update_rows or "") if updates else spec.rows)
        if spec.answered:
            await self._matched(changes, results, answers)
        elif len(results) != len(changes):
            raise PerkstarError(
                ErrorKind.NETWORK,
                f"{self.manifest.title} answered {len(results)} of {len(changes)} records without naming them.",
            )
        else:
            for change, result in zip(changes, results, strict=True):
                await self._take(change, result, answers)

    async def _matched(
        self, changes: Sequence[Change], results: Sequence[dict[str, Any]], answers: dict[str, Answer]
    ) -> None:
        """Results that name their records."""
        for path, name in self.writing.answered.items():
            by_name = {str(dig(row, path)).casefold(): row for row in results if dig(row, path)}
            for change in changes:
                called = _called(change, name)
                result = by_name.get(called.casefold()) if called else None
                if result is not None and change.key not in answers:
                    await self._take(change, result, answers)

    async def _take(self, change: Change, result: dict[str, Any], answers: dict[str, Answer]) -> None:
        """One result of a list: refused, or what stands now."""
        spec = self.writing
        failed = dig(result, spec.failed) if spec.failed else None
        if failed or any(says(dig(result, path), wanted) for path, wanted in spec.failed_if.items()):
            error = self.refusal(failed or result)
            if error.kind not in OF_RECORD:
                raise error
            answers[change.key] = await self.refused(change, error)
            return
        row = dig(result, spec.result) if spec.result else result
        answers[change.key] = self._answer(change, row if isinstance(row, dict) else {})

    async def refused(self, change: Change, error: PerkstarError) -> Answer:
        """A refused change, with the record that it clashes with where the vendor has one like it."""
        if error.field and error.field not in change.fields:
            error.field = next((p for p in change.fields if _alike(p, error.field or "")), error.field)
        if error.kind is ErrorKind.DUPLICATE and change.remote_id is None and not self.writing.if_taken:
            for line in self.customers.fields:
                value = change.fields.get(line.remote)
                if line.hub in self.customers.find and value:
                    found = await self.find(DataType.CUSTOMERS, line.hub, str(value))
                    if len(found) == 1:
                        return Answer(change.key, found[0], error)
        return Answer(change.key, None, error)

    @property
    def archives(self) -> bool:
        return self.writing.archive is not None

    async def archive(self, data: DataType, ids: Sequence[str]) -> list[Answer]:
        call = self.writing.archive
        if call is None:
            return await super().archive(data, ids)
        for id_ in ids:
            await self.ask(call, {"id": self.shape.spelled(id_) if self.shape is not None else id_})
        return [Answer(id_) for id_ in ids]


def _kept(there: Mapping[str, Any], spec: WriteSpec) -> dict[str, Any]:
    """What of a record goes back with a change: members that the vendor takes, in lists those of each element."""
    if not spec.keep:
        return {name: part for name, part in there.items() if name not in spec.drop}
    kept: dict[str, Any] = {}
    inside: dict[str, set[str]] = {}
    for path in spec.keep:
        name, _, inner = path.partition(".")
        if name in there and not inner:
            kept[name] = there[name]
        elif name in there:
            inside.setdefault(name, set()).add(inner)
    for name, members in inside.items():
        part = there[name]
        rows = part if isinstance(part, list) else [part]
        fit = [{k: v for k, v in row.items() if k in members} for row in rows if isinstance(row, dict)]
        kept[name] = fit if isinstance(part, list) else (fit[0] if fit else part)
    return kept


def _bare(value: Any) -> Any:
    """A text without space around it, which is left of names that are empty."""
    return value.strip() if isinstance(value, str) else value


def _names_one(call: CallSpec) -> bool:
    """Whether a call is about one record, which it names by `{id}`."""
    return "'{id}'" in repr(call.json_body) or "{id}" in call.path


def _key_of(records: Sequence[Any], now_ms: int) -> str:
    """A key for a list: the same for the same records, so that a list sent twice is done once.

    Another one later on, since a vendor answers to a known key what it said before: a refusal would last for ever.
    """
    made_of = [now_ms // KEY_MS, records]
    return hashlib.sha256(orjson.dumps(made_of, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _clashes(answer: Answer | None) -> bool:
    """Whether a new record was refused because the vendor has such a one, though not this one."""
    return (
        answer is not None
        and answer.record is None
        and answer.error is not None
        and answer.error.kind is ErrorKind.DUPLICATE
    )


def _called(change: Change, name: str) -> str | None:
    """By what a result names a change: its key, its id, or the value of one of its fields."""
    if name == "key":
        return change.key
    value = change.remote_id if name == "id" else change.fields.get(name)
    return None if value in (None, "") else str(value)


def _inner(row: Mapping[str, Any]) -> Any:
    """An error that lies in a row of its own, without the row's frame (JSON:API's `attributes`)."""
    return row.get("attributes", row)


def _number(text_: str) -> Any:
    """An id as the vendor writes it: digits are a number."""
    return int(text_) if text_.isdigit() and len(text_) < 16 else text_


def _nest(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


class _Values(dict[str, Any]):
    """Fields by the last part of their path; what is not there is empty."""

    def __missing__(self, name: str) -> Any:
        return None

    def __contains__(self, name: object) -> bool:
        return True


def _flat_values(change: Change) -> _Values:
    return _Values({path.replace(".", "_").lower(): value for path, value in change.fields.items()})


def _alike(path: str, named: str) -> bool:
    """Whether a vendor's name of a field means a mapped path."""
    wanted = named.lower().removeprefix(".")
    last = path.rpartition(".")[2].lower()
    return wanted in (path.lower(), last) or path.lower().startswith(wanted + ".") or wanted.endswith(last)
