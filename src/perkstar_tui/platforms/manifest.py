"""The model of a manifest: the file that describes a platform. About a dozen small models and no template language."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from perkstar_tui.http.budget import spacing
from perkstar_tui.model.enums import DataType, Direction, Kind, Write
from perkstar_tui.model.errors import ErrorKind

from .parts import (
    DiscoverSpec,
    EventSpec,
    EventsSpec,
    ExportSpec,
    FetchSpec,
    FindSpec,
    GreetingSpec,
    IdentifySpec,
    JournalSpec,
    LogInSpec,
    RecordSpec,
    RowsSpec,
    SaleSpec,
    SubscribeSpec,
    WalkSpec,
    WriteSpec,
)
from .parts import Part as _Part


class CredentialField(_Part):
    """`aliases` are other names under which people and tools give the same thing.

    `made`: where nothing is given, a random key is made behind this text (`whsec_`, Standard Webhooks). `optional`: it
    may stay empty, and something is not done then.
    """

    name: str
    label: str
    secret: bool = True
    help: str = ""
    aliases: tuple[str, ...] = ()
    made: str = ""
    optional: bool = False


class ScopeInfo(_Part):
    name: str
    plain_words: str
    data: DataType | None = None


class AuthForm(_Part):
    """One way to authorise. `type` is bearer, api_key_header, basic, login, oauth1, oauth2 or signed.

    `signed`: nothing goes with requests but the signature of what is delivered. `direction` is the way that it serves.

    `login`: what the person gives is turned into a token by the call `log_in`, and that goes with requests as a
    bearer's would. `oauth1`: each request is signed by RFC 5849 (HMAC-SHA256) with key and secret of the consumer and
    of the token, which are the first four `fields`. For the simple ones `fields` come from the person, the first of
    them is the secret, and `header` names where a key goes; `region_member` is what follows the last `region_after`
    in it, for the base address. For OAuth 2.0 `token_body` is how the token call is written, `refreshes` whether
    there are refresh tokens, and `renew_at` the
    share of its life after which an access token is renewed. `scheme` stands before a token in the header, and
    `header` is its name where it is not Authorization. `query` is the name of the query parameter that carries the
    secret instead of a header. `extra_headers` go with every request (`{member}` of the
    credential). `token_auth`: where the app's id and secret are in a token call,
    `token_extra` what else goes with it. `keeps` are members of the redirect
    or the token answer that calls need later, `needs` those without which it is no
    credential, `aliases` what the vendor calls them there. `metadata_url` is asked with the fresh token for the members
    of `metadata` (name and path in the answer).
    """

    id: str
    title: str
    type: Literal["bearer", "api_key_header", "basic", "login", "oauth1", "oauth2", "signed"]
    direction: Direction = Direction.BOTH
    log_in: LogInSpec | None = None
    fields: tuple[CredentialField, ...] = ()
    scopes: tuple[ScopeInfo, ...] = ()
    header: str = ""
    region_member: str = ""
    region_after: str = ""
    authorize_url: str = ""
    authorize_extra: dict[str, str] = {}
    token_url: str = ""
    token_body: Literal["form", "json"] = "form"
    metadata_url: str = ""
    metadata_scheme: str = "Bearer"
    metadata: dict[str, str] = {}
    revoke_url: str = ""
    pkce: bool = True
    secret_needed: bool = True
    scheme: str = "Bearer"
    query: str = ""
    extra_headers: dict[str, str] = {}
    scope_joiner: str = " "
    token_auth: Literal["body", "basic"] = "body"
    token_extra: dict[str, str] = {}
    refresh_url: str = ""
    aliases: dict[str, str] = {}
    keeps: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    refreshes: bool = True
    refresh_rotates: bool = False
    access_token_lifetime_s: int | None = None
    renew_at: float = 0.9
    redirect_help: str = ""


class FieldSpec(_Part):
    """One line of the default mapping: a hub field, the platform's flat path, and the transform between them."""

    hub: str
    remote: str
    label: str
    type: str = "text"
    transform: str = "text"
    direction: Direction = Direction.BOTH
    write: Write = Write.ALWAYS
    required: bool = False
    create: bool = False
    default: bool = True


