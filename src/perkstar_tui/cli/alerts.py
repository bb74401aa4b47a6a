"""`perkstar alerts`: what stands, silencing it, and the routes on which it is told."""

import sys
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .acting import assignments
from .output import confirm, emit, listed, opened, say, table

ACTIONS = (
    "list", "show", "ack", "unack", "routes", "route", "add", "edit", "remove", "test", "secret", "limits", "kinds",
)  # fmt: skip


def _need(what: str | None, question: str, example: str) -> str:
    if not what:
        raise PerkstarError(ErrorKind.USAGE, question, remedy=f"perkstar alerts {example}")
    return what


def _secret(wanted: bool) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if wanted else None


def register(app: typer.Typer) -> None:
    """Put the command on the program."""

    @app.command()
    def alerts(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help=", ".join(ACTIONS))] = "list",
        what: Annotated[
            str | None, typer.Argument(metavar="[ALERT|ROUTE]", help="An alert's id, or a route's name.")
        ] = None,
        set_: Annotated[
            list[str] | None,
            typer.Option(
                "--set", metavar="KEY=VALUE", help="add, edit, limits: a setting; repeat it for more."
            ),
        ] = None,
        kind: Annotated[str | None, typer.Option(help="list: only this kind; add: email or webhook.")] = None,
        state: Annotated[str | None, typer.Option(help="list: open, acked, resolved or all.")] = None,
        level: Annotated[
            str | None, typer.Option(help="list: notice, warning or critical, and above.")
        ] = None,
        of: Annotated[
            str | None, typer.Option("--of", metavar="NAME_OR_ID", help="list: of one integration.")
        ] = None,
        password_stdin: Annotated[
            bool, typer.Option("--password-stdin", help="add, edit: the mail server's password from stdin.")
        ] = False,
        secret_stdin: Annotated[
            bool,
            typer.Option(
                "--secret-stdin", help="add, edit: the signing secret from stdin; else one is made."
            ),
        ] = False,
        limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
        offset: Annotated[int, typer.Option(min=0)] = 0,
        yes: Annotated[bool, typer.Option("--yes", help="remove: answer the question with yes.")] = False,
    ) -> None:
        """What is wrong and stands, and where it is told. `list` exits with 1 while something critical is open."""
        options = context.obj
        if action not in ACTIONS:
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no `alerts {action}`.", remedy=f"Use {', '.join(ACTIONS)}."
            )
        settings, secret = assignments(set_ or []), _secret(password_stdin or secret_stdin)
        with opened(options) as hub:
            desk = hub.alerts
            match action:
                case "list":
                    page = desk.page(
                        state=state, level=level, kind=kind, name_or_id=of, offset=offset, limit=limit
                    )
                    emit(options, listed(page.items, page.total), lambda: _list(page.items))
                    bad = any(one.level == "critical" and one.state == "open" for one in page.items)
                    raise typer.Exit(1 if bad else 0)
                case "show":
                    wanted = _need(what, "Which alert?", "show ALERT")
                    page = desk.page(state="all", limit=10_000)
                    found = [one for one in page.items if one.id == wanted] or [
                        one for one in page.items if len(wanted) >= 8 and one.id.startswith(wanted)
                    ]
                    if len(found) != 1:
                        raise PerkstarError(
                            ErrorKind.NOT_FOUND,
                            "There is no single alert of this id.",
                            remedy="`perkstar alerts` lists them.",
                        )
                    emit(options, found[0], lambda: _show(found[0]))
                case "ack" | "unack":
                    wanted = _need(what, "Which alert?", f"{action} ALERT")
                    one = desk.ack(wanted) if action == "ack" else desk.unack(wanted)
                    words = "is silent until it is over" if action == "ack" else "speaks again"
                    emit(options, one, lambda: say(f"{one.name}: {one.title.lower()} {words}."))
                case "routes":
                    ways = desk.routes()
                    emit(options, listed(ways), lambda: _routes(ways))
                case "route":
                    way = desk.route(_need(what, "Which route?", "route ROUTE"))
                    emit(options, way, lambda: _route(way))
                case "add":
                    name = _need(
                        what, "What is the route to be called?", "add mail --set to=sam@example.com …"
                    )
                    way = desk.add(name, kind, settings, secret)
                    _added(options, desk, way, given=secret is not None)
                case "edit":
                    way = desk.edit(
                        _need(what, "Which route?", "edit ROUTE --set KEY=VALUE"), settings, secret
                    )
                    emit(options, way, lambda: _route(way))
                case "remove":
                    way = desk.route(_need(what, "Which route?", "remove ROUTE"))
                    confirm(f"Forget the route {way.name} to {way.where}?", yes=yes)
                    desk.remove(way.name)
                    emit(options, way, lambda: say(f"Nothing is told by {way.name} any more."))
                case "secret":
                    text = desk.secret(_need(what, "Whose secret?", "secret ROUTE"))
                    emit(options, {"secret": text}, lambda: say(text))
                case "test":
                    name = _need(what, "Which route?", "test ROUTE")
                    if name == "terminal":
                        _ring(options)
                        return
                    test = desk.test(name)
                    rows = [["✓" if s.ok else "✗", s.name, s.message, s.remedy or ""] for s in test.steps]
                    emit(options, test, lambda: table(["", "Step", "Finding", "What to do"], rows))
                    raise typer.Exit(0 if test.ok else 1)
                case "limits":
                    limits = desk.set_limits(settings) if settings else desk.limits()
                    rows = [[one.name, one.value, one.default, one.help] for one in limits]
                    emit(
                        options,
                        listed(limits),
                        lambda: table(["Threshold", "Is", "Default", "Meaning"], rows),
                    )
                case _:
                    kinds = desk.kinds()
                    items = [{"name": key, "title": words} for key, words in kinds.items()]
                    emit(
                        options,
                        listed(items),
                        lambda: table(["Kind", "What"], [list(one.values()) for one in items]),
                    )


