"""The parts of a manifest that say how a vendor is spoken to: calls, walks, records, writes. `reading.py` and
`writing.py` do what they say.

Text in a call may name values in braces. A member that is nothing but `{name}` becomes that value with its type, and
is left out where the value is unknown; elsewhere it becomes text (in a path: quoted). There is no other template
language. Paths into answers are dotted (`data.items`, `errors.0.message`); the empty path is the answer itself.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from perkstar_tui.model.remote import FactKind


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


TimeForm = Literal[
    "iso",
    "iso_s",
    "iso_naive",
    "date",
    "ms",
    "s",
    "s_text",
    "ms_date",
    "rfc2822",
    "eastern",
    "spaced",
    "iso_offset",
]
"""How a vendor writes a moment: RFC 3339 with milliseconds or seconds, the same in UTC without a zone (`spaced`: with
a space for the T; `iso_offset`: with `+0000`), a day, epoch milliseconds or seconds, `/Date(ms)/`, RFC 2822, or New
York's local time without a zone."""


class CallSpec(Part):
    """One request. `repeatable` says whether doing it twice does no harm where the method does not say it.

    `path` is a whole address for what a vendor has on another host.
    """

    method: str = "GET"
    path: str
    params: dict[str, Any] = {}
    json_body: Any = None
    form: dict[str, Any] = {}
    headers: dict[str, str] = {}
    bucket: str = ""
    repeatable: bool | None = None
    expect: str | None = None


class LogInSpec(Part):
    """A call that turns what a person gave into a token for a while (`{member}` of the credential).

    `token` is where the answer has it (the empty path: the answer itself), `ends` where it says until when, as a
    moment in `ends_form` or, where that is `in_s`, in seconds from now. `members` are further parts of the answer
    that calls need, by name and path.
    """

    call: CallSpec
    token: str = ""
    ends: str = ""
    ends_form: TimeForm | Literal["in_s"] = "in_s"
    members: dict[str, str] = {}


class PageSpec(Part):
    """How the next page is asked for.

    `token`: `next` is where an answer has the token that becomes `{token}`; `link`: `next` is where it has the
    address, or the Link header where it is empty; `offset`: `{offset}` counts rows (`{position}` from one), of which
    `again` are read twice so that rows that move are not stepped over; `number`: `{page}` counts pages from `first`;
    `none`: one page. `more` names a member that is true while more follows, `total` one that counts all rows.
    """

    style: Literal["none", "token", "link", "offset", "number"] = "none"
    next: str = ""
    more: str = ""
    total: str = ""
    first: int = 0
    again: int = 0


class LaterSpec(Part):
    """Something that the vendor does later: its answer has the `id` of a job (`{job}`), which is asked for by `poll`.

    `done` and `failed` are what `status` says at the end.
    """

    id: str
    poll: CallSpec
    status: str
    done: tuple[str, ...]
    failed: tuple[str, ...] = ()
    wait_s: float = 1.0
    patience_s: float = 900.0


class ExportSpec(LaterSpec):
    """All rows as files that the vendor makes: `begin` orders them, `files` is where their addresses are at the end.

    A file has rows as JSON, one a line or in a list, packed by gzip or plain. It is fetched without the credential.
    `count` is where the vendor says how many rows there are in them (with none, there may be no file), `reason` where
    it says why it failed. `above`: it is worth it only for more rows than that, which the first page's `total` tells;
    fewer are read page by page, and so are all where the order is not taken (an answer without a job). `parent`: a
    line with this member is an element of the list `children` of the row before it, whose id (`parent_id`) it names.
    """

    begin: CallSpec
    files: str
    count: str = ""
    reason: str = ""
    above: int | None = None
    parent: str = ""
    parent_id: str = "id"
    children: str = ""


