"""Vendors' rows as flat records and back, and their orders as sales, by what a manifest says of them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from perkstar_tui.http.errors import dig
from perkstar_tui.model.money import minor_digits
from perkstar_tui.model.remote import Refund, RemoteRecord, Sale, SaleLine, Value

from .parts import ListSpec, RecordSpec, RefundSpec, SaleSpec, TimeForm

_EASTERN = ZoneInfo("America/New_York")


# -- moments ---------------------------------------------------------------------------------------------------


def read_time(value: Any, form: TimeForm) -> datetime | None:
    """A vendor's moment as aware UTC; None where there is none."""
    if value in (None, "", 0):
        return None
    try:
        match form:
            case "ms":
                return datetime.fromtimestamp(float(value) / 1000.0, UTC)
            case "s" | "s_text":
                return datetime.fromtimestamp(float(value), UTC)
            case "ms_date":
                number = str(value).partition("(")[2].partition(")")[0]
                return datetime.fromtimestamp(int(number.partition("+")[0]) / 1000.0, UTC)
            case "rfc2822":
                found = parsedate_to_datetime(str(value))
            case "eastern":
                found = datetime.fromisoformat(str(value)).replace(tzinfo=_EASTERN)
            case _:
                found = datetime.fromisoformat(str(value))
    except (ValueError, TypeError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def write_time(ms: float, form: TimeForm) -> Any:
    """Epoch milliseconds as a vendor takes a moment."""
    at = datetime.fromtimestamp(ms / 1000.0, UTC)
    match form:
        case "ms":
            return int(ms)
        case "s":
            return int(ms // 1000)
        case "s_text":
            return str(int(ms // 1000))
        case "date":
            return at.strftime("%Y-%m-%d")
        case "iso_s":
            return at.strftime("%Y-%m-%dT%H:%M:%SZ")
        case "iso_naive":
            return at.strftime("%Y-%m-%dT%H:%M:%S")
        case "iso_offset":
            return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        case "spaced":
            return at.strftime("%Y-%m-%d %H:%M:%S")
        case "eastern":
            return at.astimezone(_EASTERN).strftime("%Y-%m-%d %H:%M:%S")
        case "rfc2822":
            return at.strftime("%a, %d %b %Y %H:%M:%S +0000")
        case _:
            return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# -- records ---------------------------------------------------------------------------------------------------


class Shape:
    """Reads and writes one kind of row. `names` are the manifest's paths by the vendor's own, where they differ.

    `unique` are members that no two records share: their values are remembered, so that `is_taken` can tell.
    """

    def __init__(self, spec: RecordSpec, unique: Iterable[str] = ()) -> None:
        self.spec = spec
        self.unique = tuple(unique)
        self._seen: dict[int, str] = {}
        self.lists = {part.path: part for part in spec.lists}
        self.names: dict[str, str] = {}
        self.theirs: dict[str, str] = {}

    def rename(self, names: Mapping[str, str]) -> None:
        """Take over what the vendor calls the fields of the manifest: our path to theirs."""
        self.theirs = dict(names)
        self.names = {theirs: ours for ours, theirs in names.items()}

    def spelled(self, id_: str | None) -> str | None:
        """An id as calls write it."""
        form = self.spec.id_form
        return form.replace("{id}", id_) if form and id_ is not None else id_

    def is_taken(self, path: str, value: Any, by: str = "") -> bool:
        """Whether another record that was read or made here has this value of a unique member; now this one has."""
        return self._seen.setdefault(hash((path, str(value).casefold())), by) != by

    def skipped(self, row: Mapping[str, Any]) -> bool:
        """Whether the row is none of those that are kept in step."""
        return any(says(dig(row, path), wanted) for path, wanted in self.spec.skip.items())

    def record(self, row: Mapping[str, Any]) -> RemoteRecord:
        """A row as a record."""
        spec = self.spec
        for path in self.unique:
            self.is_taken(path, dig(row, path))
        fields: dict[str, Value] = {}
        self._flatten(dig(row, spec.at) if spec.at else row, "", fields)
        for path, ours in spec.moved.items():
            fields[ours] = fields.pop(path, None)
        if self.names:
            fields = {self.names.get(path, path): value for path, value in fields.items()}
        version = dig(row, spec.version) if spec.version else None
        merged = dig(row, spec.merged_into) if spec.merged_into else None
        return RemoteRecord(
            str(dig(row, spec.id)),
            fields,
            read_time(dig(row, spec.changed), spec.changed_form) if spec.changed else None,
            any(says(dig(row, path), wanted) for path, wanted in spec.archived.items()),
            None if merged in (None, "") else str(merged),
            None if version is None else str(version),
        )

    def _flatten(self, value: Any, path: str, fields: dict[str, Value]) -> None:
        if not isinstance(value, Mapping):
            return
        for name, part in value.items():
            place = f"{path}.{name}" if path else name
            if isinstance(part, Mapping):
                self._flatten(part, place, fields)
            elif isinstance(part, list):
                spec = self.lists.get(place)
                if spec is not None:
                    self._elements(part, spec, fields)
            else:
                fields[place] = part

    def _elements(self, rows: Sequence[Any], spec: ListSpec, fields: dict[str, Value]) -> None:
        for name, row in _named(rows, spec):
            place = f"{spec.path}.{name}"
            if spec.value and not isinstance(row, Mapping):
                fields.setdefault(place, row if not isinstance(row, list) else None)
            elif spec.value:
                value = dig(row, spec.value)
                if not isinstance(value, Mapping | list):
                    fields.setdefault(place, value)
            else:
                inner: dict[str, Value] = {}
                self._flatten(row, place, inner)
                for path, value in inner.items():
                    fields.setdefault(path, value)

    def inside(self, row: Mapping[str, Any], path: str) -> Any:
        """A member of an element, named as fields are (`emails.first.id`)."""
        spec = next((spec for spec in self.spec.lists if path.startswith(spec.path + ".")), None)
        if spec is None:
            return dig(row, path)
        name, _, member = path.removeprefix(spec.path + ".").rpartition(".")
        return dig(dict(_named(dig(row, spec.path) or [], spec)).get(name), member)

    def body(
        self, fields: Mapping[str, Value], empty: str = "null", there: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Flat fields as the vendor takes them; `there` is the row as it stands, for lists that are replaced whole."""
        tree: dict[str, Any] = {}
        listed: dict[str, dict[str, dict[str, Value]]] = {}
        for path, given in fields.items():
            theirs = self.theirs.get(path, path)
            value: Value = given
            if given is None or given == "":
                if empty == "drop":
                    continue
                value = "" if empty == "text" else None
            spec = next((s for s in self.spec.lists if theirs.startswith(s.path + ".")), None)
            if spec is None:
                put_at(tree, theirs, value)
                continue
            name, _, rest = (
                theirs.removeprefix(spec.path + ".").partition(".")
                if not spec.value
                else (theirs.removeprefix(spec.path + "."), "", "")
            )
            listed.setdefault(spec.path, {}).setdefault(name, {})[rest] = value
        for path, elements in listed.items():
            put_at(
                tree,
                self.lists[path].written_at or path,
                _rebuilt(self.lists[path], elements, dig(there, path) if there else None),
            )
        return tree


def says(value: Any, wanted: str) -> bool:
    """Whether a member has a value: `*` any that is filled, `true` and the like as JSON spells them."""
    if wanted == "*":
        return value not in (None, "", False, 0)
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return value is not None and shown == wanted


def _named(rows: Sequence[Any], spec: ListSpec) -> Iterable[tuple[str, Any]]:
    """Elements with the names by which paths speak of them."""
    if spec.key:
        for row in rows:
            if isinstance(row, Mapping) and row.get(spec.key) is not None:
                yield str(row[spec.key]), row
        return
    chosen = next((r for r in rows if spec.first and isinstance(r, Mapping) and r.get(spec.first)), None)
    chosen = chosen if chosen is not None else next(iter(rows), None)
    if chosen is not None:
        yield "first", chosen


def _rebuilt(spec: ListSpec, elements: Mapping[str, Mapping[str, Value]], there: Any) -> list[Any]:
    """A list with some elements changed; those that are emptied go, where the whole list is written."""
    rows = deepcopy(there) if spec.whole and isinstance(there, list) else []
    known = dict(_named(rows, spec))
    for name, parts in elements.items():
        row = known.get(name)
        emptied = all(value in (None, "") for value in parts.values())
        if row is None:
            if emptied and spec.whole:
                continue
            row = {**({spec.key: name} if spec.key else {}), **deepcopy(spec.extra)}
            rows.append(row)
        elif emptied and spec.whole and spec.value:
            rows = [kept for kept in rows if kept is not row]
            continue
        for rest, value in parts.items():
            put_at(row, rest or spec.value, value)
    return rows


def put_at(tree: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a dotted path, with the objects that it lies in."""
    *parents, name = path.split(".")
    place = tree
    for parent in parents:
        place = place.setdefault(parent, {})
    place[name] = value


def merged(there: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A row with a change put in: objects member by member, everything else as a whole."""
    found = dict(there)
    for name, value in change.items():
        before = found.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            found[name] = merged(before, value)
        else:
            found[name] = value
    return found


# -- sales -----------------------------------------------------------------------------------------------------


def _first(row: Any, paths: Iterable[str]) -> Any:
    return next((found for path in paths if (found := dig(row, path)) not in (None, "")), None)


def _minor(value: Any, currency: str, money: str) -> int:
    """An amount in minor units of its currency (ISO 4217): as it is, or from decimal units."""
    if value in (None, ""):
        return 0
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return 0
    return round(number) if money == "minor" else round(number.scaleb(minor_digits(currency)))


def all_at(row: Any, path: str) -> list[Any]:
    """What is at a path in which `*` stands for every element of a list."""
    before, star, after = path.partition(".*.")
    if not star and path.endswith(".*"):
        found = dig(row, path.removesuffix(".*"))
        return found if isinstance(found, list) else []
    if not star:
        return [dig(row, path)]
    found = dig(row, before)
    return [value for part in (found if isinstance(found, list) else []) for value in all_at(part, after)]


def _currency(row: Mapping[str, Any], spec: SaleSpec) -> str:
    told = dig(row, spec.currency) if spec.currency else None
    return str(told or spec.currency_default or "").upper()


def _fits(row: Any, only: Mapping[str, Sequence[str]]) -> bool:
    return all(any(says(dig(row, path), wanted) for wanted in values) for path, values in only.items())


def _placed(row: Mapping[str, Any], spec: SaleSpec) -> datetime | None:
    """When a sale was made; a moment without an offset is by the clock of `zone`."""
    for path in spec.placed:
        told = dig(row, path)
        at = read_time(told, spec.placed_form)
        if at is not None:
            if spec.zone and datetime.fromisoformat(str(told)).tzinfo is None:
                return at.replace(tzinfo=ZoneInfo(spec.zone)).astimezone(UTC)
            return at
    return None


def sale_of(row: Mapping[str, Any], spec: SaleSpec) -> Sale | None:
    """An order as a sale; None where it is none yet, or never will be."""
    placed = _placed(row, spec)
    if placed is None or not _fits(row, spec.only) or (spec.never and _fits(row, spec.never)):
        return None
    changed = (read_time(dig(row, spec.changed), spec.changed_form) if spec.changed else None) or placed
    currency = _currency(row, spec)

    def amount(paths: Iterable[str]) -> int:
        return _amount(row, paths, spec, currency)

    customer = _first(row, spec.customer)
    known = customer is not None and str(customer) not in spec.no_customer
    email, phone = _first(row, spec.email), _first(row, spec.phone)
    lines = dig(row, spec.lines) if spec.lines else None
    shares = (_share(line, spec, currency) for line in lines or ()) if spec.line_tax_percent else ()
    return Sale(
        id=str(dig(row, spec.id)),
        placed_at=placed,
        changed_at=changed,
        currency=currency,
        total_minor=amount(spec.total) - amount(spec.less),
        tax_minor=amount(spec.tax) + sum(shares),
        tip_minor=amount(spec.tip),
        shipping_minor=amount(spec.shipping),
        credit_minor=_credit(row, spec, currency),
        customer_remote_id=str(customer) if known else None,
        email=str(email) if email else None,
        phone=str(phone) if phone else None,
        lines=tuple(
            _line(dig(line, spec.line) if spec.line else line, spec, currency) for line in lines or ()
        ),
    )


def _amount(row: Any, paths: Iterable[str], spec: SaleSpec, currency: str) -> int:
    """All that stands at some paths together, in minor units."""
    return sum(_minor(part, currency, spec.money) for path in paths for part in all_at(row, path))


def _credit(row: Mapping[str, Any], spec: SaleSpec, currency: str) -> int:
    """What was paid by gift card or store credit."""
    if spec.credit is None:
        return 0
    rows = dig(row, spec.credit.rows) or () if spec.credit.rows else (row,)
    return sum(
        _amount(one, spec.credit.amount, spec, currency) for one in rows if _fits(one, spec.credit.only)
    )


def _share(row: Any, spec: SaleSpec, currency: str) -> int:
    """The tax of a line that tells its percentage."""
    net = _minor(dig(row, spec.line_total), currency, spec.money)
    return round(net * Decimal(str(dig(row, spec.line_tax_percent) or 0)) / 100)


def _line(row: Any, spec: SaleSpec, currency: str) -> SaleLine:
    try:
        told = dig(row, spec.line_quantity)
        quantity = float(1 if told is None else told or 0)
    except (TypeError, ValueError):
        quantity = 0.0
    product = dig(row, spec.line_product) if spec.line_product else None
    return SaleLine(
        id=str(dig(row, spec.line_id) or ""),
        name=str(dig(row, spec.line_name) or ""),
        quantity=quantity,
        total_minor=_minor(dig(row, spec.line_total), currency, spec.money),
        product_id=None if product in (None, "") else str(product),
    )


def lacks(row: Mapping[str, Any], spec: SaleSpec, refunds: RefundSpec) -> str:
    """What a sale or refund that somebody sends lacks or has wrong, in words; empty where it can be booked."""
    back = bool(refunds.only) and _fits(row, refunds.only)
    if back and dig(row, refunds.sale) in (None, ""):
        return f"no sale at {refunds.sale!r}, so it is not known what is given back"
    amounts = (refunds.amount,) if isinstance(refunds.amount, str) else refunds.amount
    paths, moments = (amounts, (refunds.at,)) if back else (spec.total, spec.placed)
    told = [dig(row, path) for path in paths]
    if all(one in (None, "") for one in told):
        return f"no amount at {paths[0]!r}"
    for path, one in zip(paths, told, strict=True):
        try:
            if not Decimal(str(one or 0)).is_finite():
                raise InvalidOperation
        except InvalidOperation:
            return f"{str(one)[:40]!r} at {path!r}, which is no number"
    if all(read_time(dig(row, path), spec.placed_form) is None for path in moments):
        return f"no moment at {moments[0]!r} (such as 2026-11-24T12:00:00Z)"
    if not _currency(row, spec):
        return f"no currency at {spec.currency!r}"
    return ""


def refunds_of(row: Mapping[str, Any], spec: SaleSpec, sale_id: str | None = None) -> list[Refund]:
    """The refunds that a sale's row tells of, or the refund that a row of refunds is (`sale_id` None)."""
    given = spec.refunds
    if given is None:
        return []
    rows = [row] if sale_id is None else (dig(row, given.rows) or []) if given.rows else []
    currency = _currency(row, spec)
    found = (_refund(part, given, spec, currency, sale_id, row) for part in rows)
    return [refund for refund in found if refund is not None]


def _refund(
    part: Any, given: RefundSpec, spec: SaleSpec, currency: str, sale_id: str | None, row: Any
) -> Refund | None:
    if not _fits(part, given.only):
        return None
    paths = (given.amount,) if isinstance(given.amount, str) else given.amount
    amount = sum(_minor(dig(part, path), currency, spec.money) for path in paths)
    at = read_time(dig(part, given.at), given.at_form) if given.at else None
    if at is None:
        at = read_time(dig(row, spec.changed), spec.changed_form) if spec.changed else None
    if at is None and part is not row:
        at = _placed(row, spec)
    sale = sale_id or dig(part, given.sale)
    if not amount or sale in (None, "") or at is None:
        return None
    return Refund(
        id=str(dig(part, given.id)),
        sale_id=str(sale),
        at=at,
        amount_minor=abs(amount),
        currency=currency,
    )
