"""Commands that ask: they change nothing."""

import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import emit, listed, note, opened, say, since, table

Name = Annotated[
    str | None, typer.Argument(metavar="NAME_OR_ID", help="An id, a unique prefix of one, or a name.")
]


def _when(moment: Any) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment is not None else "–"


def _leg(counts: Any) -> str:
    parts = [("new", counts.created), ("changed", counts.updated), ("same", counts.unchanged)]
    parts += [("left out", counts.excluded), ("held", counts.held), ("failed", counts.failed)]
    return f"{counts.read} read" + "".join(f", {n} {word}" for word, n in parts if n)


NAMED = 10
"""Records that are named of those with the same reason."""


def _records(number: int) -> str:
    return "1 record was" if number == 1 else f"{number:,} records were"


def show_integration(view: Any) -> None:
    lines = [
        ("Name", view.name),
        ("Integration ID", view.id),
        ("Platform", f"{view.platform_title}, {view.account_name}"),
        ("Status", view.status.replace("_", " ") + (" (running)" if view.running else "")),
        ("Data", f"{', '.join(view.data)}; {view.direction}"),
        ("Frequency", view.frequency),
        ("Last sync", _when(view.last_sync)),
        ("Next sync", _when(view.next_sync)),
        ("Health", f"{view.health.score} {view.health.word}. {view.health.reason}"),
        ("Records", f"{view.counts.linked} linked, {view.counts.held} held, {view.counts.failed} failed"),
    ]
    if view.running and view.progress_total:
        through = f", through at {_when(view.ends_at)} at this pace" if view.ends_at else ""
        lines.append(("Progress", f"{view.progress_done:,} of {view.progress_total:,}{through}"))
    if view.hook_address:
        lines.append(("Deliveries to", view.hook_address))
    if view.status_reason:
        lines.append(("To do", f"{view.status_reason} {view.status_remedy}."))
    say("\n".join(f"{name}: {value}" for name, value in lines))


def _size(number: int) -> str:
    """Bytes as a person reads them."""
    for unit, many in (("MB", 1_000_000), ("kB", 1000)):
        if number >= many:
            return f"{number / many:,.1f} {unit}"
    return f"{number} bytes"


def show_run(view: Any) -> None:
    say(f"Run {view.id}: {view.outcome} ({view.trigger}, {_when(view.started)})")
    say(f"  to Perkstar:   {_leg(view.inward)}")
    say(f"  to the platform: {_leg(view.outward)}")
    if view.cloud:
        say(f"  from the cloud: {_leg(view.cloud['inward'])}")
        say(f"  to the cloud:   {_leg(view.cloud['outward'])}")
    say(f"  {view.api_calls} calls, {_size(view.bytes)}, waited {view.throttled_ms / 1000:.1f} s for limits")
    if view.undoes:
        say(f"  took back the run {view.undoes}")
    if view.undone_by:
        say(f"  was taken back by {view.undone_by}")
    if view.plan:
        say(f"  carried out the plan {view.plan}; {_records(len(view.skipped))} skipped")
    why: dict[str, list[str]] = {}
    for item in view.skipped:
        why.setdefault(str(item["reason"]), []).append(str(item.get("name") or item["record"]))
    for reason, names in why.items():
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        say(f"  skipped, {reason}: {', '.join(names[:NAMED])}{more}")
    if view.full_compare:
        found = view.full_compare
        ended = f"{found['missed']} had been missed" if found["done"] else "not finished"
        say(f"  full compare: {found['looked_at']:,} records looked at once more, {ended}")
    if view.error:
        say(f"  {view.error['code']}: {view.error['message']} {view.error['remedy']}")


def _log_row(entry: Any) -> list[str]:
    record = entry.record_name or entry.record or ""
    return [_when(entry.time), entry.level.upper(), entry.code, record, entry.message, entry.remedy]


def _finder(grep: str | None) -> Callable[[Any], bool]:
    """Whether an entry's texts hold what a regular expression looks for."""
    if grep is None:
        return lambda entry: True
    try:
        expression = re.compile(grep, re.IGNORECASE)
    except re.error as error:
        raise PerkstarError(
            ErrorKind.USAGE, f"{grep!r} is no regular expression: {error}.", remedy="Escape signs with \\."
        ) from None

    def finds(entry: Any) -> bool:
        texts = (
            entry.message,
            entry.code,
            entry.record,
            entry.record_name,
            entry.vendor_message,
            entry.remedy,
        )
        return any(text and expression.search(text) for text in texts)

    return finds


def show_checks(view: Any) -> None:
    """Findings of `doctor` and `db check`, for people."""
    rows = [["✓" if c.ok else "✗", c.name, c.message, c.remedy or ""] for c in view.checks]
    table(["", "Check", "Finding", "What to do"], rows)