class WalkSpec(Part):
    """How rows are read: all of them, and those changed since. In `row`, `*` stands for every element of a list.

    `window`: everything changed since a moment, page by page, and the vendor's own time at the start is the next
    `{since}`. `time`: rows come in order of change, and each page begins anew at the last time seen (`{since}`,
    `{offset}` within one time). `version`: `{since}` is a counter of the vendor, `version` where an answer has it.
    `span`: from `{since}` up to before `{until}`, never more than `span_s` at a time, at first from `reach_s` ago; what
    is older is not known, so such a walk is never complete.
    `sweep`: all rows each time. `told`: nothing can be read, deliveries carry the records (EventSpec.carries), and what
    they told is the source; it is never complete. `resumes`: a first walk that was cut off goes on at its page.
    `export`: all rows come in files; so they do where the vendor counts more changes (`total`) than it shows, and than
    make an export worth it.
    """

    walk: Literal["window", "time", "version", "span", "sweep", "told"] = "window"
    all: CallSpec | None = None
    export: ExportSpec | None = None
    changed: CallSpec | None = None
    rows: str = ""
    row: str = ""
    page: PageSpec = PageSpec()
    changed_page: PageSpec | None = None
    since: TimeForm = "iso"
    version: str = ""
    resumes: bool = True
    step_back: int = 0
    span_s: float = 2_592_000.0
    reach_s: float = 31_536_000.0

    @model_validator(mode="after")
    def _can_tell_how_many(self) -> "WalkSpec":
        if self.export is not None and self.export.above is not None and not (self.all and self.page.total):
            raise ValueError("an export `above` a number of rows needs `all`, and `total` in its page")
        return self


class ListSpec(Part):
    """A list of objects as flat fields: an element is named by its member `key`, or is the one marked by `first`.

    `value` is the member that holds the value; empty means that the element's own members follow in the path.
    `extra` are members of a new element. `whole`: writing it replaces all elements, so the others are sent along.
    `written_at` is where it stands in what is written, where that is another place.
    """

    path: str
    key: str = ""
    first: str = ""
    value: str = "value"
    extra: dict[str, Any] = {}
    whole: bool = False
    written_at: str = ""


class RecordSpec(Part):
    """How a customer looks. `at` is where its fields lie in a row, `archived` what members have when it is gone.

    `id_form` is how an id is written in calls, where that is more than the id (`gid://shop/Customer/{id}`).
    `moved` are fields that are read at one path (the name) and written at another, which is what they are called here.
    """

    id: str = "id"
    id_form: str = ""
    at: str = ""
    changed: str = ""
    changed_form: TimeForm = "iso"
    version: str = ""
    archived: dict[str, str] = {}
    merged_into: str = ""
    moved: dict[str, str] = {}
    lists: tuple[ListSpec, ...] = ()
    skip: dict[str, str] = {}


class FetchSpec(Part):
    """Records by id: `one` with `{id}`, or `many` of them, `at_once` a call.

    `{ids}` is a list of ids, `{ids_text}` the same with commas, `{ids_json}` as JSON, `{ids_quoted}` for queries.
    `rows` is where the records are in an answer, `row` where each is in its row.
    """

    one: CallSpec | None = None
    many: CallSpec | None = None
    at_once: int = 100
    rows: str = ""
    row: str = ""


class FindSpec(Part):
    """Records whose match key is `{value}` (`{digits}` without a plus, `{value_escaped}` for
    a text in a query); what the answer has beyond that is left out.

    `complete` is false where a search shows less of a record than a read: then it is fetched.
    """

    call: CallSpec
    rows: str = ""
    row: str = ""
    complete: bool = True


class SideSpec(Part):
    """Fields that lie beside a record and are written by a call of their own, once the record is known by its id.

    `prefix` is how their paths begin; `call` takes `{values}`, a list of `item` (`{id}`, `{name}`, `{value}`, and
    the record's `names`), of which a call takes `at_once`. `clears` is the value by which one is emptied. `values`
    have calls of their own, for vendors that have one act for each (subscribe, unsubscribe); others are not written.
    `with_new`: a new record takes them in itself. `element` is where a record has the id of what lies beside it
    (`{element}`), which `replace` then changes and `clear` takes away.
    """

    prefix: str
    call: CallSpec | None = None
    values: dict[str, CallSpec] = {}
    item: dict[str, Any]
    names: dict[str, str] = {}
    with_new: bool = False
    element: str = ""
    replace: CallSpec | None = None
    clear: CallSpec | None = None
    at_once: int = 25
    clears: str | None = ""


