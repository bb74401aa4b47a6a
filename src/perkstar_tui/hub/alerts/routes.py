"""Routes: where alerts are told, which of them, and when. Passwords and secrets lie in the vault."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import delete, func, insert, select, update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import plain
from perkstar_tui.platforms.delivering import checked
from perkstar_tui.platforms.signing import is_secret, made_secret

from ..bench import Bench
from ..credentials import StoredCredential, delete_credential, write_credential
from .book import TOLD
from .conditions import KINDS, LEVELS
from .facts import ROUTE, SENDING
from .mail import Server, parse_address
from .quiet import is_quiet, parse_quiet
from .views import RouteSetting, RouteView

APP, TERMINAL, WEBHOOK, EMAIL = ROUTE_KINDS = ("app", "terminal", "webhook", "email")
OUTSIDE = (WEBHOOK, EMAIL)
YES_NO = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set of a route of some kinds."""

    name: str
    label: str
    help: str
    default: str
    kinds: tuple[str, ...]
    choices: tuple[str, ...] = ()
    required: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("to", "To", "Addresses that are told, with commas between.", "", (EMAIL,), required=True),
    Setting("from", "From", "The address that mail comes from.", "", (EMAIL,), required=True),
    Setting("host", "Mail server", "Its name, such as smtp.example.com.", "", (EMAIL,), required=True),
    Setting("port", "Port", "Empty: 587 for starttls, 465 for tls, 25 for none.", "", (EMAIL,)),
    Setting("security", "Security", "none only on this machine and in private networks if there is a password.",
        "starttls", (EMAIL,), ("starttls", "tls", "none")),
    Setting("user", "User", "Empty where the server wants no log-in.", "", (EMAIL,)),
    Setting("ca_file", "Certificates", "A PEM file with whom to believe besides the usual.", "", (EMAIL,)),
    Setting("url", "Address", "What is posted to, signed as Standard Webhooks has it.", "", (WEBHOOK,),
        required=True),
    Setting("bell", "Bell", "Ring the terminal's bell.", "yes", (TERMINAL,), YES_NO),
    Setting("desktop", "Desktop", "Have the terminal show it on the desktop (OSC 9).", "yes", (TERMINAL,), YES_NO),
    Setting("level", "From level", "Only what is at least so urgent.", "warning", ROUTE_KINDS, LEVELS),
    Setting("kinds", "Kinds", "Only these kinds; empty is all.", "", ROUTE_KINDS),
    Setting("quiet", "Quiet hours", "On the account's clock, such as 22:00-07:00; what came is told at their end.", "",
        (TERMINAL, WEBHOOK, EMAIL)),
    Setting("break_through", "Critical breaks through", "Whether what is critical is told all the same.", "no",
        (TERMINAL, WEBHOOK, EMAIL), YES_NO),
    Setting("resolved", "Tell when over", "One more message once it is over.", "yes", OUTSIDE, YES_NO),
    Setting("remind_hours", "Remind after hours", "While it stands and nobody has seen it; 0: never.", "24", OUTSIDE),
    Setting("every_minutes", "At most each", "Minutes between two messages; what comes meanwhile is told together.",
        "15", OUTSIDE),
    Setting("enabled", "On", "Whether anything is told here.", "yes", (TERMINAL, WEBHOOK, EMAIL), YES_NO),
)  # fmt: skip
_COLUMNS = ("level", "kinds", "quiet", "enabled")
_NUMBERS = {"port": (1, 65535), "remind_hours": (0, 8760), "every_minutes": (0, 1440)}


def owner_of(route: str) -> str:
    """Under which name a route's secret lies in the vault."""
    return f"route:{route}"


def settings_for(kind: str) -> list[Setting]:
    """What can be set of a kind of route. Raises USAGE for an unknown one."""
    if kind not in ROUTE_KINDS:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"There is no kind of route {kind!r}.",
            remedy=f"Use {' or '.join(OUTSIDE)}.",
            field="kind",
        )
    return [one for one in SETTINGS if kind in one.kinds]


# -- reading ---------------------------------------------------------------------------------------------------


