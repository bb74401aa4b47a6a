"""Reading as a manifest describes it: whose the credential is, what fields there are, pages and single records."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson

from perkstar_tui.http.client import Reply
from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.model.remote import (
    Page,
    Presence,
    RemoteAccount,
    RemoteField,
    RemoteRecord,
)

from .base import RestConnector
from .credentials import moved
from .files import AT_ONCE, IN_MEMORY, is_whole, rows_of_file, together
from .filling import fill, text, with_options
from .manifest import DataSpec
from .pagination import ahead
from .parts import CallSpec, DiscoverSpec, ExportSpec, FetchSpec, LaterSpec, WalkSpec
from .shapes import Shape, refunds_of, sale_of, says
from .walks import TRIES, Pages, Row, Stretch, relative, rows_of, time_of, walk_rows

GONE = (ErrorKind.NOT_FOUND,)
"""What a vendor says of a record that is not there."""


class Reader(RestConnector):
    """Calls, fields, pages and single records of one account, as the manifest describes them."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        spec = self.manifest.data.get(DataType.CUSTOMERS)
        unique = spec.write.if_taken if spec is not None and spec.write is not None else ()
        self.shape = Shape(spec.record, unique) if spec is not None and spec.record is not None else None
        self._learned = False
        self.whole = bool(spec is not None and spec.write is not None and spec.write.complete)

    @property
    def whole_answers(self) -> bool:  # type: ignore[override]
        return self.whole

    # -- calls -------------------------------------------------------------------------------------------------
    async def known(self) -> dict[str, Any]:
        """What every call may name: the account's own ids, the options, and the date of a version."""
        form = await self.session.form()
        if form.log_in is not None and form.log_in.members:
            # A part of what the log-in answers is named in calls.
            await self._log_in()
        credential = await self.session.credential()
        options = {option.name: self.option(option.name) or None for option in self.manifest.options}
        return {**options, **{name: value for name, value in credential.items() if name not in _SECRET}}

    async def _log_in(self) -> None:
        """Have a token, without any other call."""
        await self.http()
        await self.session.headers()

    async def ask(self, spec: CallSpec, values: Mapping[str, Any], *, auth: bool = True) -> Reply:
        """Make a call of the manifest; without `auth` the credential does not go with it."""
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
            auth=auth,
        )

    async def follow(self, spec: CallSpec, address: str, values: Mapping[str, Any]) -> Reply:
        """The page at an address that the vendor gave; only its path and query count."""
        every = {**await self.known(), **values}
        path = relative(address).removeprefix(self.manifest.path_prefix)
        headers = {n: str(v) for n, v in fill(dict(spec.headers), every).items()} or None
        return await self.call(spec.method, path, headers=headers, bucket=spec.bucket, shape="any")

    async def wait_for(self, spec: LaterSpec, begun: Any, what: str) -> tuple[Any, Any]:
        """The id of a job and what it says at its end; asked for ever more seldom."""
        job = dig(begun, spec.id)
        wait, waited = spec.wait_s, 0.0
        while True:
            data = (await self.ask(spec.poll, {"job": job})).data
            status = str(dig(data, spec.status))
            if status in spec.done or status in spec.failed:
                return job, data
            if waited > spec.patience_s:
                raise PerkstarError(
                    ErrorKind.SERVICE_UNAVAILABLE,
                    f"{self.manifest.title} has not finished {what} in {spec.patience_s / 60:.0f} minutes.",
                )
            await self.clock.sleep(wait)
            waited += wait
            wait = min(wait * 1.5, 15.0)

    async def rows_in(self, address: str, spec: ExportSpec) -> AsyncIterator[list[Row]]:
        """The rows in a file of the vendor's, some at a time; it lies anywhere, so no credential goes along."""
        client = self._client or await self.http()
        where = moved(address, self.manifest, self.endpoints)
        if not where.startswith(("https://", client.base_url)):
            raise PerkstarError(
                ErrorKind.NETWORK, f"{self.manifest.title} names a file that is not safe to fetch."
            )
        with SpooledTemporaryFile(IN_MEMORY) as file:
            for _ in range(TRIES):
                await client.call("GET", where, shape="bytes", auth=False, into=file)
                if is_whole(file):
                    break
            else:
                raise PerkstarError(ErrorKind.NETWORK, f"A file of {self.manifest.title} is not whole.")
            rows = together(rows_of_file(file), spec.parent, spec.parent_id, spec.children)
            while some := list(islice(rows, AT_ONCE)):
                yield some

    def mapped_paths_there(self) -> list[str]:
        """The mapped paths as the vendor calls them, but for those that are only written: they may not be made yet."""
        if DataType.CUSTOMERS not in self.manifest.data:
            return []
        theirs = self.shape.theirs if self.shape is not None else {}
        written = {f.remote for f in self.customers.fields if f.create and not f.direction.inward}
        return [theirs.get(path, path) for path in self.mapped_paths() if path not in written]

    async def identify(self) -> RemoteAccount:
        spec = self.manifest.identify
        if spec is None:
            raise NotImplementedError
        data: Any = None
        if spec.call is not None:
            data = (await self.ask(spec.call, {})).data
        else:
            await self._log_in()
        known = await self.known()

        def member(path: str) -> str | None:
            if path.startswith("{"):
                # Some never say whose a credential is: then it is known by a part of itself that is no secret.
                return text(path, known)
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

    async def _all(self, walk: WalkSpec, size: int, **values: Any) -> list[dict[str, Any]]:
        """Every row of a list, whatever its pages."""
        found: list[dict[str, Any]] = []
        assert walk.all is not None
        pages = Pages(self, walk.all, walk, walk.page, size, **values)
        mark: Any = None
        while True:
            _, rows = await pages.fetch(mark)
            found += rows
            mark = pages.mark
            if mark is None:
                return found

    # -- fields ------------------------------------------------------------------------------------------------
    async def _discovered(self, spec: DiscoverSpec) -> list[dict[str, Any]]:
        rows = await self._all(WalkSpec(all=spec.call, rows=spec.rows, page=spec.page), 100)
        return [row for row in rows if all(says(dig(row, path), value) for path, value in spec.only.items())]

    def _field_path(self, spec: DiscoverSpec, row: Mapping[str, Any]) -> str:
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
            there = self._field_path(spec, row)
            path = names.get(there, there)
            if path not in found:
                found[path] = self._field(spec, row, path)
        return list(found.values())

    def _field(self, spec: DiscoverSpec, row: Mapping[str, Any], path: str) -> RemoteField:
        kind = str(dig(row, spec.type) or "text")
        fixed = any(says(dig(row, name), value) for name, value in spec.read_only.items())
        custom = not spec.custom or any(says(dig(row, name), value) for name, value in spec.custom.items())
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
        self._learned = True
        if self.shape is None:
            return
        by_label = {str(dig(row, spec.label)): self._field_path(spec, row) for row in rows}
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
        elif not self.shape.theirs and not self._learned:
            # An account that has none of them is not asked again for each batch.
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
        async for stretch in self._stretches(DataType.CUSTOMERS, spec.read, cursor, at):
            yield self._page(stretch, names)

    def _stretches(
        self,
        data: DataType,
        read: WalkSpec,
        cursor: dict[str, Any] | None,
        changed_at: Callable[[Row], int | None],
    ) -> AsyncIterator[Stretch]:
        """The vendor's rows from a cursor on: asked for, or as deliveries told them."""
        spec = self.spec(data)
        if read.walk == "told":
            return self._told(data, cursor, spec.page_size)
        return walk_rows(
            self, read, cursor, size=spec.page_size, overlap_s=spec.overlap_s, changed_at=changed_at
        )

    async def _told(
        self, data: DataType, cursor: Mapping[str, Any] | None, size: int
    ) -> AsyncIterator[Stretch]:
        """What deliveries have told since; there may always be more that nobody told, so it is never complete."""
        after = int((cursor or {}).get("told", 0))
        while True:
            rows = self.inbox.told(data, after, size) if self.inbox is not None else []
            after = rows[-1][0] if rows else after
            yield Stretch([row for _, row in rows], {"told": after})
            if len(rows) < size:
                return

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
        among = spec.refunds is not None and own is None and not spec.refunds.rows
        stand = dict(cursor or {})
        refunds_from = stand.pop("refunds", None)
        kept_always: dict[str, Any] = {}
        chosen = self.manifest.chosen(self.options)
        spec = with_options(spec, chosen)
        if spec.refunds is not None:
            spec = spec.model_copy(update={"refunds": with_options(spec.refunds, chosen)})
        if not spec.currency:
            told = stand.pop("currency", None) or self.option("currency")
            kept_always["currency"] = told or (await self.identify()).currency
            spec = spec.model_copy(update={"currency_default": kept_always["currency"] or ""})
        elif not spec.currency_default:
            spec = spec.model_copy(update={"currency_default": self.option("currency")})
        if spec.zone == "account":
            kept_always["zone"] = stand.pop("zone", None) or (await self.identify()).timezone
            spec = spec.model_copy(update={"zone": kept_always["zone"] or "UTC"})
        at = time_of(spec.changed, spec.changed_form)
        async for stretch in self._stretches(DataType.TRANSACTIONS, spec.read, stand or None, at):
            sales = [sale for row in stretch.rows if (sale := sale_of(row, spec)) is not None]
            ids = {sale.id for sale in sales}
            refunds = []
            if among:
                refunds = [refund for row in stretch.rows for refund in refunds_of(row, spec)]
            elif own is None:
                for row in stretch.rows:
                    id_ = str(dig(row, spec.id))
                    if id_ in ids:
                        refunds += refunds_of(row, spec, id_)
            kept = {**stretch.cursor, "refunds": refunds_from} if refunds_from else stretch.cursor
            kept = {**kept, **kept_always} if kept else kept
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
            kept = {**stand, **kept_always, "refunds": stretch.cursor or refunds_from}
            yield Page(refunds=refunds, cursor=kept, last=stretch.last and cursor is None)

    # -- single records ----------------------------------------------------------------------------------------
    async def rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The vendor's own rows of these ids, as far as they are there."""
        spec = self.customers.fetch
        assert self.shape is not None
        if self.inbox is not None and self.customers.read is not None and self.customers.read.walk == "told":
            return self.inbox.of(DataType.CUSTOMERS, ids)
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
        assert call is not None and self.shape is not None
        spelled = [self.shape.spelled(id_) or id_ for id_ in ids]
        try:
            reply = await self.ask(call, {"id": spelled[0], **_several(spelled)})
        except PerkstarError as error:
            if error.kind in GONE:
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
            if error.kind in GONE:
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


_SECRET = frozenset(
    {
        "access_token",
        "access_token_secret",
        "refresh_token",
        "client_secret",
        "api_key",
        "api_token",
        "api_secret",
        "consumer_key",
        "consumer_secret",
        "password",
        "token",
        "token_value",
    }
)
"""Members of a credential that no call may name: they travel in the headers that authorise, and nowhere else."""


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
