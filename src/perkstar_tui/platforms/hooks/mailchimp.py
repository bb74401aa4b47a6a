"""Mailchimp: members of one audience by time of change, written in batches that are answered by e-mail address."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import md5
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
from perkstar_tui.platforms.appending import Appender
from perkstar_tui.platforms.base import OF_RECORD, moment, nested, server_ms, together
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.connector import CredentialStore, Subscription
from perkstar_tui.platforms.pagination import Batch, Place, ahead, by_time

_MEMBER = ("id", "email_address", "unique_email_id", "contact_id", "status", "language", "merge_fields")
_TRIMMED = (*_MEMBER, "last_changed")
_TYPES = {"birthday": "date", "imageurl": "text", "url": "text", "zip": "text", "address": "text"}
_TYPES |= {"radio": "choice", "dropdown": "choice"}
_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
_MADE = {"PKPOINTS": "number", "PKVISIT": "date", "PKCARD": "url"}
NO_MAIL = "transactional"
"""The status of a new member without consent: known to the audience, and sent no campaign and no opt-in mail."""


def open_connector(credentials: CredentialStore, **more: Any) -> "Mailchimp":
    return Mailchimp(load_catalog(drafts=True)["mailchimp"], credentials, **more)


def address_hash(email: str) -> str:
    """How Mailchimp addresses a member: MD5 of the lower-cased e-mail address (its choice; no secret in it)."""
    return md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


class Mailchimp(Appender):
    """Members of one audience (Mailchimp's API calls it a list)."""

    _list: str | None = None
    _now_there = 0
    """Mailchimp's own time at the last page read, in epoch seconds; 0 where it does not tell."""

    async def list_id(self) -> str:
        """The audience that the integration speaks to: as set, else the only one there is."""
        if self._list is None:
            self._list = self.option("list_id").strip() or await self._only_list()
        return self._list

    async def known(self) -> dict[str, Any]:
        return {**await super().known(), "list_id": await self.list_id()}

    async def _only_list(self) -> str:
        params = {"fields": "lists.id,lists.name,total_items", "count": 100}
        lists = (await self.call("GET", "/lists", params=params, expect="lists")).data["lists"]
        if len(lists) == 1:
            return str(lists[0]["id"])
        known = ", ".join(f"{row.get('name')} ({row['id']})" for row in lists)
        raise PerkstarError(
            ErrorKind.USAGE,
            f"This Mailchimp account has {len(lists)} audiences: {known}."
            if lists
            else "This account has no audience yet.",
            remedy="Say which one with --set list_id=ID."
            if lists
            else "Make an audience in Mailchimp first.",
            field="list_id",
        )

    async def _members(self, rest: str = "") -> str:
        return await self._path(f"/members{rest}")

    async def _path(self, rest: str = "") -> str:
        return f"/lists/{quote(await self.list_id(), safe='')}{rest}"

    async def identify(self) -> RemoteAccount:
        fields = "account_id,account_name,account_timezone,contact.country"
        about = (await self.call("GET", "/", params={"fields": fields}, expect="account_id")).data
        await self.list_id()
        return RemoteAccount(
            id=str(about["account_id"]),
            scopes=await self.granted(),
            name=str(about.get("account_name") or about["account_id"]),
            timezone=about.get("account_timezone"),
            country=(about.get("contact") or {}).get("country") or None,
        )

    # -- fields ------------------------------------------------------------------------------------------------
    async def _merge_fields(self) -> list[dict[str, Any]]:
        params = {"count": 1000, "exclude_fields": "merge_fields._links,_links"}
        path = await self._path("/merge-fields")
        rows = (await self.call("GET", path, params=params, expect="merge_fields")).data["merge_fields"]
        return list(rows)

    async def fields(self, data: DataType) -> list[RemoteField]:
        found = [
            RemoteField("email_address", "Email address", "email", required=True),
            RemoteField("status", "Subscription status", "choice", choices=_STATUSES),
            RemoteField("language", "Language", "text"),
        ]
        for row in await self._merge_fields():
            path, name = f"merge_fields.{row['tag']}", str(row.get("name") or row["tag"])
            if row.get("type") == "address":
                parts = ("addr1", "addr2", "city", "state", "zip", "country")
                found += [
                    RemoteField(f"{path}.{part}", f"{name}: {part}", "text", Write.NEVER) for part in parts
                ]
                continue
            kind = str(row.get("type") or "text")
            choices = tuple(str(c) for c in (row.get("options") or {}).get("choices") or ())
            own = row["tag"] not in ("FNAME", "LNAME", "PHONE", "BIRTHDAY")
            required = bool(row.get("required"))
            found.append(
                RemoteField(path, name, _TYPES.get(kind, kind), Write.ALWAYS, own, required, choices)
            )
        return found

    async def ensure_fields(self, data: DataType, paths: Sequence[str]) -> list[str]:
        wanted = self.wanted_fields(data, paths)
        if not wanted:
            return []
        there = {f"merge_fields.{row['tag']}" for row in await self._merge_fields()}
        made = []
        for field in wanted:
            if field.remote in there:
                continue
            tag = field.remote.partition(".")[2]
            body = {"tag": tag, "name": field.label, "type": _MADE.get(tag, "text"), "public": False}
            await self.call("POST", await self._path("/merge-fields"), json=body)
            made.append(field.remote)
        return made

    # -- reads -------------------------------------------------------------------------------------------------
    def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        self.spec(data)
        return ahead(self._read(None if full else cursor))

    async def _read(self, cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
        chosen = self.option("list_id").strip()
        if cursor and chosen and cursor.get("list") != chosen:
            # Another audience than the cursor speaks of: begin anew.
            cursor = None
        if cursor and not chosen:
            self._list = cursor.get("list")
        list_id = await self.list_id()
        place = Place(0)
        if cursor:
            place = Place(int(cursor["since"]), int(cursor.get("skip", 0)))
            if not cursor.get("open"):
                place = Place(max(0, place.since - round(self.customers.overlap_s)))
        total = None
        async for batch, after, end in by_time(self._fetch, place, step_back=1):
            total = batch.total if total is None else total
            stand: dict[str, Any] = {"list": list_id, "since": after.since}
            if end:
                stand["since"] = max(after.since, self._now_there, int((cursor or {}).get("since", 0)))
            else:
                stand |= {"open": 1, "skip": after.skip}
            yield Page(batch.rows, cursor=stand, last=end and not cursor, total=None if cursor else total)

    async def _fetch(self, place: Place) -> Batch:
        params: dict[str, Any] = {
            "count": self.customers.page_size,
            "offset": place.skip,
            "sort_field": "last_changed",
            "sort_dir": "ASC",
            "fields": ",".join(f"members.{name}" for name in _TRIMMED) + ",total_items",
        }
        if place.since:
            params["since_last_changed"] = datetime.fromtimestamp(place.since, UTC).isoformat()
        reply = await self.call("GET", await self._members(), params=params, expect="members")
        self._now_there = (server_ms(reply) or 0) // 1000
        rows = [_record(member) for member in reply.data["members"]]
        total = int(reply.data.get("total_items") or 0)
        last = rows[-1].changed_at if rows else None
        more = place.skip + len(rows) < total
        return Batch(rows, int(last.timestamp()) if last else 0, more, total, per_s=1)

    async def _one(self, address: str) -> RemoteRecord | None:
        path = await self._members(f"/{quote(address, safe='')}")
        member = await self.call_if_there("GET", path, params={"fields": ",".join(_TRIMMED)}, expect="id")
        return None if member is None else _record(member)

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        found: dict[str, tuple[Presence, RemoteRecord | None]] = {}
        for id_, record in zip(ids, await together(self._one(id_) for id_ in ids), strict=True):
            if record is None:
                found[id_] = (Presence.GONE, None)
            elif record.archived:
                found[id_] = (Presence.ARCHIVED, record)
            else:
                # A webhook names a member by its address, which is no other record.
                same = record.id == id_ or "@" in id_
                found[id_] = (Presence.THERE if same else Presence.MERGED, record)
        return found

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        if key == "email":
            one = await self._one(address_hash(value))
            return [one] if one is not None else []
        if key != "phone":
            return []
        params = {"query": value.lstrip("+"), "list_id": await self.list_id()}
        answer = (await self.call("GET", "/search-members", params=params)).data
        rows = ((answer.get("full_search") or {}).get("members") or [])[:50]
        digits = value.lstrip("+")
        return [
            r for r in map(_record, rows) if str(r.fields.get("merge_fields.PHONE", "")).lstrip("+") == digits
        ]

    # -- writes ------------------------------------------------------------------------------------------------
    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        members = {}
        answers: dict[str, Answer] = {}
        for change in changes:
            email = str(change.fields.get("email_address") or "")
            if not email:
                error = PerkstarError(
                    ErrorKind.RECORD_REJECTED, "Mailchimp needs an e-mail address.", field="email_address"
                )
                answers[change.key] = Answer(change.key, None, error)
            elif email.lower() in members:
                other = PerkstarError(
                    ErrorKind.DUPLICATE, "Two customers have this e-mail address.", field="email_address"
                )
                answers[change.key] = Answer(change.key, None, other)
            else:
                members[email.lower()] = (change, {"status": NO_MAIL, **nested(change.fields)})
        await self._post(members, answers, existing=False)
        return answers

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        members = {}
        singly = []
        answers: dict[str, Answer] = {}
        for change in changes:
            known = (change.version or "").lower()
            careful = "email_address" in change.fields or change.fields.get("status") == "subscribed"
            if not known or careful or known in members:
                singly.append(change)
            else:
                members[known] = (
                    change,
                    {**nested(_cleared(change.fields)), "email_address": change.version},
                )
        await self._post(members, answers, existing=True)
        # An address that is no longer the member's fails here; by its id the member is found all the same.
        for change, _ in members.values():
            answer = answers.get(change.key)
            if answer is None or answer.error is not None:
                singly.append(change)
        for change, answer in zip(singly, await together(self._patch(c) for c in singly), strict=True):
            answers[change.key] = answer
        return answers

    async def _post(
        self,
        members: Mapping[str, tuple[Change, dict[str, Any]]],
        answers: dict[str, Answer],
        *,
        existing: bool,
    ) -> None:
        """Write up to a batch; each member is answered under its e-mail address."""
        if not members:
            return
        reply = await self.call(
            "POST",
            await self._path(),
            params={"skip_merge_validation": "true"},
            json={
                "members": [member for _, member in members.values()],
                "sync_tags": False,
                "update_existing": existing,
            },
            repeatable=True,
            expect="errors",
        )
        for part in ("new_members", "updated_members"):
            for row in reply.data.get(part) or ():
                change = members.get(str(row.get("email_address")).lower(), (None,))[0]
                if change is not None:
                    record = await self._settled(row, change)
                    answers[change.key] = _answer(change, record, part == "new_members")
        wrong = []
        for entry in reply.data["errors"]:
            change = members.get(str(entry.get("email_address")).lower(), (None,))[0]
            if change is not None and change.key not in answers:
                wrong.append(self.refused(change, self.refusal(entry)))
        for answer in await together(wrong):
            answers[answer.key] = answer

    async def _settled(self, row: dict[str, Any], change: Change) -> RemoteRecord:
        """A member of a batch's answer under the id that reads give it."""
        record = _record(row)
        if change.remote_id is not None:
            record.id = change.remote_id
        elif not row.get("contact_id"):
            record = await self._one(row["id"]) or record
        return record

    async def _patch(self, change: Change) -> Answer:
        """Change one member by its id: a new address, a consent, or one whose address was changed there."""
        fields = dict(_cleared(change.fields))
        address = str(change.remote_id)
        try:
            if fields.get("status") == "subscribed":
                present = await self._one(address)
                if present is not None and present.fields.get("status") in ("unsubscribed", "cleaned"):
                    # Who unsubscribed or bounced comes back by their own act alone.
                    del fields["status"]
            params = {"skip_merge_validation": "true"}
            path = await self._members(f"/{address}")
            reply = await self.call(
                "PATCH", path, params=params, json=nested(fields), repeatable=True, expect="id"
            )
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            return await self.refused(change, error)
        return _answer(change, await self._settled(reply.data, change), False)

    async def refused(self, change: Change, error: PerkstarError) -> Answer:
        if error.field and error.field.isupper():
            error.field = f"merge_fields.{error.field}"
        email = change.fields.get("email_address")
        record = None
        if error.kind is ErrorKind.DUPLICATE and email:
            record = await self._one(address_hash(str(email)))
        return Answer(change.key, record, error)

    async def archive(self, data: DataType, ids: Sequence[str]) -> list[Answer]:
        for id_ in ids:
            await self.call("DELETE", await self._members(f"/{id_}"))
        return [Answer(id_) for id_ in ids]

    # -- webhooks ----------------------------------------------------------------------------------------------
    async def subscribe(self, url: str) -> Subscription:
        """Have changes by people told to `url` (which must answer a GET with 200), not our own writes."""
        spec = self.manifest.webhooks
        body = {
            "url": url,
            "events": dict.fromkeys(spec.events if spec else (), True),
            "sources": {"user": True, "admin": True, "api": False},
        }
        made = (await self.call("POST", await self._path("/webhooks"), json=body, expect="id")).data
        return Subscription(str(made["id"]), str(made.get("signing_secret") or ""))

    async def unsubscribe(self, id: str) -> None:
        await self.call_if_there("DELETE", await self._path(f"/webhooks/{id}"))


_PATHS: dict[str, str] = {}


def _record(member: dict[str, Any]) -> RemoteRecord:
    """A member as a flat record. Its version is the address it had, by which batches find it again."""
    fields: dict[str, Value] = {
        "id": member.get("id"),
        "email_address": member.get("email_address"),
        "status": member.get("status"),
        "language": member.get("language"),
    }
    for tag, value in (member.get("merge_fields") or {}).items():
        path = _PATHS.get(tag) or _PATHS.setdefault(tag, f"merge_fields.{tag}")
        if isinstance(value, dict):
            for part, inner in value.items():
                fields[f"{path}.{part}"] = inner
        else:
            fields[path] = value
    id_ = member.get("contact_id") or member.get("unique_email_id") or member["id"]
    changed = moment(member.get("last_changed"))
    return RemoteRecord(
        str(id_), fields, changed, member.get("status") == "archived", None, member.get("email_address")
    )


def _answer(change: Change, record: RemoteRecord, created: bool) -> Answer:
    """A member that was archived takes changes in silence; it counts as no longer there."""
    if record.archived:
        error = PerkstarError(ErrorKind.NOT_FOUND, "This member was archived at Mailchimp.")
        return Answer(change.key, None, error)
    return Answer(change.key, record, None, created)


def _cleared(fields: Mapping[str, Value]) -> dict[str, Value]:
    """An empty text clears a merge field; null is not taken."""
    return {path: "" if value is None else value for path, value in fields.items()}