def register(app: typer.Typer) -> None:
    """Put the asking commands on the program."""

    @app.command()
    def integrations(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help="list or show")] = "list",
        name: Name = None,
        status: Annotated[str | None, typer.Option(help="Only this status.")] = None,
        platform: Annotated[str | None, typer.Option(help="Only this platform.")] = None,
        sort: Annotated[str, typer.Option(help="name, date, status, last_sync or health")] = "date",
        all_: Annotated[bool, typer.Option("--all", help="Drafts and disconnected ones too.")] = False,
    ) -> None:
        """Active Integrations, or one of them."""
        if action == "show":
            _show(context, name)
            return
        if action != "list":
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no `integrations {action}`.", remedy="Use list or show."
            )
        keys: dict[str, Callable[[Any], Any]] = {
            "name": lambda view: view.name.casefold(),
            "date": lambda view: str(view.date),
            "status": lambda view: view.status,
            "last_sync": lambda view: str(view.last_sync or ""),
            "health": lambda view: view.health.score,
        }
        if sort not in keys:
            raise PerkstarError(
                ErrorKind.USAGE, f"Nothing sorts by {sort!r}.", remedy=f"Use {', '.join(keys)}."
            )
        statuses = ("draft", "active", "error", "paused", "reconnect_required", "disconnected")
        if status and status not in statuses:
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no status {status!r}.", remedy=f"Use {', '.join(statuses)}."
            )
        with opened(context.obj) as hub:
            platforms = [item.name for item in hub.catalog()]
            if platform and platform not in platforms:
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"There is no platform {platform!r}.",
                    remedy="`perkstar catalog` lists them.",
                )
            views = hub.integrations(everything=all_ or bool(status))
            line = hub.plan().line
        views = [
            w
            for w in views
            if (not status or w.status == status) and (not platform or w.platform == platform)
        ]
        views.sort(key=lambda view: (keys[sort](view), view.id))

        def people() -> None:
            rows = [
                [
                    w.name,
                    w.id,
                    _when(w.date)[:10],
                    w.status.replace("_", " ") + (" ⟳" if w.running else ""),
                    _when(w.last_sync),
                    _when(w.next_sync),
                    str(w.health.score),
                    w.status_reason,
                ]
                for w in views
            ]
            table(["Name", "Integration ID", "Date", "Status", "Last sync", "Next", "Health", "To do"], rows)
            note(context.obj, line)

        emit(context.obj, listed(views), people)

    def _show(context: typer.Context, name: str | None) -> None:
        if not name:
            raise PerkstarError(ErrorKind.USAGE, "Which integration?", remedy="Give an id or a name.")
        with opened(context.obj) as hub:
            view = hub.integration(name)
        emit(context.obj, view, lambda: show_integration(view))

    @app.command()
    def show(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME_OR_ID")]) -> None:
        """One integration."""
        _show(context, name)

    @app.command()
    def runs(
        context: typer.Context, name: Name = None, limit: Annotated[int, typer.Option(min=1, max=1000)] = 20
    ) -> None:
        """The sync history, newest first."""
        with opened(context.obj) as hub:
            page = hub.runs(name, limit=limit)
        rows = [
            [r.id, _when(r.started), r.trigger, r.outcome, _leg(r.inward), _leg(r.outward), str(r.api_calls)]
            for r in page.items
        ]
        columns = ["Run", "Started", "Trigger", "Outcome", "To Perkstar", "To the platform", "Calls"]
        emit(context.obj, listed(page.items, page.total), lambda: table(columns, rows))

    @app.command()
    def run(
        context: typer.Context,
        run_id: str,
        changes: Annotated[
            bool, typer.Option("--changes", help="What it changed, record by record.")
        ] = False,
        limit: Annotated[int, typer.Option(min=1, max=10000, help="Records of --changes.")] = 100,
    ) -> None:
        """One run; with --changes every record that it changed, with the values before."""
        with opened(context.obj) as hub:
            view = hub.run(run_id)
            page = hub.run_changes(run_id, limit=limit) if changes else None
        if page is None:
            emit(context.obj, view, lambda: show_run(view))
            return
        rows = [
            [
                w.side,
                w.act,
                w.name or w.record,
                "; ".join(f"{f}: {a} → {b}" for f, a, b in w.fields) or str(w.points),
            ]
            for w in page.items
        ]
        found = listed(page.items, page.total)
        emit(context.obj, found, lambda: table(["Where", "What", "Record", "Changes"], rows))

    @app.command()
    def logs(
        context: typer.Context,
        name: Name = None,
        level: Annotated[str | None, typer.Option(help="info, warning or error, and above.")] = None,
        code: Annotated[str | None, typer.Option(help="Only this code.")] = None,
        record: Annotated[str | None, typer.Option(help="Only this record.")] = None,
        since_: Annotated[str | None, typer.Option("--since", help="24h, 7d or a date.")] = None,
        grep: Annotated[
            str | None, typer.Option(help="Only entries that this regular expression finds.")
        ] = None,
        follow: Annotated[
            bool, typer.Option("--follow", help="Go on with new entries, oldest first.")
        ] = False,
        limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
        bundle: Annotated[str | None, typer.Option(help="A support bundle of this entry.")] = None,
    ) -> None:
        """The error log, newest first."""
        with opened(context.obj) as hub:
            if bundle:
                import orjson

                text = hub.bundle(bundle)
                emit(context.obj, orjson.loads(text), lambda: say(text))
                return
            wanted = {"level": level, "code": code, "record": record, "since": since(since_)}
            finds = _finder(grep)
            if follow:
                _follow(context, hub, name, wanted, finds)
                return
            # A regular expression is tried here, over all entries that the other filters leave.
            page = hub.log(name, **wanted, limit=limit if grep is None else 100_000)
        found = [entry for entry in page.items if finds(entry)]
        total = page.total if grep is None else len(found)
        columns = ["Time", "Level", "Code", "Record", "What happened", "What to do"]
        rows = [_log_row(entry) for entry in found[:limit]]
        emit(context.obj, listed(found[:limit], total), lambda: table(columns, rows))

    def _follow(
        context: typer.Context,
        hub: Any,
        name: str | None,
        wanted: dict[str, Any],
        finds: Callable[[Any], bool],
    ) -> None:
        """One document or line an entry, as they come, until interrupted."""
        import time

        last, seen = "", -1
        while True:
            changes = hub.changes()
            if changes != seen:
                seen = changes
                entries = hub.log(name, **wanted, limit=500).items[::-1]
                for entry in entries if last else entries[-10:]:
                    if entry.id > last and finds(entry):
                        emit(context.obj, entry, lambda entry=entry: say("  ".join(_log_row(entry)[:5])))  # type: ignore[misc]
                last = max([last, *(entry.id for entry in entries)])
            time.sleep(0.5)

    @app.command()
    def errors(
        context: typer.Context, code: Annotated[str | None, typer.Argument(help="Only this code.")] = None
    ) -> None:
        """The catalogue of error codes: meaning, what the program does, what a person can do."""
        with opened(context.obj, begins=True) as hub:
            views = [view for view in hub.codes() if code in (None, view.code)]
        if not views:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"There is no error code {code!r}.",
                remedy="`perkstar errors` lists them.",
            )
        rows = [[w.code, w.meaning, w.policy, w.remedy] for w in views]
        emit(context.obj, listed(views), lambda: table(["Code", "Meaning", "The program", "You"], rows))

    @app.command()
    def conflicts(
        context: typer.Context,
        name: Name = None,
        undo: Annotated[str | None, typer.Option(help="Give this conflict's field its other value.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
    ) -> None:
        """Fields that both sides changed, how the rule settled them, and the way back."""
        with opened(context.obj) as hub:
            if undo:
                view = hub.undo_conflict(undo)
                emit(
                    context.obj,
                    view,
                    lambda: say(f"{view.id}: changed; the next sync carries it to both sides."),
                )
                return
            page = hub.conflicts(name, limit=limit)
        rows = [
            [w.id, _when(w.at), w.name, w.field, str(w.base), str(w.perkstar), str(w.platform), w.winner]
            for w in page.items
        ]
        columns = ["Conflict", "When", "Record", "Field", "Before", "Perkstar", "Platform", "Won"]
        emit(context.obj, listed(page.items, page.total), lambda: table(columns, rows))

    @app.command()
    def doctor(context: typer.Context) -> None:
        """What is wrong with this set-up."""
        with opened(context.obj, begins=True) as hub:
            view = hub.doctor()
        emit(context.obj, view, lambda: show_checks(view))
        raise typer.Exit(0 if view.ok else 1)

    @app.command()
    def plan(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help="show, set, tiers or free-up")] = "show",
        tier: Annotated[str | None, typer.Argument(help="The tier, for set.")] = None,
    ) -> None:
        """The plan: how many integrations are used and allowed."""
        if action not in ("show", "set", "tiers", "free-up"):
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no `plan {action}`.", remedy="Use show, set, tiers or free-up."
            )
        if action == "tiers":
            with opened(context.obj) as hub:
                tiers = hub.tiers()
            rows = [
                [
                    "▸" if w.current else "",
                    w.title,
                    "unlimited" if w.allowed is None else str(w.allowed),
                    ", ".join(w.counts),
                ]
                for w in tiers
            ]
            emit(context.obj, listed(tiers), lambda: table(["", "Plan", "Integrations", "Counts"], rows))
            return
        with opened(context.obj) as hub:
            if action == "set":
                if not tier:
                    raise PerkstarError(ErrorKind.USAGE, "Which tier?", remedy="perkstar plan set TIER")
                view = hub.set_plan(tier)
            else:
                view = hub.plan()
        if action == "free-up":
            items = [{"id": id_, "name": name, "last_sync": last} for id_, name, last in view.free_up]
            rows = [[str(i["name"]), str(i["id"]), _when(i["last_sync"])] for i in items]
            emit(context.obj, listed(items), lambda: table(["Name", "Integration ID", "Last sync"], rows))
            return
        emit(context.obj, view, lambda: say(view.line))