class JobSpec(LaterSpec):
    """A write that the vendor does later.

    `results` are then the records that came of it, or `look_up` finds those by the field `look_up_by` (`{values}`, so
    many at once); `errors` are those that were refused: each names its place in the list by the number in `error_at`.
    They are asked for only where there is something to learn: results of new records, whose ids are not known, and
    errors unless the member `refused` counts none.
    """

    results: WalkSpec | None = None
    look_up: FetchSpec | None = None
    look_up_by: str = ""
    errors: WalkSpec | None = None
    refused: str = ""
    error_at: str = ""
    size: int = 100


class MutationSpec(Part):
    """Many changes in one GraphQL request, each under a name of its own (`r0`, `r1`, ...).

    `create` and `update` are what is done with one record, which stands there as `$input` and is of the `type`;
    `fragments` follow. A call takes the whole as `{mutation}`, and the records by the names of their variables as
    `{records_by_name}`.
    """

    type: str
    create: str
    update: str
    fragments: str = ""

    def text(self, count: int, *, new: bool) -> str:
        """The mutation for so many records."""
        what = self.create if new else self.update
        heads = ", ".join(f"$i{place}: {self.type}" for place in range(count))
        done = " ".join(f"r{place}: {what.replace('$input', f'$i{place}')}" for place in range(count))
        return f"mutation many({heads}) {{ {done} }} {self.fragments}".rstrip()


class WriteSpec(Part):
    """How customers are written.

    `create` and `update` take one (`{record}`, `{id}`, `{key}`), `create_many` and `update_many` take a list
    (`{records}`); `row` and `rows` are where the answer has what stands now. `wrap` puts each record of a list into
    a form of its own; `id_member` is where an update in a list names its record. `empty` is how a field is cleared:
    with null, with an empty text, or not at all. `whole`: an update replaces the record, so it is read first and
    sent back changed, but for the members in `drop` (or only with those in `keep`) and those in `no_null` that are
    empty: left out, they are cleared (`no_blank`: an empty text is left out too). `echo`: the answer shows the
    record; else it stands as sent. Results come in the order asked, or have members that name the record
    (`answered`: by `key`, `id` or a field). `failed` is where a result says why it was refused, `failed_if` are
    members by which it says so. `defaults` are members that a new record must have, made of its other fields;
    `if_taken` are those that it is sent with once more where the vendor has such a one already.
    `complete`: an answer shows all fields, so that a missing one is empty. `joins`: a member made of fields that the
    vendor itself only shows (a full name of its parts). `stand_in`: a member that must be there takes, where it is
    empty, the value of another one (a last name that of the first). `number_ids`: ids are numbers there. `members`
    go with every record, `update_members` with every update (`{version}`). `mutation` is how
    GraphQL takes several. `sides` are fields that lie beside the record, `job` says that the vendor writes later.
    """

    create: CallSpec | None = None
    update: CallSpec | None = None
    create_many: CallSpec | None = None
    update_many: CallSpec | None = None
    archive: CallSpec | None = None
    row: str = ""
    rows: str = ""
    update_rows: str | None = None
    result: str = ""
    failed: str = ""
    failed_if: dict[str, str] = {}
    answered: dict[str, str] = {}
    job: JobSpec | None = None
    wrap: Any = None
    update_wrap: Any = None
    id_member: str = "id"
    members: dict[str, Any] = {}
    update_members: dict[str, Any] = {}
    new_id: str = ""
    empty: Literal["null", "text", "drop"] = "null"
    no_null: tuple[str, ...] = ()
    no_blank: tuple[str, ...] = ()
    stand_in: dict[str, str] = {}
    whole: bool = False
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    echo: bool = True
    complete: bool = False
    defaults: dict[str, Any] = {}
    if_taken: dict[str, Any] = {}
    number_ids: bool = False
    joins: dict[str, tuple[str, ...]] = {}
    sides: tuple[SideSpec, ...] = ()
    mutation: MutationSpec | None = None


class DiscoverSpec(Part):
    """What fields there are. Each of `rows` has the member `name`, which stands in `path` as `{name}`.

    `make` creates a missing one of the manifest (`{name}`, `{label}`, `{type}` by `make_types`). `by_label`: the
    vendor names fields itself, so the manifest's own are known by their label, and `path` leads to them.
    """

    call: CallSpec
    rows: str = ""
    page: PageSpec = PageSpec()
    name: str = "name"
    path: str = "{name}"
    label: str = "label"
    type: str = "type"
    types: dict[str, str] = {}
    only: dict[str, str] = {}
    read_only: dict[str, str] = {}
    custom: dict[str, str] = {}
    choices: str = ""
    choice: str = ""
    make: CallSpec | None = None
    make_types: dict[str, Any] = {}
    make_first: CallSpec | None = None
    by_label: bool = False