class DataSpec(_Part):
    """What a platform can do with one data type, and how it is read, fetched, found, discovered and written.

    `batch_create` and `batch_update` are what is handed over at once; `singly`: each record is a call of its own, and
    those of a batch are made side by side. `page_size` are the rows of a page, `first_page_size` those of a first
    read where they differ. `twins`: whether the vendor refuses a second record of the same person, joins it to the
    first, or makes it. `create_key`: a create that is sent twice with one key makes one record. `merges`: what a
    merged record's id leads to there.
    """

    to_platform: bool = False
    to_perkstar: bool = False
    batch_create: int = 1
    batch_update: int = 1
    singly: bool = False
    page_size: int = 100
    first_page_size: int | None = None
    twins: Literal["refused", "joined", "allowed"] = "refused"
    create_key: bool = False
    merges: Literal["winner", "gone", ""] = ""
    overlap_s: float = 0.0
    search_lag_s: float = 0.0
    complete_only: bool = False
    match_keys: tuple[str, ...] = ()
    deletes: str = ""
    fields: tuple[FieldSpec, ...] = ()
    record: RecordSpec | None = None
    read: WalkSpec | None = None
    fetch: FetchSpec | None = None
    find: dict[str, FindSpec] = {}
    discover: DiscoverSpec | None = None
    write: WriteSpec | None = None
    sale: SaleSpec | None = None
    rows: RowsSpec | None = None
    journal: JournalSpec | None = None
    events: EventsSpec | None = None

    @property
    def by_change(self) -> bool:
        """Whether later reads give only what the vendor says has changed: what it doesn't say is missed by them."""
        read = self.read or (self.sale.read if self.sale is not None else None)
        whole = read is not None and read.walk in ("told", "sweep", "span")
        return self.to_perkstar and not self.complete_only and not whole

    @property
    def export(self) -> ExportSpec | None:
        """How everything is read as files, where it can be."""
        read = self.read or (self.sale.read if self.sale is not None else None)
        return read.export if read is not None else None


class LimitSpec(_Part):
    """`requests` per `per_s` seconds; further budgets of the same account by name in `also`.

    `points_cost`, `points_left` and `points_per_s` are where an answer tells of a bucket of points: the next call waits
    until it bears one like the last.
    """

    requests: int | None = None
    per_s: float = 1.0
    concurrent: int | None = None
    day: int | None = None
    header_most: str = ""
    header_remaining: str = ""
    header_interval_ms: str = ""
    points_cost: str = ""
    points_left: str = ""
    points_per_s: str = ""
    also: dict[str, "LimitSpec"] = {}

    @property
    def interval_ms(self) -> float:
        """Milliseconds between evenly spaced requests; 0 where there is no limit in time."""
        return spacing(self.per_s * 1000.0, self.requests) if self.requests else 0.0


class ErrorRule(_Part):
    """A vendor's own meaning of an answer: by status, code, part of the message, members, or a body that is none."""

    kind: ErrorKind
    status: int | None = None
    code: str | None = None
    contains: str | None = None
    where: dict[str, str] = {}
    bare: bool = False
    wait_s: float | None = None
    message: str = ""
    field: str | None = None
    remedy: str | None = None


class ErrorBody(_Part):
    """Where the parts of an error body are: dotted paths, the first that is filled counts.

    Of a list the first element counts, of an object its first value (`path.#`: that value's name). `inside` are
    members that make an answer with a good status an error. `waits` are headers of a 429 beside Retry-After, with
    their unit. `parameters` is where the body has what belongs into the places (`%1`, `%name`) of its words.
    """

    inside: tuple[str, ...] = ()

    code: tuple[str, ...] = ("code", "error")
    words: tuple[str, ...] = ("message", "error_description", "detail", "error")
    field_name: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    field_patterns: tuple[str, ...] = ()
    request_id: tuple[str, ...] = ()
    request_id_headers: tuple[str, ...] = ("x-request-id",)
    parameters: str = ""
    waits: dict[str, Literal["ms", "s", "epoch"]] = {}


