"""HubSpot: contacts by list and then by search in order of change, batches with trace ids, properties of our own."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from perkstar_tui.model.enums import DataType, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
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
from perkstar_tui.platforms.base import RestConnector, epoch_ms, moment, server_ms
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.connector import CredentialStore
from perkstar_tui.platforms.pagination import Batch, Place, ahead, by_time

CHANGED = "lastmodifieddate"
MERGED = "hs_merged_object_ids"
GROUP = "perkstar"
LIST_SIZE = 100
SEARCH_END = 10_000
"""A search gives no more results than this; by time of change it is never reached but by ties."""
_EXISTING = re.compile(r"Existing ID:?\s*(\d+)")
_TYPES = {"string": "text", "enumeration": "choice", "phone_number": "phone"}
_MADE = {"number": ("number", "number"), "date": ("date", "date")}


def open_connector(credentials: CredentialStore, **more: Any) -> "HubSpot":
    return HubSpot(load_catalog(drafts=True)["hubspot"], credentials, **more)


class HubSpot(RestConnector):
    """Contacts of one HubSpot account."""

    def _path(self, kind: str, rest: str = "") -> str:
        version = self.option("api_version")
        dated = version[:1].isdigit()
        return f"/crm/{kind}/{version}/contacts{rest}" if dated else f"/crm/{version}/{kind}/contacts{rest}"

    async def identify(self) -> RemoteAccount:
        reply = await self.call("GET", "/account-info/v3/details", expect="portalId")
        about = reply.data
        return RemoteAccount(
            id=str(about["portalId"]),
            name=str(about.get("uiDomain") or f"HubSpot account {about['portalId']}"),
            scopes=await self.granted(),
            currency=about.get("companyCurrency"),
            timezone=about.get("timeZone"),
        )

    # -- fields ------------------------------------------------------------------------------------------------
    async def fields(self, data: DataType) -> list[RemoteField]:
        found = []
        for row in (await self.call("GET", self._path("properties"), expect="results")).data["results"]:
            if row.get("archived") or row.get("hidden"):
                continue
            fixed = row.get("calculated") or (row.get("modificationMetadata") or {}).get("readOnlyValue")
            kind = str(row.get("type") or "string")
            choices = tuple(str(option.get("value")) for option in row.get("options") or ())
            found.append(
                RemoteField(
                    path=row["name"],
                    label=str(row.get("label") or row["name"]),
                    type="email" if row["name"] == "email" else _TYPES.get(kind, kind),
                    write=Write.NEVER if fixed else Write.ALWAYS,
                    custom=not row.get("hubspotDefined", False),
                    choices=choices,
                )
            )
        return found

    async def ensure_fields(self, data: DataType, paths: Sequence[str]) -> list[str]:
        wanted = self.wanted_fields(data, paths)
        if not wanted:
            return []
        there = {field.path for field in await self.fields(data)}
        missing = [field for field in wanted if field.remote not in there]
        if not missing:
            return []
        try:
            group = {"name": GROUP, "label": "Perkstar loyalty"}
            await self.call("POST", self._path("properties", "/groups"), json=group, repeatable=True)
        except PerkstarError as error:
            if error.kind not in (ErrorKind.DUPLICATE, ErrorKind.CONFLICT):
                raise
        inputs = []
        for field in missing:
            kind, shown = _MADE.get(field.type, ("string", "text"))
            about = {"name": field.remote, "label": field.label, "groupName": GROUP}
            inputs.append({**about, "type": kind, "fieldType": shown})
        await self.call(
            "POST", self._path("properties", "/batch/create"), json={"inputs": inputs}, repeatable=True
        )
        return [field.remote for field in missing]

    # -- reads -------------------------------------------------------------------------------------------------
    def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        self.spec(data)
        return ahead(self._read(None if full else cursor))

    async def _read(self, cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
        walk = self._everything(cursor) if not cursor or "start" in cursor else self._changes(cursor)
        async for page in walk:
            yield page

    async def _everything(self, cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
        """All contacts by the list, whose position is an id and does not move; changes since its start come next."""
        start, after = (cursor["start"], cursor.get("after")) if cursor else (None, None)
        fields = ",".join([*self.mapped_paths(), CHANGED])
        while True:
            params = {"limit": LIST_SIZE, "properties": fields, "archived": "false"}
            if after is not None:
                params["after"] = after
            reply = await self.call("GET", self._path("objects"), params=params, expect="results")
            start = start or server_ms(reply) or epoch_ms(self.clock.now())
            after = ((reply.data.get("paging") or {}).get("next") or {}).get("after")
            stand = {"since": start} if after is None else {"start": start, "after": str(after)}
            records = [_record(row) for row in reply.data["results"]]
            yield Page(records, cursor=stand, last=after is None and not cursor)
            if after is None:
                return

    async def _changes(self, cursor: dict[str, Any]) -> AsyncIterator[Page]:
        """Contacts changed since the cursor, by a search in order of change."""
        place = Place(int(cursor["since"]), int(cursor.get("skip", 0)))
        if not cursor.get("open"):
            place = Place(max(0, place.since - round(self.customers.overlap_s * 1000)))
        search = _Search(self)
        async for batch, after, end in by_time(search.fetch, place):
            if end:
                stand = {"since": max(after.since, search.now or 0, int(cursor["since"]))}
            else:
                stand = {"since": after.since, "open": 1, "skip": after.skip}
            yield Page(batch.rows, cursor=stand)

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        found: dict[str, tuple[Presence, RemoteRecord | None]] = {}
        for start in range(0, len(ids), 100):
            await self._get_batch(list(dict.fromkeys(ids[start : start + 100])), found)
        return found

    async def _get_batch(
        self, ids: list[str], found: dict[str, tuple[Presence, RemoteRecord | None]]
    ) -> None:
        for row in await self._batch_read(ids, archived=False):
            record = _record(row)
            if record.id in ids:
                found[record.id] = (Presence.THERE, record)
            for loser in str(record.fields.get(MERGED) or "").split(";"):
                if loser in ids and loser != record.id:
                    found[loser] = (Presence.MERGED, record)
        missing = [id_ for id_ in ids if id_ not in found]
        if not missing:
            return
        for row in await self._batch_read(missing, archived=True):
            if row["id"] in missing:
                found[row["id"]] = (Presence.ARCHIVED, _record(row))
        for id_ in missing:
            if id_ not in found:
                winner = await self._one(id_, {})
                merged = winner is not None and winner.id != id_
                kept = Presence.MERGED if merged else Presence.THERE
                found[id_] = (kept, winner) if winner is not None else (Presence.GONE, None)

    async def _batch_read(self, ids: list[str], *, archived: bool) -> list[dict[str, Any]]:
        body = {
            "properties": [*self.mapped_paths(), CHANGED, MERGED],
            "propertiesWithHistory": [],
            "inputs": [{"id": id_} for id_ in ids],
        }
        path = self._path("objects", "/batch/read")
        params = {"archived": "true"} if archived else None
        answer = await self.call_if_there(
            "POST", path, params=params, json=body, repeatable=True, expect="results"
        )
        return list(answer["results"]) if answer is not None else []

    async def _one(self, id_: str, more: dict[str, str]) -> RemoteRecord | None:
        params = {"properties": ",".join([*self.mapped_paths(), CHANGED]), **more}
        path = self._path("objects", f"/{quote(id_, safe='@')}")
        row = await self.call_if_there("GET", path, params=params, expect="id")
        return None if row is None else _record(row)

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        if key == "email":
            one = await self._one(value, {"idProperty": "email"})
            return [one] if one is not None else []
        if key != "phone":
            return []
        spellings = list(dict.fromkeys([value, value.lstrip("+")]))
        groups = [
            {"filters": [{"propertyName": name, "operator": "IN", "values": spellings}]}
            for name in ("phone", "mobilephone")
        ]
        return (await self.search(groups, limit=10))[0].rows

    async def search(
        self, groups: list[dict[str, Any]], *, limit: int, sort: str = CHANGED, after: int = 0
    ) -> tuple[Batch, int | None]:
        """One page of a search, made ready, and HubSpot's own time at the answer."""
        body: dict[str, Any] = {
            "filterGroups": groups,
            "sorts": [sort],
            "properties": [*self.mapped_paths(), CHANGED],
            "limit": limit,
        }
        if after:
            body["after"] = str(after)
        path = self._path("objects", "/search")
        reply = await self.call("POST", path, json=body, repeatable=True, bucket="search", expect="results")
        rows = [_record(row) for row in reply.data["results"]]
        more = bool((reply.data.get("paging") or {}).get("next"))
        last = rows[-1].changed_at if rows else None
        batch = Batch(rows, epoch_ms(last) if last else 0, more, reply.data.get("total"))
        return batch, server_ms(reply)

    # -- writes ------------------------------------------------------------------------------------------------
    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        """Contacts with an address apart from those without.

        Only the first can be sent again after a fault: HubSpot makes no second contact with an address and names
        the one that is there.
        """
        answers: dict[str, Answer] = {}
        for known in (True, False):
            part = [change for change in changes if bool(change.fields.get("email")) is known]
            if len(part) == len(changes) or not part:
                answers |= await self._batch(part, "create", lambda change: {}, known) if part else {}
            else:
                await self._written(part, self.create, answers)
        return answers

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        return await self._batch(changes, "update", lambda change: {"id": change.remote_id}, True)

    async def _batch(
        self, changes: Sequence[Change], act: str, about: Any, repeatable: bool
    ) -> Mapping[str, Answer]:
        inputs = [
            {
                **about(change),
                "objectWriteTraceId": change.key,
                "properties": {path: _written(value) for path, value in change.fields.items()},
            }
            for change in changes
        ]
        reply = await self.call(
            "POST",
            self._path("objects", f"/batch/{act}"),
            json={"inputs": inputs},
            repeatable=repeatable,
            expect="results",
        )
        answers: dict[str, Answer] = {}
        whose = _Whose(changes)
        for row in reply.data["results"]:
            change = whose.of(row) or (changes[0] if len(changes) == 1 else None)
            if change is not None:
                answers[change.key] = Answer(change.key, _record(row), None, change.remote_id is None)
        await self._refusals(reply.data.get("errors") or (), whose, answers)
        left = [change for change in changes if change.key not in answers]
        if left and len(changes) > 1:
            # An error that names no input: what was neither written nor refused by name goes one by one.
            for change in left:
                await self._written([change], self.create if act == "create" else self.update, answers)
        elif left:
            entry = (reply.data.get("errors") or [{"message": "It was left out of the answer."}])[0]
            answers[left[0].key] = await self.refused(left[0], self.refusal(entry))
        return answers

    async def _refusals(
        self, entries: Sequence[dict[str, Any]], whose: "_Whose", answers: dict[str, Answer]
    ) -> None:
        """Answers for the errors that name their input; contacts that are there already are read in one call."""
        known: dict[str, Answer] = {}
        for entry in entries:
            traced = (entry.get("context") or {}).get("objectWriteTraceId") or ()
            for key in traced if isinstance(traced, list) else [traced]:
                change = whose.by_mark.get(str(key))
                if change is None or change.key in answers:
                    continue
                answer = answers[change.key] = Answer(change.key, None, self.refusal(entry))
                existing = _existing(answer.error)
                if existing is not None:
                    known[existing] = answer
        for id_, (_, record) in (await self.get(DataType.CUSTOMERS, list(known))).items():
            known[id_].record = record

    async def refused(self, change: Change, error: PerkstarError) -> Answer:
        existing = _existing(error)
        if existing is None:
            return Answer(change.key, None, error)
        found = await self.get(DataType.CUSTOMERS, [existing])
        return Answer(change.key, found[existing][1], error)

    async def archive(self, data: DataType, ids: Sequence[str]) -> list[Answer]:
        for start in range(0, len(ids), 100):
            inputs = [{"id": id_} for id_ in ids[start : start + 100]]
            path = self._path("objects", "/batch/archive")
            await self.call("POST", path, json={"inputs": inputs}, repeatable=True)
        return [Answer(id_) for id_ in ids]


