"""Square: customers by search, bulk writes with idempotency keys, and custom attributes for loyalty values."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import islice
from typing import Any

from perkstar_tui.model.enums import DataType, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import (
    Answer,
    Change,
    Page,
    Presence,
    RemoteAccount,
    RemoteField,
    RemoteRecord,
    Value,
)
from perkstar_tui.platforms.base import OF_RECORD, RestConnector, epoch_ms, iso, moment, nested, server_ms
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.connector import CredentialStore, Subscription
from perkstar_tui.platforms.pagination import ahead

from .square_sales import read_sales

ATTRIBUTE = "attributes."
ATTRIBUTES_AT_ONCE = 25
INSTANT = "INSTANT_PROFILE"
VERSIONS = 20_000
"""So many are remembered, and at times twice as many: a run may go through a million."""
_TEXT = "https://developer-production-s.squarecdn.com/schemas/v1/common.json#squareup.common.String"


def open_connector(credentials: CredentialStore, **more: Any) -> "Square":
    return Square(load_catalog(drafts=True)["square"], credentials, **more)


class Square(RestConnector):
    """Customers and sales of one Square seller."""

    whole_answers = True

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._versions: dict[str, str] = {}
        """Versions seen last since this connector was opened: only a version just read may guard a write."""

    async def identify(self) -> RemoteAccount:
        about = (await self.call("GET", "/v2/merchants/me", expect="merchant")).data["merchant"]
        return RemoteAccount(
            id=str(about["id"]),
            name=str(about.get("business_name") or about["id"]),
            scopes=await self.granted(),
            currency=about.get("currency"),
            country=about.get("country"),
        )

    # -- fields ------------------------------------------------------------------------------------------------
    async def _definitions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 100}
        while True:
            data = (await self.call("GET", "/v2/customers/custom-attribute-definitions", params=params)).data
            found += data.get("custom_attribute_definitions") or []
            if not data.get("cursor"):
                return found
            params["cursor"] = data["cursor"]

    async def fields(self, data: DataType) -> list[RemoteField]:
        own = [f for f in await super().fields(data) if not f.path.startswith(ATTRIBUTE)]
        return own + [
            RemoteField(
                ATTRIBUTE + row["key"], str(row.get("name") or row["key"]), "text", Write.ALWAYS, True
            )
            for row in await self._definitions()
        ]

    async def ensure_fields(self, data: DataType, paths: Sequence[str]) -> list[str]:
        wanted = self.wanted_fields(data, paths)
        if not wanted:
            return []
        there = {row["key"] for row in await self._definitions()}
        made = []
        for field in wanted:
            key = field.remote.removeprefix(ATTRIBUTE)
            if key in there:
                continue
            definition = {
                "key": key,
                "name": field.label,
                "description": f"{field.label}, kept by Perkstar",
                "visibility": "VISIBILITY_READ_WRITE_VALUES",
                "schema": {"$ref": _TEXT},
            }
            body = {"custom_attribute_definition": definition, "idempotency_key": new_id("def")}
            await self.call("POST", "/v2/customers/custom-attribute-definitions", json=body, repeatable=True)
            made.append(field.remote)
        return made

    # -- reads -------------------------------------------------------------------------------------------------
    def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        self.spec(data)
        start = None if full else cursor
        if data is DataType.TRANSACTIONS:
            return read_sales(self, start)
        return ahead(self._read(start))

    async def _read(self, cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
        """Everybody by the list, which knows new profiles at once; changes, and what a cut-off walk left, by search."""
        if not cursor:
            async for page in self._everybody():
                yield page
            return
        since, created, start = (cursor.get(name) for name in ("since", "created", "start"))
        async for page in self._search(since, created, start):
            yield page

    async def _everybody(self) -> AsyncIterator[Page]:
        params: dict[str, Any] = {"limit": self.customers.page_size, "sort_field": "CREATED_AT"}
        params |= {"sort_order": "ASC", "count": "true"}
        created = start = total = None
        while True:
            try:
                reply = await self.call("GET", "/v2/customers", params=params)
            except PerkstarError as error:
                if not _expired(error, params):
                    raise
                async for page in self._search(None, created, start):
                    page.last = "created" not in page.cursor
                    yield page
                return
            start = start or server_ms(reply) or epoch_ms(self.clock.now())
            rows = reply.data.get("customers") or []
            total = reply.data.get("count") if total is None else total
            created = rows[-1].get("created_at") if rows else created
            params["cursor"] = reply.data.get("cursor")
            more = bool(params["cursor"])
            stand = {"since": None, "created": created, "start": start} if more else {"since": start}
            if not self.switched_on("include_instant_profiles"):
                rows = [row for row in rows if row.get("creation_source") != INSTANT]
            yield Page(
                self._all_seen([_record(row) for row in rows]), cursor=stand, last=not more, total=total
            )
            if not more:
                return

    async def _search(self, since: int | None, created: str | None, start: int | None) -> AsyncIterator[Page]:
        """Profiles in order of creation, which never changes; a cut-off walk goes on from the last creation seen."""
        body: dict[str, Any] = {"limit": self.customers.page_size, "query": self._query(since, created)}
        while True:
            try:
                reply = await self.call("POST", "/v2/customers/search", json=body, repeatable=True)
            except PerkstarError as error:
                if not _expired(error, body):
                    raise
                body = {"limit": body["limit"], "query": self._query(since, created)}
                continue
            start = start or server_ms(reply) or epoch_ms(self.clock.now())
            rows = reply.data.get("customers") or []
            created = rows[-1].get("created_at") if rows else created
            body["cursor"] = reply.data.get("cursor")
            more = bool(body["cursor"])
            stand = {"since": since, "created": created, "start": start} if more else {"since": start}
            yield Page(self._all_seen([_record(row) for row in rows]), cursor=stand)
            if not more:
                return

    def _query(self, since: int | None, created: str | None) -> dict[str, Any]:
        filters: dict[str, Any] = {}
        if since is not None:
            begin = max(0, since - round(self.customers.overlap_s * 1000))
            filters["updated_at"] = {"start_at": iso(begin)}
        at = moment(created)
        if at is not None:
            filters["created_at"] = {"start_at": iso(epoch_ms(at) - 1)}
        if not self.switched_on("include_instant_profiles"):
            filters["creation_source"] = {"values": [INSTANT], "rule": "EXCLUDE"}
        query: dict[str, Any] = {"sort": {"field": "CREATED_AT", "order": "ASC"}}
        if filters:
            query["filter"] = filters
        return query

    def _seen(self, record: RemoteRecord) -> RemoteRecord:
        return self._all_seen([record])[0]

    def _all_seen(self, records: list[RemoteRecord]) -> list[RemoteRecord]:
        """Remember their versions, which a change is sent with; the oldest ones are forgotten."""
        self._versions.update({one.id: one.version for one in records if one.version is not None})
        if len(self._versions) > 2 * VERSIONS:
            for id_ in tuple(islice(self._versions, len(self._versions) - VERSIONS)):
                del self._versions[id_]
        return records

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        found: dict[str, tuple[Presence, RemoteRecord | None]] = {}
        for start in range(0, len(ids), 100):
            part = list(dict.fromkeys(ids[start : start + 100]))
            for id_, row in (await self._retrieve(part)).items():
                if row is None:
                    found[id_] = (Presence.GONE, None)
                else:
                    record = self._seen(_record(row))
                    found[id_] = (Presence.THERE if record.id == id_ else Presence.MERGED, record)
        return found

    async def _retrieve(self, ids: Sequence[str]) -> dict[str, dict[str, Any] | None]:
        body = {"customer_ids": list(ids)}
        answers = (
            await self.call(
                "POST", "/v2/customers/bulk-retrieve", json=body, repeatable=True, expect="responses"
            )
        ).data["responses"]
        return {id_: (answers.get(id_) or {}).get("customer") for id_ in ids}

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        name = {"email": "email_address", "phone": "phone_number", "reference": "reference_id"}.get(key)
        if name is None:
            return []
        body = {"query": {"filter": {name: {"exact": value}}}, "limit": 20}
        rows = (await self.call("POST", "/v2/customers/search", json=body, repeatable=True)).data
        return self._all_seen([_record(row) for row in rows.get("customers") or []])

    # -- writes ------------------------------------------------------------------------------------------------
    async def send(self, data: DataType, changes: Sequence[Change]) -> list[Answer]:
        """The customers first; then the loyalty values of new and known ones together, since a call takes few."""
        found = await super().send(data, changes)
        answers = {change.key: answer for change, answer in zip(changes, found, strict=True)}
        await self._attributes(changes, answers)
        return [answers[change.key] for change in changes]

    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        customers = {}
        for change in changes:
            plain = {p: v for p, v in _own(change).items() if v is not None}
            customers[change.key] = nested(plain)
        rows = await self._bulk("bulk-create", customers)
        return {change.key: await self._answer(change, rows.get(change.key)) for change in changes}

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        plain = [change for change in changes if _own(change)]
        addresses = await self._addresses(plain)
        customers = {}
        for change in plain:
            data = nested(_own(change))
            if "address" in data:
                data["address"] = {**addresses.get(str(change.remote_id), {}), **data["address"]}
            version = self._versions.get(str(change.remote_id))
            if version is not None and version == change.version:
                data["version"] = int(version)
            customers[str(change.remote_id)] = data
        rows = await self._bulk("bulk-update", customers) if customers else {}
        answers = {change.key: Answer(change.key) for change in changes}
        for change in plain:
            answers[change.key] = await self._answer(change, rows.get(str(change.remote_id)))
        return answers

    async def _bulk(self, act: str, customers: dict[str, Any]) -> dict[str, Any]:
        body = {"customers": customers}
        path = f"/v2/customers/{act}"
        rows: dict[str, Any] = (
            await self.call("POST", path, json=body, repeatable=True, expect="responses")
        ).data["responses"]
        return rows

    async def _addresses(self, changes: Sequence[Change]) -> dict[str, dict[str, Any]]:
        """Whole addresses as they are there: a part of an address can only be written with the rest of it."""
        ids = [str(c.remote_id) for c in changes if any(p.startswith("address.") for p in c.fields)]
        if not ids:
            return {}
        return {id_: (row or {}).get("address") or {} for id_, row in (await self._retrieve(ids)).items()}

    async def _answer(self, change: Change, row: dict[str, Any] | None) -> Answer:
        if row is not None and row.get("customer"):
            record = self._seen(_record(row["customer"]))
            return Answer(change.key, record, None, change.remote_id is None)
        error = self.refusal(row or {"errors": [{"detail": "It was left out of the answer."}]})
        if error.kind not in OF_RECORD:
            raise error
        return await self.refused(change, error)

    async def refused(self, change: Change, error: PerkstarError) -> Answer:
        if error.field:
            error.field = next((p for p in change.fields if error.field.endswith(p)), error.field)
        if error.kind is not ErrorKind.DUPLICATE:
            return Answer(change.key, None, error)
        for key, path in (("email", "email_address"), ("phone", "phone_number")):
            if change.fields.get(path):
                found = await self.find(DataType.CUSTOMERS, key, str(change.fields[path]))
                if len(found) == 1:
                    return Answer(change.key, found[0], error)
        return Answer(change.key, None, error)

    async def _attributes(self, changes: Sequence[Change], answers: dict[str, Answer]) -> None:
        """Write loyalty values as custom attributes, as many a call as Square takes."""
        values: list[tuple[Change, str, str, Value]] = []
        for change in changes:
            answer = answers[change.key]
            id_ = change.remote_id or (answer.record.id if answer.record is not None else None)
            if answer.error is None and id_ is not None:
                values += [(change, id_, p, v) for p, v in change.fields.items() if p.startswith(ATTRIBUTE)]
        full = [item for item in values if item[3] not in (None, "")]
        parts = [full[i : i + ATTRIBUTES_AT_ONCE] for i in range(0, len(full), ATTRIBUTES_AT_ONCE)]
        await asyncio.gather(*(self._upsert(part, answers) for part in parts))
        for change, id_, path, value in values:
            if value in (None, ""):
                await self._delete_attribute(change, id_, path, answers)

    async def _upsert(
        self, part: Sequence[tuple[Change, str, str, Value]], answers: dict[str, Answer]
    ) -> None:
        body = {
            "values": {
                str(number): {
                    "customer_id": id_,
                    "custom_attribute": {"key": path.removeprefix(ATTRIBUTE), "value": str(value)},
                }
                for number, (_, id_, path, value) in enumerate(part)
            }
        }
        path = "/v2/customers/custom-attributes/bulk-upsert"
        try:
            reply = await self.call("POST", path, json=body, repeatable=True, expect="values")
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            if len(part) == 1:
                self._attribute_failed(part[0][0], part[0][2], error, answers)
                return
            for half in (part[: len(part) // 2], part[len(part) // 2 :]):
                await self._upsert(half, answers)
            return
        given = reply.data["values"]
        for number, (change, _, name, value) in enumerate(part):
            entry = given.get(str(number)) or {}
            answer = answers[change.key]
            if not entry.get("errors"):
                if answer.record is not None:
                    answer.record.fields[name] = str(value)
                continue
            problem = self.refusal(entry)
            problem.request = problem.request or f"{self._last_call}, one of {len(part)} values"
            self._attribute_failed(change, name, problem, answers)

    async def _delete_attribute(
        self, change: Change, id_: str, path: str, answers: dict[str, Answer]
    ) -> None:
        try:
            key = path.removeprefix(ATTRIBUTE)
            await self.call("DELETE", f"/v2/customers/{id_}/custom-attributes/{key}")
        except PerkstarError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return
            self._attribute_failed(change, path, error, answers)

    @staticmethod
    def _attribute_failed(
        change: Change, path: str, error: PerkstarError, answers: dict[str, Answer]
    ) -> None:
        """A created customer stays created: its value is shown as empty, so that the next run sends it again."""
        if error.kind not in OF_RECORD:
            raise error
        error.field = path
        answer = answers[change.key]
        if answer.created and answer.record is not None:
            answer.record.fields[path] = None
        else:
            answers[change.key] = Answer(change.key, None, error)

    # -- webhooks ----------------------------------------------------------------------------------------------
    async def subscribe(self, url: str) -> Subscription:
        """Register a webhook. Square wants the app's own access token for this, not a seller's."""
        events = list(self.manifest.webhooks.events) if self.manifest.webhooks else []
        subscription = {"name": "Perkstar", "event_types": events, "notification_url": url}
        body = {"idempotency_key": new_id("sub"), "subscription": subscription}
        path = "/v2/webhooks/subscriptions"
        made = (await self.call("POST", path, json=body, repeatable=True, expect="subscription")).data
        about = made["subscription"]
        return Subscription(str(about["id"]), str(about.get("signature_key") or ""))

    async def unsubscribe(self, id: str) -> None:
        await self.call_if_there("DELETE", f"/v2/webhooks/subscriptions/{id}")


def _expired(error: PerkstarError, asked: Mapping[str, Any]) -> bool:
    """Whether a page cursor has died: it lives five minutes."""
    return bool(asked.get("cursor")) and "CURSOR" in (error.vendor_code or "")


def _own(change: Change) -> dict[str, Value]:
    """The part of a change that lies on the customer itself."""
    return {path: value for path, value in change.fields.items() if not path.startswith(ATTRIBUTE)}


def _record(row: dict[str, Any]) -> RemoteRecord:
    fields: dict[str, Value] = {}
    for name, value in row.items():
        kind = type(value)
        if kind is dict:
            for part, inner in value.items():
                fields[f"{name}.{part}"] = inner
        elif kind is not list:
            fields[name] = value
    version = row.get("version")
    changed = moment(row.get("updated_at"))
    return RemoteRecord(row["id"], fields, changed, version=None if version is None else str(version))