class WebhookSpec(_Part):
    """How the platform tells of changes. `signature` is the name of a check in `webhooks.py`.

    `hmac`: SHA-256 over the parts of `signed` in a row (body, url, id, timestamp, form.json, or text such as a dot), in
    `encoding`, behind `prefix`, with the secret of the registration or, by `app_secret`, of the app. `form.json` is the
    body's form as JSON text, a space behind each colon and comma. `shared`: the header, or without one the `member` of
    the body, is the secret itself; `basic`: the secret is a password. `by_hand`: a person enters the address in the
    vendor's own settings, since no call does it; the key that the vendor then shows is entered as the secret option, or
    both know it as the member `key` of the credential. `open` is an option that, set to no, lets in what is not signed:
    the address is the secret then.
    """

    signature: Literal["square", "hubspot-v3", "mailchimp", "hmac", "shared", "basic", "none"] = "none"
    header: str = ""
    member: str = ""
    signed: tuple[str, ...] = ("body",)
    encoding: Literal["base64", "hex"] = "base64"
    prefix: str = ""
    id_header: str = ""
    timestamp_header: str = ""
    event: EventSpec | None = None
    subscribe: SubscribeSpec | None = None
    app_secret: bool = False
    events: tuple[str, ...] = ()
    greeting: GreetingSpec | None = None
    tolerance_s: float | None = None
    can_subscribe: bool = False
    by_hand: bool = False
    key: str = ""
    open: str = ""


class OptionSpec(_Part):
    """A setting of an integration that only this platform has: one of `choices`, a `number` from 0, or any text.

    A `secret` one is the key of webhooks that are entered by hand: it lies in the vault, and no call names it.
    """

    name: str
    label: str
    default: str = ""
    help: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()
    number: bool = False


class Guide(_Part):
    """What a person should know before connecting (K1)."""

    what: str = ""
    steps: tuple[str, ...] = ()
    limits: str = ""
    permissions: str = ""
    disconnect: str = ""
    docs_url: str = ""
    status_url: str = ""
    privacy_url: str = ""


class Manifest(_Part):
    """A platform. `system` marks Perkstar's own cloud, which is never a row in Active Integrations; a `draft` is
    one that has not passed all contracts yet, and counts as planned.

    `base_url` may name members of the credential in braces for vendors with regions (`https://{dc}.example.com`);
    `base_defaults` are used where the credential has no such member.
    """

    name: str
    title: str
    category: str
    kind: Kind = Kind.PREBUILT
    system: bool = False
    draft: bool = False
    notes: str = ""
    base_url: str
    base_defaults: dict[str, str] = {}
    path_prefix: str = ""
    headers: dict[str, str] = {}
    timeout_s: float = 25.0
    auth: tuple[AuthForm, ...]
    data: dict[DataType, DataSpec]
    realtime: bool = False
    identify: IdentifySpec | None = None
    limits: LimitSpec = LimitSpec()
    errors: tuple[ErrorRule, ...] = ()
    error_body: ErrorBody = ErrorBody()
    webhooks: WebhookSpec | None = None
    options: tuple[OptionSpec, ...] = ()
    guide: Guide = Guide()

    @property
    def read_by_calls(self) -> bool:
        """Whether its customers can be asked for; some platforms only tell of them, others hold none."""
        spec = self.data.get(DataType.CUSTOMERS)
        return spec is not None and (spec.read is None or spec.read.walk != "told")

    @property
    def key_option(self) -> str:
        """The option in which the key of webhooks is entered; empty where there is none."""
        return next((option.name for option in self.options if option.secret), "")

    def option(self, name: str, given: "Mapping[str, object]") -> str:
        """The value of an option: as given, else the manifest's default."""
        value = given.get(name)
        if value not in (None, ""):
            return str(value)
        return next((option.default for option in self.options if option.name == name), "")

    def chosen(self, given: "Mapping[str, object]") -> dict[str, str]:
        """Every option with its value, for parts whose paths name them."""
        return {option.name: self.option(option.name, given) for option in self.options}


class Planned(_Part):
    """A platform of the catalog by name and category (G1), whether or not it has a manifest yet."""

    name: str
    title: str
    category: str
    kind: Kind = Kind.PREBUILT
    notes: str = "Not available yet."


class PlannedFile(_Part):
    platform: tuple[Planned, ...] = Field(default=())