class _Search:
    """Pages of changed contacts in order of change; ties beyond the end of a search are walked by id."""

    def __init__(self, hubspot: HubSpot) -> None:
        self.hubspot = hubspot
        self.now: int | None = None
        self._tie_id = "0"

    async def fetch(self, place: Place) -> Batch:
        size = self.hubspot.customers.page_size
        if place.skip + size > SEARCH_END:
            return await self._tie(place, size)
        self._tie_id = "0"
        filters = [{"propertyName": CHANGED, "operator": "GTE", "value": str(place.since)}]
        batch, self.now = await self.hubspot.search([{"filters": filters}], limit=size, after=place.skip)
        return batch

    async def _tie(self, place: Place, size: int) -> Batch:
        filters = [
            {"propertyName": CHANGED, "operator": "EQ", "value": str(place.since)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": self._tie_id},
        ]
        batch, _ = await self.hubspot.search([{"filters": filters}], limit=size, sort="hs_object_id")
        if batch.more:
            self._tie_id = batch.rows[-1].id
            return Batch(batch.rows, place.since, True, batch.total)
        return Batch(batch.rows, place.since + 1, True, batch.total)


def _record(row: dict[str, Any]) -> RemoteRecord:
    fields = row.get("properties") or {}
    changed = moment(fields.get(CHANGED) or row.get("updatedAt"))
    return RemoteRecord(str(row["id"]), fields, changed, bool(row.get("archived")))


def _written(value: Value) -> str:
    """A value as HubSpot takes it: all are text, and the empty text clears."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _existing(error: PerkstarError | None) -> str | None:
    """The id of the contact that an error says is there already."""
    found = _EXISTING.search(error.vendor_words or "") if error is not None else None
    return found[1] if found is not None else None


class _Whose:
    """Finds the change that a result answers: by its trace id, else by its id, else by its e-mail address."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.by_mark: dict[str, Change] = {}
        for change in changes:
            email = str(change.fields.get("email") or "").lower()
            for mark in (email if change.remote_id is None else "", change.remote_id, change.key):
                if mark:
                    self.by_mark[mark] = change

    def of(self, row: dict[str, Any]) -> Change | None:
        email = str((row.get("properties") or {}).get("email") or "").lower()
        marks = (row.get("objectWriteTraceId"), str(row.get("id")), email)
        return next((self.by_mark[mark] for mark in marks if mark in self.by_mark), None)
