"""Deliveries of webhooks: the signature checked over the raw body, then the events in one form for all vendors."""

import base64
import contextlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import orjson

from perkstar_tui.http.errors import dig
from perkstar_tui.model.enums import DataType, Kind
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .filling import names_in, text, with_options
from .manifest import Manifest, WebhookSpec
from .parts import EventSpec, RefundSpec
from .shapes import lacks
from .signing import keys_of


@dataclass(frozen=True, slots=True)
class Event:
    """One change that a vendor tells of. `id` is the same in every repeat; `remote_id` is None where none is named.

    `carried` is the whole record, where the vendor sends it along.
    """

    id: str
    data: DataType
    remote_id: str | None
    type: str
    at: datetime | None
    carried: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a vendor tries a new address: for which registration, and with what code; empty where it says none."""

    id: str
    code: str


def greeting_of(manifest: Manifest, body: bytes) -> Greeting | None:
    """The greeting that a delivery is; None for one that tells something."""
    spec = manifest.webhooks.greeting if manifest.webhooks is not None else None
    if spec is None or not body.startswith(spec.begins.encode()):
        return None
    told = _form(body) if spec.form else _json(body)
    return Greeting(str(dig(told, spec.id) or ""), str(dig(told, spec.code) or ""))


def parse(
    manifest: Manifest,
    *,
    secret: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    options: Mapping[str, object] | None = None,
    members: Mapping[str, Any] | None = None,
) -> list[Event]:
    """The events of a delivery to `url` (the address as it was registered).

    `options` are those of the integration, `members` those of its credential.

    Raises PerkstarError NOT_ALLOWED for a wrong or missing signature or one that is too old, and USAGE for a body
    that cannot be read; the message says what the likely cause is.
    """
    spec = manifest.webhooks
    if spec is None:
        raise PerkstarError(ErrorKind.USAGE, f"{manifest.title} sends no webhooks.")
    if greeting_of(manifest, body) is not None:
        return []
    lower = {name.lower(): value for name, value in headers.items()}
    chosen = manifest.chosen(options or {})
    if spec.signature != "none" and not (spec.open and chosen.get(spec.open) == "no"):
        given = lower.get(spec.header) if spec.header else str(dig(_json(body), spec.member) or "")
        if not given:
            raise _forged(manifest, "it is not signed", "Only deliveries of the vendor itself are taken.")
        if not secret:
            remedy = "Register the webhook again."
            if manifest.key_option:
                remedy = f"Enter the key that {manifest.title} shows as the setting {manifest.key_option}."
            raise _forged(manifest, "its secret is not known here", remedy)
        _check(manifest, spec, _Delivery(secret, url, lower, body, given, now))
    try:
        if spec.event is not None:
            every = {name: str(value) for name, value in {**chosen, **(members or {})}.items()}
            return _read_described(manifest, with_options(spec.event, every), lower, body, now, every)
        return _READERS[manifest.name](body, now)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise PerkstarError(ErrorKind.USAGE, f"A delivery of {manifest.title} cannot be read.") from None


@dataclass(frozen=True, slots=True)
class _Delivery:
    secret: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    given: str
    now: datetime

    def mac(self, message: bytes) -> bytes:
        return hmac.digest(self.secret.encode(), message, sha256)


def _check(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """By the one secret, or by any of those that the greetings of several registrations brought."""
    several = spec.greeting is not None and spec.greeting.confirm is not None
    *others, last = delivery.secret.split() if several else [delivery.secret]
    for secret in others:
        with contextlib.suppress(PerkstarError):
            _CHECKS[spec.signature](manifest, spec, replace(delivery, secret=secret))
            return
    _CHECKS[spec.signature](manifest, spec, replace(delivery, secret=last))


def _forged(manifest: Manifest, what: str, remedy: str) -> PerkstarError:
    return PerkstarError(
        ErrorKind.NOT_ALLOWED,
        f"A delivery in the name of {manifest.title} is refused: {what}.",
        remedy=remedy,
    )


def _must_match(manifest: Manifest, delivery: _Delivery, expected: str) -> None:
    if not hmac.compare_digest(expected.encode(), delivery.given.encode()):
        raise _forged(
            manifest,
            "its signature is wrong",
            "If it is real, the registered address differs from PERKSTAR_PUBLIC_URL, a proxy changed the body, or "
            "the secret was replaced at the vendor: register the webhook again.",
        )


def _must_be_recent(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery, sent_s: float) -> None:
    if spec.tolerance_s is not None and abs(delivery.now.timestamp() - sent_s) > spec.tolerance_s:
        raise _forged(
            manifest,
            "it was signed too long ago",
            "A recorded delivery sent again, or a wrong clock: check this machine's time.",
        )


def _square(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """base64(HMAC-SHA256(key, address + body)); no time in it, so repeats are told by the event's id alone."""
    _must_match(
        manifest, delivery, base64.b64encode(delivery.mac(delivery.url.encode() + delivery.body)).decode()
    )