def rows_of(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(connection.execute(select(ROUTE).order_by(ROUTE.c.changed_at, ROUTE.c.name)).all())


def find(bench: Bench, name: str) -> Any:
    """A route by its name. Raises NOT_FOUND."""
    rows = rows_of(bench)
    found = [row for row in rows if row.name == name.strip().lower()]
    if found:
        return found[0]
    raise PerkstarError(
        ErrorKind.NOT_FOUND,
        f"There is no route {plain(name)[:40]!r}.",
        remedy=f"There are {', '.join(row.name for row in rows)}; `perkstar alerts add` makes one.",
    )


def value_of(row: Any, setting: Setting) -> str:
    """A setting of a route as words."""
    if setting.name == "enabled":
        return "yes" if row.enabled else "no"
    if setting.name == "kinds":
        return ",".join(row.kinds)
    if setting.name in _COLUMNS:
        return str(getattr(row, setting.name))
    return str(row.options.get(setting.name, setting.default))


def option(row: Any, name: str) -> str:
    """A setting of a route by its name."""
    return value_of(row, next(one for one in SETTINGS if one.name == name))


def wants(row: Any, kind: str, level: str) -> bool:
    """Whether a route is to tell of an alert of this kind and level."""
    return LEVELS.index(level) >= LEVELS.index(row.level) and (not row.kinds or kind in row.kinds)


def routes(bench: Bench) -> list[RouteView]:
    """Every route with how it stands."""
    counts: dict[tuple[str, str], Any] = {}
    with bench.store.read() as connection:
        for row in connection.execute(
            select(SENDING.c.route, SENDING.c.state, func.count().label("n"), func.max(SENDING.c.tried_at).label("at"))
            .group_by(SENDING.c.route, SENDING.c.state)
        ):  # fmt: skip
            counts[row.route, row.state] = row
        keys = _with_secret(connection)
    account = bench.account_row()
    zone = account.timezone if account else "UTC"
    return [_view(bench, row, counts, zone, owner_of(row.name) in keys) for row in rows_of(bench)]


def _with_secret(connection: Any) -> set[str]:
    from ..credentials import CREDENTIAL

    found = select(CREDENTIAL.c.owner_id).where(CREDENTIAL.c.owner_id.startswith("route:"))
    return set(connection.execute(found).scalars())


def _view(
    bench: Bench, row: Any, counts: Mapping[tuple[str, str], Any], zone: str, has_secret: bool
) -> RouteView:
    def number(state: str) -> int:
        found = counts.get((row.name, state))
        return found.n if found is not None else 0

    sent = counts.get((row.name, "sent"))
    settings = [
        RouteSetting(
            one.name, one.label, one.help, value_of(row, one), one.choices, one.name == "kinds", one.required
        )
        for one in settings_for(row.kind)
    ]
    if row.kind == EMAIL:
        settings.insert(6, password_setting(has_secret))
    return RouteView(
        name=row.name,
        kind=row.kind,
        enabled=row.enabled,
        level=row.level,
        kinds=tuple(row.kinds),
        quiet=row.quiet,
        options={**row.options, **({"url": _shown(row.options["url"])} if row.kind == WEBHOOK else {})},
        where=where_to(row),
        settings=tuple(
            one
            if one.name != "url"
            else RouteSetting(one.name, one.label, one.help, _shown(one.value), required=True)
            for one in settings
        ),
        quiet_now=is_quiet(row.quiet, bench.clock.now(), zone),
        sent=number("sent"),
        pending=number("pending"),
        dead=number("dead"),
        last_sent=sent.at if sent is not None else None,
        problem=row.problem,
        failures=row.failures,
    )


def password_setting(known: bool) -> RouteSetting:
    return RouteSetting(
        "password",
        "Password",
        "Lies in the vault and is never shown.",
        "••••••••" if known else "",
        secret=True,
    )


def _shown(url: str) -> str:
    """An address without what may be a secret in its query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "…" if parts.query else "", ""))


def where_to(row: Any) -> str:
    """Where a route leads, in words."""
    if row.kind == EMAIL:
        return f"{row.options.get('to', '')} by {row.options.get('host', '')}"
    if row.kind == WEBHOOK:
        return _shown(row.options.get("url", ""))
    return {
        APP: "the header and the list of the screen",
        TERMINAL: "bell and desktop of whoever has a screen open",
    }[row.kind]


# -- changing --------------------------------------------------------------------------------------------------


def add(bench: Bench, name: str, kind: str | None, given: Mapping[str, str], secret: str | None) -> RouteView:
    """Make a route. Raises USAGE for a bad name or setting; nothing is kept then."""
    bench.need_account()
    wanted = name.strip().lower()
    if not (
        1 <= len(wanted) <= 32 and wanted.isascii() and wanted.replace("-", "").replace("_", "").isalnum()
    ):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{plain(name)[:40]!r} cannot be a route's name.",
            remedy="Use up to 32 letters, digits and -.",
            field="name",
        )
    kind = kind or ("email" if "to" in given else "webhook" if "url" in given else "")
    if kind not in OUTSIDE:
        raise PerkstarError(
            ErrorKind.USAGE,
            "A route that is added is email or webhook.",
            remedy="Give --set to=… and --set host=… for mail, --set url=… for a webhook.",
            field="kind",
        )
    if any(row.name == wanted for row in rows_of(bench)):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"There is a route {wanted!r} already.",
            remedy="Edit it, or choose another name.",
            field="name",
        )
    defaults = {one.name: one.default for one in settings_for(kind)}
    values = _checked(kind, {}, {**defaults, **given}, secret is not None)
    kept = _kept_secret(kind, secret)
    with bench.store.write() as connection:
        now = bench.clock.now()
        connection.execute(
            insert(ROUTE).values(name=wanted, kind=kind, changed_at=now, problem="", failures=0, **values)
        )
        if kept is not None:
            write_credential(connection, bench.vault, owner_of(wanted), kept, now)
        bench.audit(
            connection, "alert_route_add", None, None, {"route": wanted, "kind": kind, **_told(values)}
        )
    return next(one for one in routes(bench) if one.name == wanted)


def edit(bench: Bench, name: str, given: Mapping[str, str], secret: str | None = None) -> RouteView:
    """Change a route's settings; an empty one is its default. Raises USAGE; nothing is changed then."""
    row = find(bench, name)
    known = {one.name: value_of(row, one) for one in settings_for(row.kind)}
    has = secret is not None or _has_secret(bench, row.name)
    values = _checked(row.kind, known, given, has)
    kept = _kept_secret(row.kind, secret) if secret is not None else None
    with bench.store.write() as connection:
        now = bench.clock.now()
        more = {"changed_at": now} if row.kind in OUTSIDE else {}
        connection.execute(
            update(ROUTE).where(ROUTE.c.name == row.name).values(problem="", failures=0, **more, **values)
        )
        _try_again(connection, row.name, now)
        if secret is not None:
            if kept is None:
                delete_credential(connection, owner_of(row.name))
            else:
                write_credential(connection, bench.vault, owner_of(row.name), kept, now)
        bench.audit(
            connection,
            "alert_route_edit",
            None,
            {"route": row.name, **_told(dict(row._mapping))},
            _told(values),
        )
    return next(one for one in routes(bench) if one.name == row.name)


def _try_again(connection: Any, name: str, now: Any) -> None:
    """What a route could not tell is tried at once; what was given up is told anew if it still stands."""
    mine = SENDING.c.route == name
    connection.execute(update(SENDING).where(mine, SENDING.c.state == "pending").values(next_attempt=now))
    dead = connection.execute(select(SENDING.c.about).where(mine, SENDING.c.state == "dead")).scalars()
    lost = [item["alert"] for items in dead for item in items]
    connection.execute(delete(TOLD).where(TOLD.c.route == name, TOLD.c.alert_id.in_(lost)))
    connection.execute(delete(SENDING).where(mine, SENDING.c.state == "dead"))


def remove(bench: Bench, name: str) -> None:
    """Forget a route and its secret. Raises USAGE for the app and the terminal, which can only be switched off."""
    row = find(bench, name)
    if row.kind not in OUTSIDE:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The route {row.name} is always there.",
            remedy="`perkstar alerts edit terminal --set enabled=no` keeps it still.",
        )
    with bench.store.write() as connection:
        connection.execute(delete(ROUTE).where(ROUTE.c.name == row.name))
        connection.execute(delete(SENDING).where(SENDING.c.route == row.name))
        connection.execute(delete(TOLD).where(TOLD.c.route == row.name))
        delete_credential(connection, owner_of(row.name))
        bench.audit(
            connection, "alert_route_remove", None, {"route": row.name, **_told(dict(row._mapping))}, None
        )


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the audit trail has them: an address without its query."""
    found = {name: values[name] for name in (*_COLUMNS, "options") if name in values}
    if found.get("options", {}).get("url"):
        found["options"] = {**found["options"], "url": _shown(found["options"]["url"])}
    return found


def _has_secret(bench: Bench, name: str) -> bool:
    with bench.store.read() as connection:
        return owner_of(name) in _with_secret(connection)


def _kept_secret(kind: str, secret: str | None) -> dict[str, Any] | None:
    if kind == EMAIL:
        return {"password": secret} if secret else None
    chosen = secret or made_secret()
    if not is_secret(chosen):
        raise PerkstarError(
            ErrorKind.USAGE,
            "The secret is none by which messages can be signed.",
            remedy="Leave it out to have one made, or give `whsec_` and 24 to 64 bytes in base64.",
            field="secret",
        )
    return {"secret": chosen}


def secret_of(bench: Bench, row: Any) -> str:
    """A route's password or signing secret; empty where there is none."""
    if not _has_secret(bench, row.name):
        return ""
    kept = StoredCredential(bench.store, bench.vault, owner_of(row.name), bench.clock).read()
    return str(kept.get("password") or kept.get("secret") or "")