def _ring(options: Any) -> None:
    """Ring the terminal that this command runs in."""
    if options.json or not sys.stdout.isatty():
        raise PerkstarError(
            ErrorKind.USAGE,
            "There is no terminal here to ring.",
            remedy="Run it in one, without --json and without a pipe.",
        )
    sys.stdout.write("\a")
    say("The bell rang, if this terminal lets it. A screen that is open shows alerts on the desktop as well.")


def _time(moment: Any) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment is not None else "–"


def _list(items: Any) -> None:
    if not items:
        say("Nothing is wrong.")
        return
    rows = [
        [one.id, one.level, one.state, one.title, one.name, _time(one.first_at), str(one.count), one.message]
        for one in items
    ]
    table(["Alert", "Level", "State", "What", "Of", "Since", "Times", "In words"], rows)


def _show(one: Any) -> None:
    lines = [
        ("Alert", one.id),
        ("What", one.message),
        ("Level", f"{one.level}, {one.state}" + (f" by {one.acked_by}" if one.acked_by else "")),
        ("Since", f"{_time(one.first_at)}, last {_time(one.last_at)}, {one.count} times"),
        ("To do", one.remedy),
        ("Command", one.command),
        ("Code", one.code),
        ("Told by", ", ".join(one.told) or "none"),
    ]
    if one.resolved_at is not None:
        lines.append(("Over", _time(one.resolved_at)))
    say("\n".join(f"{name}: {words}" for name, words in lines if words))


def _routes(ways: Any) -> None:
    rows = [
        [
            way.name,
            way.kind,
            "on" if way.enabled else "off",
            way.level,
            ", ".join(way.kinds) or "all",
            (way.quiet or "–") + (" now" if way.quiet_now else ""),
            str(way.sent),
            str(way.pending),
            str(way.dead),
            way.problem or way.where,
        ]
        for way in ways
    ]
    columns = [
        "Route",
        "Kind",
        "",
        "From",
        "Kinds",
        "Quiet",
        "Sent",
        "Waiting",
        "Given up",
        "Where, or what is wrong",
    ]
    table(columns, rows)


def _route(way: Any) -> None:
    say(f"{way.name} ({way.kind}): {way.where}")
    for one in way.settings:
        say(f"  {one.name}: {one.value or '–'}")
    say(f"  sent {way.sent}, waiting {way.pending}, given up {way.dead}, last {_time(way.last_sent)}")
    if way.problem:
        say(f"  {way.problem}")


def _added(options: Any, desk: Any, way: Any, *, given: bool) -> None:
    """A webhook's made secret is said once, since its other end needs it."""
    from perkstar_tui.hub.views import as_json

    secret = desk.secret(way.name) if way.kind == "webhook" and not given else None

    def people() -> None:
        _route(way)
        if secret:
            say(f"Its secret, by which the other end checks signatures: {secret}")
        say(f"Try it: perkstar alerts test {way.name}")

    emit(options, as_json(way) | ({"secret": secret} if secret else {}), people)