def _hubspot_v3(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """base64(HMAC-SHA256(secret, method + address + body + timestamp)), the timestamp in ms of a header."""
    stamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    if not stamp.isdigit():
        raise _forged(
            manifest, "it does not say when it was sent", "Only deliveries of the vendor are taken."
        )
    message = b"POST" + delivery.url.encode() + delivery.body + stamp.encode()
    _must_match(manifest, delivery, base64.b64encode(delivery.mac(message)).decode())
    _must_be_recent(manifest, spec, delivery, int(stamp) / 1000.0)


def _mailchimp(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """`t=<unix>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`."""
    parts = dict(part.strip().partition("=")[::2] for part in delivery.given.split(","))
    stamp = parts.get("t", "")
    if not stamp.isdigit():
        raise _forged(manifest, "its signature cannot be read", "Only deliveries of the vendor are taken.")
    expected = delivery.mac(stamp.encode() + b"." + delivery.body).hex()
    _must_match(
        manifest,
        _Delivery(
            delivery.secret,
            delivery.url,
            delivery.headers,
            delivery.body,
            parts.get("v1", ""),
            delivery.now,
        ),
        expected,
    )
    _must_be_recent(manifest, spec, delivery, float(stamp))


def _hmac(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """HMAC-SHA256 over what the manifest lists; several signatures may stand in the header, one has to be right."""
    headers = delivery.headers
    stamp = headers.get(spec.timestamp_header, "") if spec.timestamp_header else ""
    parts = {
        "body": delivery.body,
        "url": delivery.url.encode(),
        "timestamp": stamp.encode(),
        "id": headers.get(spec.id_header, "").encode() if spec.id_header else b"",
        # The moment that a body tells of itself, where a vendor signs it once more.
        "body.timestamp": str(dig(_json(delivery.body), "timestamp") or "").encode(),
        "form.json": json.dumps(_form(delivery.body)).encode(),
    }
    message = b"".join(parts[name] if name in parts else name.encode() for name in spec.signed)
    keys = list(keys_of(delivery.secret)) if spec.prefix == "v1" else [delivery.secret.encode()]
    macs = [hmac.digest(key, message, sha256) for key in keys]
    right_ones = [mac.hex() if spec.encoding == "hex" else base64.b64encode(mac).decode() for mac in macs]
    given = [part.strip() for part in delivery.given.replace(",", " ").split()]
    if spec.prefix == "v1":
        # Standard Webhooks: `v1,<signature>` for each key.
        given = [part for part in given if part != "v1"]
    elif spec.prefix:
        given = [part.removeprefix(spec.prefix) for part in given if part.startswith(spec.prefix)]
    right = [
        one
        for one in given
        for expected in right_ones
        if hmac.compare_digest(one.encode(), expected.encode())
    ]
    _must_match(manifest, replace(delivery, given=right[0] if right else ""), (right or right_ones)[0])
    if spec.timestamp_header:
        sent = _time(float(stamp) if stamp.replace(".", "", 1).isdigit() else stamp)
        if sent is None:
            raise _forged(
                manifest, "it does not say when it was sent", "Only deliveries of the vendor are taken."
            )
        _must_be_recent(manifest, spec, delivery, sent.timestamp())


def _shared(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """The secret itself: as good as the way it came by."""
    _must_match(manifest, delivery, delivery.secret)


def _basic(manifest: Manifest, spec: WebhookSpec, delivery: _Delivery) -> None:
    """HTTP Basic with the user `perkstar` and the secret that was given when the webhook was registered."""
    pair = base64.b64encode(f"perkstar:{delivery.secret}".encode()).decode()
    _must_match(manifest, delivery, f"Basic {pair}")


_CHECKS: dict[str, Callable[[Manifest, WebhookSpec, _Delivery], None]] = {
    "square": _square,
    "hubspot-v3": _hubspot_v3,
    "mailchimp": _mailchimp,
    "hmac": _hmac,
    "shared": _shared,
    "basic": _basic,
}


# -- what the bodies say -----------------------------------------------------------------------------------------


def _time(value: Any) -> datetime | None:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000.0 if value > 1e11 else value, UTC)
    if isinstance(value, str) and value:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _hash(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]


def _form(body: bytes) -> dict[str, Any]:
    """The fields of a form; none where the body is something else."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        return {}


def _json(body: bytes) -> Any:
    """The JSON of a body; None where it is something else."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _read_described(
    manifest: Manifest,
    spec: EventSpec,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    every: Mapping[str, str],
) -> list[Event]:
    """The events of a body as the manifest says; those of other kinds and of other accounts are left out.

    `every` are the options and the members of the credential, which paths may name.
    """
    if spec.form:
        told: Any = _form(body)
        if spec.form_field:
            told[spec.form_field] = orjson.loads(told[spec.form_field])
    else:
        told = orjson.loads(body)
    rows = dig(told, _whose(spec.rows, every)) if spec.rows else told
    found: list[Event] = []
    for row in rows if isinstance(rows, list) else [] if rows is None else [rows]:
        at_path = partial(_at, row, told)
        kind = headers.get(spec.type_header, "") if spec.type_header else str(at_path(spec.type) or "")
        data = _data_of(spec, kind)
        if data is None or any(
            str(at_path(path)) != _whose(value, every) for path, value in spec.only.items()
        ):
            continue
        carried = row if spec.carries == "." else dig(row, spec.carries) if spec.carries else None
        if spec.carries and not isinstance(carried, dict):
            raise _lacking(manifest, f"no record at {spec.carries!r}")
        if carried is not None and spec.carried_id:
            carried = {**carried, "id": dig(carried, spec.carried_id)}
        if carried is not None and spec.carried_kind:
            carried = {spec.carried_kind: _first_word(kind), **carried}
        if carried is not None and manifest.kind is Kind.WEBHOOK:
            _must_be_whole(manifest, data, carried, spec, every)
        record = at_path(spec.record) if carried is None else _id_of(manifest, data, carried)
        named = None if record in (None, "") else str(record)
        if named and spec.record_after and spec.record_after in named:
            named = named.partition(spec.record_after)[2]
        id_ = at_path(spec.id) if spec.id else None
        if id_ is None and spec.id_header and headers.get(spec.id_header):
            # One id for a list of events: each is told apart by its place.
            id_ = headers[spec.id_header] + (f"-{len(found)}" if found else "")
        at = _time(at_path(spec.at)) if spec.at else None
        found.append(Event(str(id_ or _words(spec, row, body, now)), data, named, kind, at, carried))
    return found


def _at(row: Any, told: Any, path: str) -> Any:
    """What an event has at a path, else what stands there beside the events; the empty path is the event."""
    own = dig(row, path) if path else row
    return dig(told, path) if own is None else own


def _first_word(kind: str) -> str:
    """What a type is about: `refund` of `refund.created` and of `Refunds/create`."""
    return (re.match(r"[a-z]*", kind.lower()) or [""])[0].rstrip("s")


def _must_be_whole(
    manifest: Manifest, data: DataType, carried: Mapping[str, Any], spec: EventSpec, every: Mapping[str, str]
) -> None:
    """Refuse a record that could not be used, while its sender still reads the answer."""
    if carried.get("id") in (None, ""):
        raise _lacking(manifest, f"no id at {spec.carried_id!r}")
    sale = manifest.data[data].sale
    if sale is not None:
        words = lacks(carried, with_options(sale, every), with_options(sale.refunds or RefundSpec(), every))
        if words:
            raise _lacking(manifest, words)


def _lacking(manifest: Manifest, what: str) -> PerkstarError:
    return PerkstarError(
        ErrorKind.USAGE,
        f"A delivery of {manifest.title} has {what}.",
        remedy=f"`perkstar catalog show {manifest.name}` tells the form, and the settings that say where members are.",
    )


def _whose(template: str, members: Mapping[str, str]) -> str:
    """A text with the members that it names; one that is not known leaves what fits nobody."""
    return text(template, members) if all(name in members for name in names_in(template)) else ""


def _words(spec: EventSpec, row: Any, body: bytes, now: datetime) -> str:
    """An id for an event that has none: what it says, and all that was said with it where that is a bare id."""
    said = orjson.dumps(row) if spec.rows and isinstance(row, dict) else body + orjson.dumps(row)
    return _hash(said + now.isoformat().encode() if spec.nameless else said)


def _id_of(manifest: Manifest, data: DataType, carried: Mapping[str, Any]) -> Any:
    """The id of a record that was sent along, where reads of such records have it."""
    spec = manifest.data[data]
    if data is DataType.TRANSACTIONS:
        return dig(carried, spec.sale.id) if spec.sale is not None else None
    return dig(carried, spec.record.id) if spec.record is not None else None


def _data_of(spec: EventSpec, kind: str) -> DataType | None:
    if any(kind.startswith(name) for name in spec.transactions):
        return DataType.TRANSACTIONS
    if any(kind.startswith(name) for name in spec.customers):
        return DataType.CUSTOMERS
    return None


def _read_square(body: bytes, now: datetime) -> list[Event]:
    told = orjson.loads(body)
    kind = str(told["type"])
    data = DataType.CUSTOMERS if kind.startswith("customer.") else DataType.TRANSACTIONS
    about = told.get("data") or {}
    return [Event(str(told["event_id"]), data, about.get("id"), kind, _time(told.get("created_at")))]


def _read_hubspot(body: bytes, now: datetime) -> list[Event]:
    return [
        Event(
            f"{told.get('eventId')}-{told.get('subscriptionId', '')}-{told.get('objectId')}",
            DataType.CUSTOMERS,
            str(told["objectId"]),
            str(told.get("subscriptionType") or ""),
            _time(told.get("occurredAt")),
        )
        for told in orjson.loads(body)
    ]


def _read_mailchimp(body: bytes, now: datetime) -> list[Event]:
    told = dict(parse_qsl(body.decode(), keep_blank_values=True))
    fired = told.get("fired_at", "")
    at = _time(fired.replace(" ", "T")) if fired else None
    email = told.get("data[new_email]") or told.get("data[email]")
    # Mailchimp names no record by the id that reads give: its address leads to it.
    return [Event(_hash(body), DataType.CUSTOMERS, email, told["type"], at)]


def _read_perkstar(body: bytes, now: datetime) -> list[Event]:
    told = orjson.loads(body)
    kind = str(told["event"])
    about = told.get("data") or {}
    at = _time(told.get("timestamp"))
    if kind.startswith("Customer"):
        return [
            Event(_hash(body), DataType.CUSTOMERS, about.get("id") or about.get("cardholder_id"), kind, at)
        ]
    return [Event(_hash(body), DataType.CARDS, about.get("serial_number"), kind, at)]


_READERS: dict[str, Callable[[bytes, datetime], list[Event]]] = {
    "square": _read_square,
    "hubspot": _read_hubspot,
    "mailchimp": _read_mailchimp,
    "perkstar": _read_perkstar,
}