def server_of(row: Any, password: str) -> Server:
    """Where a route's mail is handed in."""
    security = option(row, "security")
    port = int(option(row, "port") or {"starttls": 587, "tls": 465, "none": 25}[security])
    user = option(row, "user")
    return Server(option(row, "host"), port, security, user, password if user else "", option(row, "ca_file"))


def recipients(row: Any) -> list[str]:
    return [one.strip() for one in option(row, "to").split(",") if one.strip()]


def _checked(
    kind: str, known: Mapping[str, str], given: Mapping[str, str], has_secret: bool
) -> dict[str, Any]:
    """The columns of a route after some settings were given. Raises USAGE that names the first bad one."""
    settings = {one.name: one for one in settings_for(kind)}
    for name in given:
        if name not in settings:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"A route of kind {kind} has no setting {plain(name)[:40]!r}.",
                remedy=f"Use {', '.join(settings)}."
                + (" The password comes by --password-stdin." if kind == EMAIL else ""),
                field=name,
            )
    words = {**known, **{name: text.strip() for name, text in given.items()}}
    for name, text in words.items():
        words[name] = _one(settings[name], text)
    if kind == EMAIL:
        for one in words["to"].split(","):
            parse_address(one)
        parse_address(words["from"])
        exposed = words["security"] == "none" and words["user"] and not _near(words["host"])
        if exposed:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"The password would go to {plain(words['host'])} without encryption.",
                remedy="Set security to starttls or tls.",
                field="security",
            )
        if words["user"] and not has_secret:
            raise PerkstarError(
                ErrorKind.USAGE,
                "A user needs a password.",
                remedy="Give it on standard input with --password-stdin.",
                field="password",
            )
    if kind == WEBHOOK:
        checked(words["url"])
    options = {
        name: text for name, text in words.items() if name not in _COLUMNS and text != settings[name].default
    }
    values: dict[str, Any] = {
        "options": options,
        "level": words["level"],
        "enabled": words.get("enabled") != "no",
    }
    values["kinds"] = [one for one in words["kinds"].split(",") if one]
    values["quiet"] = words.get("quiet", "")
    return values


def _one(setting: Setting, text: str) -> str:
    """One setting in its one spelling. Raises USAGE."""
    name = setting.name
    text = text or setting.default
    problem = ""
    if not text.isprintable():
        problem = "Write it without control characters."
    elif setting.required and not text:
        problem = f"{setting.help} It must be given."
    elif setting.choices and text.lower() not in setting.choices:
        problem = f"Use {', '.join(setting.choices)}."
    elif name in _NUMBERS and text:
        least, most = _NUMBERS[name]
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            problem = f"Write a number from {least} to {most}."
    elif name == "quiet":
        return parse_quiet(text)
    elif name == "kinds":
        chosen = [one.strip() for one in text.split(",") if one.strip() and one.strip() != "all"]
        if unknown := [one for one in chosen if one not in KINDS]:
            text, problem = unknown[0], f"Use {', '.join(KINDS)}."
        else:
            return ",".join(chosen)
    elif name == "host" and not all(part.isalnum() or part in ".-:" for part in text):
        problem = "Write a name such as smtp.example.com."
    if problem:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{name} ({setting.label.lower()}) can't be {plain(text)[:60]!r}.",
            remedy=problem,
            field=name,
        )
    return text.lower() if setting.choices else text


def _near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal", ".localhost"))
