"""The model of a manifest: the file that describes a platform. About a dozen small models and no template language."""

from pydantic import BaseModel, ConfigDict, Field

from perkstar_tui.model.enums import DataType, Direction, Kind, Write
from perkstar_tui.model.errors import ErrorKind


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CredentialField(_Part):
    name: str
    label: str
    secret: bool = True
    help: str = ""


class ScopeInfo(_Part):
    name: str
    plain_words: str
    data: DataType | None = None


class AuthForm(_Part):
    """One way to authorise. `type` is bearer, api_key_header, basic or oauth2."""

    id: str
    title: str
    type: str
    fields: tuple[CredentialField, ...] = ()
    scopes: tuple[ScopeInfo, ...] = ()
    authorize_url: str = ""
    token_url: str = ""
    revoke_url: str = ""
    pkce: bool = True
    refresh_rotates: bool = False
    access_token_lifetime_s: int | None = None


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
    """What a platform can do with one data type."""

    to_platform: bool = False
    to_perkstar: bool = False
    batch_create: int = 1
    batch_update: int = 1
    page_size: int = 100
    overlap_s: float = 0.0
    search_lag_s: float = 0.0
    match_keys: tuple[str, ...] = ()
    deletes: str = ""
    fields: tuple[FieldSpec, ...] = ()


class LimitSpec(_Part):
    requests: int | None = None
    per_s: float = 1.0
    concurrent: int | None = None
    day: int | None = None


class ErrorRule(_Part):
    """A vendor's own meaning of an answer: by status, code and a part of the message."""

    kind: ErrorKind
    status: int | None = None
    code: str | None = None
    contains: str | None = None


class OptionSpec(_Part):
    name: str
    label: str
    default: str = ""
    help: str = ""


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
    """A platform. `system` marks Perkstar's own cloud, which is never a row in Active Integrations."""

    name: str
    title: str
    category: str
    kind: Kind = Kind.PREBUILT
    system: bool = False
    notes: str = ""
    base_url: str
    auth: tuple[AuthForm, ...]
    data: dict[DataType, DataSpec]
    realtime: bool = False
    limits: LimitSpec = LimitSpec()
    errors: tuple[ErrorRule, ...] = ()
    options: tuple[OptionSpec, ...] = ()
    guide: Guide = Guide()


class Planned(_Part):
    """A platform of the catalog by name and category (G1), whether or not it has a manifest yet."""

    name: str
    title: str
    category: str


class PlannedFile(_Part):
    platform: tuple[Planned, ...] = Field(default=())
