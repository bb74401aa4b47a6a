"""A connector that does what its manifest describes. A vendor's hook overrides what a manifest can't say."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from perkstar_tui.http.client import Reply
from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.model.remote import (
    Answer,
    Change,
    Page,
    Presence,
    RemoteAccount,
    RemoteField,
    RemoteRecord,
)

from .base import OF_RECORD, RestConnector, together
from .connector import Subscription
from .filling import fill, text
from .manifest import DataSpec
from .pagination import ahead
from .parts import CallSpec, DiscoverSpec, FetchSpec, JobSpec, SideSpec, WalkSpec, WriteSpec
from .shapes import Shape, _says, merged, refunds_of, sale_of
from .walks import Pages, Stretch, relative, rows_of, time_of, walk_rows

_GONE = (ErrorKind.NOT_FOUND,)


class Described(RestConnector):
    """One account at a platform whose manifest says how it is spoken to."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        spec = self.manifest.data.get(DataType.CUSTOMERS)
        self.shape = Shape(spec.record) if spec is not None and spec.record is not None else None
        self.whole = bool(spec is not None and spec.write is not None and spec.write.complete)

    @property
    def whole_answers(self) -> bool:  # type: ignore[override]
        return self.whole

    # -- calls -------------------------------------------------------------------------------------------------
    async def known(self) -> dict[str, Any]:
        """What every call may name: the account's own ids, the options, and the date of a version."""
        credential = await self.session.credential()
        options = {option.name: self.option(option.name) or None for option in self.manifest.options}
        return {**options, **{name: value for name, value in credential.items() if name not in _SECRET}}

    async def ask(self, spec: CallSpec, values: Mapping[str, Any]) -> Reply:
        """Make a call of the manifest."""
        every = {**await self.known(), "fields": ",".join(self.mapped_paths_there()), **values}
        params = fill(spec.params, every)
        return await self.call(
            spec.method,
            text(spec.path, every, quoted=True),
            params=params or None,
            json=None if spec.json_body is None else fill(spec.json_body, every),
            form={n: str(v) for n, v in fill(spec.form, every).items()} if spec.form else None,
            headers={n: str(v) for n, v in fill(dict(spec.headers), every).items()} or None,
            bucket=spec.bucket,
            repeatable=spec.repeatable,
            expect=spec.expect,
            shape="any",
        )

    async def follow(self, spec: CallSpec, address: str, values: Mapping[str, Any]) -> Reply:
        """The page at an address that the vendor gave; only its path and query count."""
        every = {**await self.known(), **values}
        path = relative(address).removeprefix(self.manifest.path_prefix)
        headers = {n: str(v) for n, v in fill(dict(spec.headers), every).items()} or None
        return await self.call(spec.method, path, headers=headers, bucket=spec.bucket, shape="any")

    def mapped_paths_there(self) -> list[str]:
        """The mapped paths as the vendor calls them."""
        if DataType.CUSTOMERS not in self.manifest.data:
            return []
        theirs = self.shape.theirs if self.shape is not None else {}
        return [theirs.get(path, path) for path in self.mapped_paths()]

    async def identify(self) -> RemoteAccount:
        spec = self.manifest.identify
        if spec is None:
            raise NotImplementedError
        data = (await self.ask(spec.call, {})).data

        def member(path: str) -> str | None:
            found = dig(data, path) if path else None
            return None if found in (None, "") else str(found)

        id_ = member(spec.id)
        if id_ is None:
            raise KeyError(spec.id)
        return RemoteAccount(
            id=id_,
            name=(member(spec.name) or id_).strip(),
            scopes=await self.granted(),
            currency=member(spec.currency),
            timezone=member(spec.timezone),
            country=member(spec.country),
        )

    # -- fields ------------------------------------------------------------------------------------------------
    async def _discovered(self, spec: DiscoverSpec) -> list[dict[str, Any]]:
        rows = await self._all(WalkSpec(all=spec.call, rows=spec.rows, page=spec.page), 100)
        return [row for row in rows if all(_says(dig(row, path), value) for path, value in spec.only.items())]

    def _path(self, spec: DiscoverSpec, row: Mapping[str, Any]) -> str:
        return text(spec.path, {"name": dig(row, spec.name)})

    async def fields(self, data: DataType) -> list[RemoteField]:
        own = await super().fields(data)
        spec = self.spec(data).discover
        if spec is None:
            return own
        rows = await self._discovered(spec)
        if spec.by_label:
            self._learn(self.spec(data), spec, rows)
        names = self.shape.names if self.shape is not None else {}
        found = {field.path: field for field in own}
        made = {field.remote for field in self.spec(data).fields if field.create}
        for path in made:
            found.pop(path, None)
        for row in rows:
            there = self._path(spec, row)
            path = names.get(there, there)
            if path not in found:
                found[path] = self._field(spec, row, path)
        return list(found.values())

    def _field(self, spec: DiscoverSpec, row: Mapping[str, Any], path: str) -> RemoteField:
        kind = str(dig(row, spec.type) or "text")
        fixed = any(_says(dig(row, name), value) for name, value in spec.read_only.items())
        custom = not spec.custom or any(_says(dig(row, name), value) for name, value in spec.custom.items())
        choices = dig(row, spec.choices) if spec.choices else None
        return RemoteField(
            path,
            str(dig(row, spec.label) or path),
            spec.types.get(kind, "text"),
            Write.NEVER if fixed else Write.ALWAYS,
            custom,
            choices=tuple(
                str(dig(choice, spec.choice) if spec.choice else choice) for choice in choices or ()
            ),
        )

    def _learn(self, data: DataSpec, spec: DiscoverSpec, rows: Sequence[Mapping[str, Any]]) -> None:
        """What the vendor calls the manifest's own fields, known by their labels."""
        if self.shape is None:
            return
        by_label = {str(dig(row, spec.label)): self._path(spec, row) for row in rows}
        self.shape.rename(
            {f.remote: by_label[f.label] for f in data.fields if f.create and f.label in by_label}
        )

    async def _names(self, cursor: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The vendor's names of the manifest's own fields: from the cursor, else asked for once."""
        spec = self.customers.discover
        if spec is None or not spec.by_label or self.shape is None:
            return {}
        kept = (cursor or {}).get("names")
        if kept:
            self.shape.rename(kept)
        elif not self.shape.theirs:
            self._learn(self.customers, spec, await self._discovered(spec))
        return self.shape.theirs

    async def ensure_fields(self, data: DataType, paths: Sequence[str]) -> list[str]:
        wanted = self.wanted_fields(data, paths)
        spec = self.spec(data).discover
        if not wanted or spec is None or spec.make is None:
            return []
        there = {field.path for field in await self.fields(data)}
        missing = [field for field in wanted if field.remote not in there]
        if not missing:
            return []
        if spec.make_first is not None:
            try:
                await self.ask(spec.make_first, {"key": new_id("def")})
            except PerkstarError as error:
                if error.kind not in (ErrorKind.DUPLICATE, ErrorKind.CONFLICT):
                    raise
        for field in missing:
            name = field.remote.rpartition(".")[2]
            values = {"name": name, "label": field.label, "key": new_id("def")}
            kind = spec.make_types.get(field.type) or spec.make_types.get("text", "text")
            await self.ask(spec.make, {**values, "type": fill(kind, values)})
        if spec.by_label:
            await self.fields(data)
        return [field.remote for field in missing]

    # -- reads -------------------------------------------------------------------------------------------------
    def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        self.spec(data)
        start = None if full else cursor or None
        return ahead(self._customers(start) if data is DataType.CUSTOMERS else self._sales(start))

    async def _customers(self, cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
        spec = self.customers
        if spec.read is None or self.shape is None or spec.record is None:
            raise NotImplementedError
        names = await self._names(cursor)
        at = time_of(spec.record.changed, spec.record.changed_form)
        async for stretch in walk_rows(
            self, spec.read, cursor, size=spec.page_size, overlap_s=spec.overlap_s, changed_at=at
        ):
            yield self._page(stretch, names)

    def _page(self, stretch: Stretch, names: Mapping[str, str]) -> Page:
        assert self.shape is not None
        records = [self.shape.record(row) for row in stretch.rows if not self.shape.skipped(row)]
        cursor = {**stretch.cursor, "names": dict(names)} if names and stretch.cursor else stretch.cursor
        return Page(records, cursor=cursor, last=stretch.last, total=stretch.total)

    async def _sales(self, cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
        """Sales, with the refunds that they tell of; then refunds that are read by themselves."""
        data = self.spec(DataType.TRANSACTIONS)
        spec = data.sale
        if spec is None:
            raise NotImplementedError
        own = spec.refunds.read if spec.refunds is not None else None
        stand = dict(cursor or {})
        refunds_from = stand.pop("refunds", None)
        at = time_of(spec.changed, spec.changed_form)
        async for stretch in walk_rows(
            self, spec.read, stand or None, size=data.page_size, overlap_s=data.overlap_s, changed_at=at
        ):
            sales = [sale for row in stretch.rows if (sale := sale_of(row, spec)) is not None]
            ids = {sale.id for sale in sales}
            refunds = []
            if own is None:
                for row in stretch.rows:
                    id_ = str(dig(row, spec.id))
                    if id_ in ids:
                        refunds += refunds_of(row, spec, id_)
            kept = {**stretch.cursor, "refunds": refunds_from} if refunds_from else stretch.cursor
            yield Page(
                sales=sales,
                refunds=refunds,
                cursor=kept if own is None or stretch.cursor else {},
                last=stretch.last and own is None,
                total=stretch.total,
            )
            stand = stretch.cursor or stand
        if own is None or spec.refunds is None:
            return
        back = time_of(spec.refunds.at, spec.refunds.at_form)
        async for stretch in walk_rows(
            self, own, refunds_from, size=data.page_size, overlap_s=data.overlap_s, changed_at=back
        ):
            refunds = [refund for row in stretch.rows for refund in refunds_of(row, spec)]
            kept = {**stand, "refunds": stretch.cursor or refunds_from}
            yield Page(refunds=refunds, cursor=kept, last=stretch.last and cursor is None)

    # -- single records ----------------------------------------------------------------------------------------
    async def rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The vendor's own rows of these ids, as far as they are there."""
        spec = self.customers.fetch
        assert self.shape is not None
        if spec is None:
            raise NotImplementedError
        found: dict[str, dict[str, Any]] = {}
        for part in _parts(list(dict.fromkeys(ids)), spec):
            for row in await self._some(part, spec):
                found[str(dig(row, self.shape.spec.id))] = row
                if len(part) == 1:
                    # A vendor that merged the record answers with the winner.
                    found[part[0]] = row
        return found

    async def _some(self, ids: list[str], spec: FetchSpec) -> list[dict[str, Any]]:
        call = spec.one if len(ids) == 1 and spec.one is not None else spec.many or spec.one
        assert call is not None
        try:
            reply = await self.ask(call, {"id": ids[0], **_several(ids)})
        except PerkstarError as error:
            if error.kind in _GONE:
                return []
            raise
        return rows_of(reply.data, spec.rows, spec.row)

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        await self._names()
        assert self.shape is not None
        rows = await self.rows(ids)
        found: dict[str, tuple[Presence, RemoteRecord | None]] = {}
        for id_ in ids:
            if id_ not in rows:
                found[id_] = (Presence.GONE, None)
                continue
            record = self.shape.record(rows[id_])
            if record.merged_into and record.merged_into != id_:
                winner = (await self.get(data, [record.merged_into]))[record.merged_into]
                found[id_] = (Presence.MERGED, winner[1]) if winner[1] else (Presence.GONE, None)
            elif record.id != id_:
                found[id_] = (Presence.MERGED, record)
            else:
                found[id_] = (Presence.ARCHIVED if record.archived else Presence.THERE, record)
        return found

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        spec = self.spec(data).find.get(key)
        if spec is None or self.shape is None:
            return []
        await self._names()
        try:
            given = {
                "value": value,
                "digits": value.lstrip("+"),
                "value_escaped": _escaped(value),
                "size": 50,
            }
            reply = await self.ask(spec.call, given)
        except PerkstarError as error:
            if error.kind in _GONE:
                return []
            raise
        records = [self.shape.record(row) for row in rows_of(reply.data, spec.rows, spec.row)]
        if spec.complete:
            return [record for record in records if self._same(record, key, value)]
        found = [record.id for record in records]
        whole = await self.get(data, found) if found else {}
        there = [r for presence, r in whole.values() if presence is Presence.THERE and r is not None]
        return [record for record in there if self._same(record, key, value)]

    def _same(self, record: RemoteRecord, key: str, value: str) -> bool:
        """Whether a record really has the value: searches of vendors are loose."""
        paths = [f.remote for f in self.customers.fields if f.hub == key]
        given = [str(record.fields.get(path) or "") for path in paths]
        if record.archived:
            return False
        if key == "email":
            return any(email_key(text_) == email_key(value) for text_ in given)
        return any(phone_key(text_) == phone_key(value) or text_ == value for text_ in given if text_)

    # -- writes ------------------------------------------------------------------------------------------------
    @property
    def writing(self) -> WriteSpec:
        spec = self.customers.write
        if spec is None:
            raise PerkstarError(
                ErrorKind.USAGE, f"{self.manifest.title} takes no customers: it only gives them."
            )
        return spec

    def _body(self, change: Change, there: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A change as the vendor takes it: its fields, what a new record must have, or the whole record changed."""
        assert self.shape is not None
        spec = self.writing
        fields = {path: value for path, value in change.fields.items() if not self._beside(path)}
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
            for path, value in spec.defaults.items():
                if dig(record, path) in (None, ""):
                    choices = value if isinstance(value, list) else [value]
                    found = ((fill(choice, _flat_values(change)), choice) for choice in choices)
                    given = next((one for one, choice in found if one or one == choice), None)
                    if given is not None:
                        record = merged(record, _nest(path, given))
            return {**spec.members, **{name: part for name, part in record.items() if part is not None}}
        if spec.whole and there is not None:
            base = {
                name: part
                for name, part in there.items()
                if (name in spec.keep if spec.keep else name not in spec.drop)
            }
            at = self.shape.spec.at
            record = merged(dig(base, at) if at else base, record)
        return {
            **spec.members,
            **record,
            **fill(spec.update_members, {"version": change.version, "id": change.remote_id}),
        }

    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        await self._names()
        spec = self.writing
        answers = await self._write(changes, spec.create, spec.create_many, {})
        await self._write_beside(changes, answers)
        return answers

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        await self._names()
        spec = self.writing
        # Where a part can only be written with the rest of it, the record is read first.
        partly = [change for change in changes if spec.whole or self._needs_rest(change)]
        there = await self.rows([str(change.remote_id) for change in partly]) if partly else {}
        own = [change for change in changes if not all(self._beside(path) for path in change.fields)]
        answers = await self._write(own, spec.update, spec.update_many, there) if own else {}
        for change in changes:
            answers.setdefault(change.key, Answer(change.key))
        await self._write_beside(changes, answers)
        return answers

    def _beside(self, path: str) -> bool:
        return any(path.startswith(side.prefix) for side in self.writing.sides)

    async def _write_beside(self, changes: Sequence[Change], answers: dict[str, Answer]) -> None:
        """Fields that lie beside their record; where one is refused, a created record stays, without it."""
        for side in self.writing.sides:
            by_call: dict[str, list[Beside]] = {}
            for change in changes:
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
                for start in range(0, len(values), side.at_once):
                    await self._put_beside(side, call, values[start : start + side.at_once], answers)

    async def _put_beside(
        self, side: SideSpec, call: CallSpec, part: "Sequence[Beside]", answers: dict[str, Answer]
    ) -> None:
        assert self.shape is not None
        items = []
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
            await self.ask(call, {"values": items, "key": part[0][0].key})
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                await self._put_beside(side, call, part[:middle], answers)
                await self._put_beside(side, call, part[middle:], answers)
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
    ) -> dict[str, Answer]:
        answers: dict[str, Answer] = {}
        if many is None:
            assert one is not None
            written = await together(self._write_one(change, one, there) for change in changes)
            return {answer.key: answer for answer in written}
        spec = self.writing
        records = []
        for change in changes:
            record = self._body(change, there.get(str(change.remote_id)))
            if change.remote_id is not None and spec.id_member:
                record = {spec.id_member: self._id(change), **record}
            wrap = spec.update_wrap if change.remote_id is not None and spec.update_wrap else spec.wrap
            values = {"record": record, "key": change.key, "id": self._id(change), "version": change.version}
            records.append(record if wrap is None else fill(wrap, values))
        reply = await self.ask(many, {"records": records, "key": changes[0].key})
        if spec.job is not None:
            await self._job(changes, spec.job, reply.data, answers)
        else:
            await self._results(changes, reply.data, answers)
        return answers

    async def _job(
        self, changes: Sequence[Change], spec: JobSpec, begun: Any, answers: dict[str, Answer]
    ) -> None:
        """Wait for a write that the vendor does later, then read what came of it and what was refused."""
        job = dig(begun, spec.id)
        wait, waited = spec.wait_s, 0.0
        while True:
            data = (await self.ask(spec.poll, {"job": job})).data
            status = str(dig(data, spec.status))
            if status in spec.done or status in spec.failed:
                break
            if waited > spec.patience_s:
                raise PerkstarError(
                    ErrorKind.SERVICE_UNAVAILABLE,
                    f"{self.manifest.title} has not finished a list of {len(changes)} records in "
                    f"{spec.patience_s / 60:.0f} minutes.",
                )
            await self.clock.sleep(wait)
            waited += wait
            wait = min(wait * 1.5, 15.0)
        if spec.errors is not None:
            for row in await self._all(spec.errors, spec.size, job=job):
                at = re.search(r"(\d+)", str(dig(row, spec.error_at)).rpartition("/data/")[2])
                change = changes[int(at[1])] if at is not None and int(at[1]) < len(changes) else None
                if change is not None:
                    answers[change.key] = await self.refused(change, self.refusal({"errors": [_inner(row)]}))
        if spec.results is not None:
            rows = await self._all(spec.results, spec.size, job=job)
            left = [change for change in changes if change.key not in answers]
            await self._matched(left, rows, answers)

    async def _all(self, walk: WalkSpec, size: int, **values: Any) -> list[dict[str, Any]]:
        """Every row of a list, whatever its pages."""
        found: list[dict[str, Any]] = []
        pages = Pages(self, walk.all, walk, walk.page, size, **values)
        mark: Any = None
        while True:
            _, rows = await pages.fetch(mark)
            found += rows
            mark = pages.mark
            if mark is None:
                return found

    def _id(self, change: Change) -> Any:
        """A record's id as the vendor writes it: a number stays one."""
        id_ = change.remote_id
        return int(id_) if id_ is not None and self.writing.number_ids and id_.isdigit() else id_

    async def _write_one(
        self, change: Change, call: CallSpec, there: Mapping[str, Mapping[str, Any]]
    ) -> Answer:
        record = self._body(change, there.get(str(change.remote_id)))
        values = {"record": record, "id": change.remote_id, "key": change.key, "version": change.version}
        try:
            reply = await self.ask(call, values)
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            return await self.refused(change, error)
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
        else:
            for change, result in zip(changes, results, strict=False):
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
        if failed or any(_says(dig(result, path), wanted) for path, wanted in spec.failed_if.items()):
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
        if error.kind is ErrorKind.DUPLICATE and change.remote_id is None:
            for line in self.customers.fields:
                value = change.fields.get(line.remote)
                if line.hub in self.customers.find and value:
                    found = await self.find(DataType.CUSTOMERS, line.hub, str(value))
                    if len(found) == 1:
                        return Answer(change.key, found[0], error)
        return Answer(change.key, None, error)

    async def archive(self, data: DataType, ids: Sequence[str]) -> list[Answer]:
        call = self.writing.archive
        if call is None:
            return await super().archive(data, ids)
        for id_ in ids:
            await self.ask(call, {"id": id_})
        return [Answer(id_) for id_ in ids]


class DescribedSubscriber(Described):
    """One whose vendor lets a customer's own credential register webhooks."""

    async def subscribe(self, url: str) -> Subscription:
        spec = self.manifest.webhooks.subscribe if self.manifest.webhooks else None
        assert spec is not None
        secret = new_id("whs")
        ids, given = [], ""
        for event in spec.events or ("",):
            data = (await self.ask(spec.call, {"url": url, "event": event, "secret": secret})).data
            ids.append(str(dig(data, spec.id)))
            given = str(dig(data, spec.secret) or "") if spec.secret else secret
        return Subscription(" ".join(ids), given)

    async def unsubscribe(self, id: str) -> None:
        spec = self.manifest.webhooks.subscribe if self.manifest.webhooks else None
        if spec is None or spec.remove is None:
            return
        for one in id.split():
            try:
                await self.ask(spec.remove, {"id": one})
            except PerkstarError as error:
                if error.kind not in _GONE:
                    raise


_SECRET = frozenset(
    {"access_token", "refresh_token", "client_secret", "api_key", "api_token", "consumer_secret", "password"}
)
"""Members of a credential that no call may name: they travel in the headers that authorise, and nowhere else."""


Beside = tuple[Change, str, str, Any]
"""A value that lies beside a record: its change, the record's id, the path and the value."""


def _called(change: Change, name: str) -> str | None:
    """By what a result names a change: its key, its id, or the value of one of its fields."""
    if name == "key":
        return change.key
    value = change.remote_id if name == "id" else change.fields.get(name)
    return None if value in (None, "") else str(value)


def _inner(row: Mapping[str, Any]) -> Any:
    """An error that lies in a row of its own, without the row's frame (JSON:API's `attributes`)."""
    return row.get("attributes", row)


def _several(ids: list[str]) -> dict[str, Any]:
    quoted = ",".join(f"'{_escaped(id_)}'" for id_ in ids)
    return {
        "ids": ids,
        "ids_text": ",".join(ids),
        "ids_json": orjson.dumps(ids).decode(),
        "ids_quoted": quoted,
    }


def _escaped(value: str) -> str:
    """A text between single quotes in a vendor's query language."""
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _parts(ids: list[str], spec: FetchSpec) -> list[list[str]]:
    size = spec.at_once if spec.many is not None else 1
    return [ids[start : start + size] for start in range(0, len(ids), size)]


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