class IdentifySpec(Part):
    """Whom the credential belongs to, by the cheapest call that proves it.

    A path may name a member of the credential instead (`{measurement_id}`), where the vendor does not tell. Without a
    call the log-in proves it.
    """

    call: CallSpec | None = None
    id: str
    name: str = ""
    currency: str = ""
    timezone: str = ""
    country: str = ""


class RefundSpec(Part):
    """Money given back: in each sale at `rows`, by a walk of its own, or else as rows among the sales.

    Members as in `SaleSpec`; `sale` is where such a row names its sale.
    """

    rows: str = ""
    read: WalkSpec | None = None
    id: str = "id"
    sale: str = ""
    at: str = ""
    at_form: TimeForm = "iso"
    amount: str | tuple[str, ...] = "amount"
    negative: bool = False
    only: dict[str, tuple[str, ...]] = {}


class CreditSpec(Part):
    """Where it stands what was paid by gift card or store credit: `amount` at the sale, or at those of its `rows` (its
    payments) that have the values of `only`. Tips do not belong to it.
    """

    rows: str = ""
    amount: tuple[str, ...]
    only: dict[str, tuple[str, ...]] = {}


class SaleSpec(Part):
    """How an order, sale, paid invoice or visit looks: where its members are.

    `money`: amounts are minor units or decimal units of the currency. `only` are the values that members must have
    for it to count. `total` and its kin may name several members, which are added (`payments.*.tip`: of all
    elements). An empty `currency`: all are in the account's own. `zone` is where the clock stands by which moments
    without an offset are told (`account`: the account's own zone). `line_tax_percent` is for those who say no more of
    a tax than its share of each line.
    """

    read: WalkSpec
    id: str = "id"
    placed: tuple[str, ...]
    placed_form: TimeForm = "iso"
    changed: str = ""
    changed_form: TimeForm = "iso"
    zone: str = ""
    currency: str = "currency"
    currency_default: str = ""
    money: Literal["minor", "decimal"] = "decimal"
    total: tuple[str, ...] = ("total",)
    less: tuple[str, ...] = ()
    tax: tuple[str, ...] = ()
    tip: tuple[str, ...] = ()
    shipping: tuple[str, ...] = ()
    credit: CreditSpec | None = None
    customer: tuple[str, ...] = ()
    no_customer: tuple[str, ...] = ("0", "")
    email: tuple[str, ...] = ()
    phone: tuple[str, ...] = ()
    only: dict[str, tuple[str, ...]] = {}
    never: dict[str, tuple[str, ...]] = {}
    lines: str = ""
    line: str = ""
    line_id: str = "id"
    line_name: str = "name"
    line_quantity: str = "quantity"
    line_total: str = "total"
    line_product: str = ""
    line_tax_percent: str = ""
    refunds: RefundSpec | None = None


class PlaceSpec(Part):
    """Where rows go: the one of `rows` whose `name` is `called`, known by its `id`; else `make` makes it (`made`)."""

    find: CallSpec
    rows: str = ""
    name: str = "name"
    called: str = "Perkstar"
    id: str = "id"
    make: CallSpec
    made: str = "id"


class RowTemplate(Part):
    """A row or event; it is left out where the value `needs` is empty or nothing."""

    row: dict[str, Any]
    needs: str = ""


ColumnType = Literal["text", "integer", "number", "moment", "day", "flag"]
"""Kinds of columns in a file: a moment is a time in UTC."""


class FactSpec(Part):
    """What one sale, refund or customer becomes: one or several rows, in a `table` (`{table}`).

    `columns` are those of a file; facts of one table have the same.
    """

    table: str = ""
    columns: dict[str, ColumnType] = {}
    rows: tuple[RowTemplate, ...]

    def of(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The templates of the rows that a fact with these values becomes."""
        return [one.row for one in self.rows if not one.needs or values.get(one.needs) not in (None, "", 0)]


class CheckSpec(Part):
    """How it is counted there what has arrived, for platforms that answer well to what they drop (`perkstar test`).

    It wants the members `needs` of the credential, which are optional there. `log_in` turns them into `{token}`, and
    `call` goes without the credential that tells. It asks for the events from the day `{since}` on whose names are
    among `{names}`; each of its `rows` has a `name` and a `count`. `event` is where what is told has its name.

    What was told `settles_s` seconds ago should be there, `reach_s` is how far back that is looked for. Others may tell
    events of the same names: where some of `own` were told, which are this program's alone, they decide. `remedy` is
    what to do where nothing arrives.
    """

    needs: tuple[str, ...]
    log_in: LogInSpec
    call: CallSpec
    rows: str = ""
    name: str = "name"
    count: str = "count"
    event: str = "name"
    own: tuple[str, ...] = ()
    settles_s: float = 172_800.0
    reach_s: float = 2_592_000.0
    remedy: str


class RowsSpec(Part):
    """Rows or events that are appended at a platform which only takes them.

    `facts` are the kinds that are sent: `sale`, `refund`, `customer`. Templates may name `{key}` (id and version),
    `{id}`, `{version}`, `{kind}`, `{sale}`, `{at}`, `{at_micros}`, `{day}`, `{currency}`, `{amount}` (in units, less
    than nothing for a refund), `{points}`, `{customer}`, `{client}` (two numbers that stand for the customer),
    `{platform}`, and of a customer `{tier}`, `{balance}`, `{country}`, `{joined}`, `{last_visit}`, `{gone}`;
    `{name}`, `{email}` and `{phone}` are empty unless the admin has chosen them (`personal`).

    `whole`: rows can't be added to, so all of a table are published as a file, which takes the place of the one before;
    a hook does that. `deliver`: each fact waits in the store as a delivery of its own until an endpoint has taken it;
    customers then have all that is known of them (`{first_name}`, `{birth_date}`, `{consent}`, ...).

    Otherwise `call` takes `at_once` facts as `{rows}`; with one at once it may name the fact's values itself. `once`: a
    change is not sent again. `oldest_s`: the platform does not take older ones. `there`: asks whether a fact (`{key}`)
    is there, at the path `count`, after a call whose answer got lost. `check` counts what has arrived.
    """

    call: CallSpec | None = None
    whole: bool = False
    deliver: bool = False
    at_once: int = 500
    facts: dict[FactKind, FactSpec]
    place: PlaceSpec | None = None
    once: bool = False
    oldest_s: float | None = None
    there: CallSpec | None = None
    count: str = ""
    check: CheckSpec | None = None

    @model_validator(mode="after")
    def _has_a_way(self) -> "RowsSpec":
        if self.call is None and not self.whole and not self.deliver:
            raise ValueError("rows need `call`, by which they are told, or `whole`, or `deliver`")
        return self


class JournalSpec(Part):
    """How a journal is entered in the vendor's books, and how the accounts are known that it may be entered under.

    `accounts` lists them: where they are in an answer (`rows`, `row`, `page`), and where each has its `id` (which lines
    name), `code` and `name`; `closed` are values of members by which none is taken. `kind` is where it says what it is
    (an asset, a liability), and `unfit` by option the kinds that it may not name; what it is not said of, it may.
    `home` asks for the currency that the books are kept in, at `currency`; without it a journal says its own.
    `make` may name `{key}` (at most 21 characters, never used for another journal), `{attempt}` (the same, which a
    vendor may know a request by: it is another one after a refusal), `{day}`, `{currency}`, `{memo}`
    (which has the key in it) and `{lines}`, each made of `line`: `{account}`, `{memo}`, `{side}` (Debit or Credit),
    `{amount}`, `{signed}` (a credit is below nothing), and `{debit}` and `{credit}`, of which one is unknown. Amounts
    are in units of the currency, as numbers or as text (`amounts`). `there` looks for it, by the same names and
    `{first}` (the account of its first line), after a call whose answer got lost: it is the one of `found` whose
    member `named` has the key in it.
    """

    accounts: CallSpec
    rows: str = ""
    row: str = ""
    page: PageSpec = PageSpec()
    id: str = "id"
    code: str = ""
    name: str = "name"
    closed: dict[str, tuple[str, ...]] = {}
    kind: str = ""
    unfit: dict[str, tuple[str, ...]] = {}
    home: CallSpec | None = None
    currency: str = ""
    make: CallSpec
    line: dict[str, Any]
    amounts: Literal["number", "text"] = "number"
    there: CallSpec
    found: str = ""
    found_page: PageSpec = PageSpec()
    named: str


class EventsSpec(Part):
    """How a customer's moments are told (K7): a tier that changed, points that expire, a birthday, a first purchase,
    and no visit for long.

    With `call` they are events: it takes `at_once` of them as `{rows}`, made from `row`; with one at once it may name
    the event's values itself. These are `{key}` (its name for ever), `{kind}` (`tier_changed`, `points_expiring`,
    `birthday`, `first_purchase`, `inactive`), `{title}` and `{text}` (the same in words), `{remote}` (the customer's
    id there), `{customer}` (here), `{email}`, `{phone}`, `{first_name}`, `{at}`, `{day}` (that it is about),
    `{balance}`, `{tier}`, and of some kinds `{tier_before}`, `{days}`, `{amount}`, `{currency}`. With `texts` all are
    texts, with `number_ids` the customer's id is a number. Where an answer has results (`results`, in the order of
    the events), `failed_if` are members by which one says that it was refused, `failed` where it says why.

    Without `call` they are days in fields of the customer: those of the manifest whose `hub` is the kind, made there
    if they are missing.

    `shown` says in words what they become there (`as events of the profile`).

    `there` asks, after a call whose answer got lost, for the events of a customer: the last one was told where among
    `rows` one has its key in the member `by`. Without it a repeat must do no harm. `marketing`: whoever has said no
    to marketing is left out.
    """

    call: CallSpec | None = None
    at_once: int = 100
    row: Any = None
    texts: bool = False
    number_ids: bool = False
    results: str | None = None
    failed_if: dict[str, str] = {}
    failed: str = ""
    there: CallSpec | None = None
    rows: str = ""
    by: str = ""
    marketing: bool = False
    shown: str = ""


class SubscribeSpec(Part):
    """Registering a webhook at `{url}`: one call, or one for each of `events` (`{event}`), signed with `{secret}`.

    `{number}` is one that nobody else has, for vendors that have us number what we register. `secret` is where the
    answer has the secret instead. `then` switches on what was registered (`{id}`). One that ends by itself lives
    `lasts_s` seconds (`{until}`), and is made anew when half of them are over.
    """

    call: CallSpec
    events: tuple[str, ...] = ()
    id: str = "id"
    secret: str = ""
    then: CallSpec | None = None
    lasts_s: float | None = None
    remove: CallSpec | None = None


class GreetingSpec(Part):
    """The unsigned message by which some vendors try a new address: its body, JSON or a `form`, starts as `begins`.

    It is answered, and nothing is believed of it. `code` is where it has a word that proves whose the address is: the
    log shows it to the person who enters it at the vendor, or `confirm` sends it back (`{code}`, for the registration
    `{id}`), and deliveries of that registration are signed with it.
    """

    begins: str
    form: bool = False
    code: str = ""
    id: str = ""
    confirm: CallSpec | None = None


class EventSpec(Part):
    """What a delivery says: `rows` are its events, each with an id, a type that begins as `kinds` lists, and a record.

    What an event does not have itself is looked for beside the rows; the empty path is the event. An id stands behind
    the first `record_after`, if there is one in it. Events without an id are known by their words, or `nameless`, where
    two changes of a record have the same: then none is taken for a repeat. `only` are members that say whose event it
    is (`{member}` of the credential, also in `rows`), since vendors tell of all accounts of an app at one address.
    `form_field`: the body is a form, and this field holds JSON. `carries` is where an event has the whole record, for
    platforms that let nobody read it (`.`: the event is the record); its id is where reads have it, or at `carried_id`,
    and the first word of the event's type stands in it as the member `carried_kind`, if it has none itself.
    Paths may name options in braces, for senders whose form the admin describes.
    """

    rows: str = ""
    only: dict[str, str] = {}
    id: str = ""
    id_header: str = ""
    nameless: bool = False
    type: str = "type"
    type_header: str = ""
    record: str = "id"
    record_after: str = ""
    at: str = ""
    customers: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()
    form: bool = False
    form_field: str = ""
    carries: str = ""
    carried_id: str = ""
    carried_kind: str = ""
