"""Commands that act: connect, sync, pause and their kin."""

import select
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import CATALOGUE, ErrorKind, PerkstarError

from .asking import show_integration, show_run
from .output import Options, confirm, emit, listed, note, opened, read_secret_json, say, table

WAIT_S = 300
"""How long the terminal waits for somebody to say yes in the browser."""

Which = Annotated[str, typer.Argument(metavar="NAME_OR_ID", help="An id, a unique prefix of one, or a name.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Keep nothing; show what would be sent, taken in or credited otherwise."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Answer the question with yes.")]


def run_code(view: Any) -> int:
    """The exit code that a finished run deserves."""
    if view.outcome == "failed" and view.error:
        return CATALOGUE[ErrorKind(view.error["code"])].exit_code
    return {"succeeded": 0, "partly": 1, "interrupted": 130}.get(view.outcome, 1)


def assignments(pairs: list[str]) -> dict[str, str]:
    """`--set KEY=VALUE` options as a dictionary."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise PerkstarError(ErrorKind.USAGE, f"{pair!r} sets nothing.", remedy="Write --set KEY=VALUE.")
        found[key.strip()] = value
    return found


def kept_secret(settings: dict[str, str], secret: Sequence[str]) -> dict[str, str]:
    """Settings whose secret ones come from stdin (`-`), a line each: arguments stand in histories and process lists."""
    for name in secret:
        if settings.get(name, "-") not in ("-", ""):
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{name} is a secret, and what stands in a command can be read by others.",
                remedy=f"Write --set {name}=- and give it on standard input.",
                field=name,
            )
    found = dict(settings)
    for name in secret:
        if settings.get(name) == "-":
            found[name] = sys.stdin.readline().strip()
            if not found[name]:
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"Standard input gave nothing for {name}.",
                    remedy=f"Give it a line there; --set {name}= takes away the one that is kept.",
                    field=name,
                )
    return found


def ask_credentials(options: Options, hub: Any, platform: str) -> dict[str, Any]:
    """Authorise in the terminal: a token or key form, else the vendor's page by link (G3)."""
    import getpass

    if not sys.stdin.isatty():
        raise PerkstarError(
            ErrorKind.USAGE,
            "No credentials were given.",
            remedy="Give them as JSON with --credentials-stdin.",
        )
    forms = hub.draft(platform).forms
    for number, form in enumerate(forms, 1):
        note(options, f"{number}  {form.title}")
    note(options, f"How do you authorise? [1-{len(forms)}] ")
    answer = sys.stdin.readline().strip() or "1"
    if not answer.isdigit() or not 1 <= int(answer) <= len(forms):
        raise PerkstarError(ErrorKind.USAGE, "That is none of them.", remedy="Answer with a number.")
    form = forms[int(answer) - 1]
    for permission in form.permissions:
        note(options, f"  asks for: {permission}")
    values: dict[str, Any] = {}
    for field in form.fields:
        text = f"{field.label}{' (may stay empty)' if field.optional else ''}: "
        if field.secret:
            values[field.name] = getpass.getpass(text, stream=sys.stderr)
        else:
            note(options, text)
            values[field.name] = sys.stdin.readline().strip()
    return _authorise(options, hub, platform, form.id, values) if form.oauth else values


def _authorise(
    options: Options, hub: Any, platform: str, form: str, client: dict[str, Any]
) -> dict[str, Any]:
    """By the vendor's page: the answer is caught on this machine, or its address is pasted."""
    link = hub.authorize_link(platform, form, client)
    note(options, f"Open this page and say yes:\n{link.url}")
    if not link.listening:
        note(options, "Then paste the address that the browser ends at:")
        return dict(hub.authorize_paste(link.ticket, sys.stdin.readline().strip()))
    note(
        options, "Waiting for the answer. If the browser is on another machine, paste the address it ends at:"
    )
    for _ in range(WAIT_S * 2):
        caught = hub.authorize_wait(link.ticket, 0.25)
        if caught is not None:
            return dict(caught)
        if select.select([sys.stdin], [], [], 0.25)[0]:
            address = sys.stdin.readline().strip()
            if address:
                return dict(hub.authorize_paste(link.ticket, address))
    raise PerkstarError(
        ErrorKind.CREDENTIAL_INVALID,
        f"No answer came within {WAIT_S // 60} minutes.",
        remedy="Try again, and paste the address that the browser ends at.",
    )


def show_change(view: Any) -> None:
    """What a change of settings would do."""
    if view.settings:
        table(
            ["Setting", "Now", "Then"], [[name, old or "–", new or "–"] for name, old, new in view.settings]
        )
    for line in view.said:
        say(line)


def register(app: typer.Typer) -> None:
    """Put the acting commands on the program."""

    @app.command()
    def login(
        context: typer.Context,
        api_key_stdin: Annotated[
            bool, typer.Option("--api-key-stdin", help="Read the key from stdin.")
        ] = False,
        local: Annotated[
            str | None, typer.Option("--local", help="An account of this name without cloud.")
        ] = None,
    ) -> None:
        """Attach a Perkstar account."""
        import os

        with opened(context.obj, begins=True) as hub:
            if local is not None:
                view = hub.attach_local(local)
            else:
                key = (
                    sys.stdin.readline().strip() if api_key_stdin else os.environ.get("PERKSTAR_API_KEY", "")
                )
                if not key and sys.stdin.isatty():
                    import getpass

                    key = getpass.getpass("API key (Perkstar, Settings > Integrations): ", stream=sys.stderr)
                view = hub.attach_cloud(key)
        emit(context.obj, view, lambda: say(f"{view.name} is attached."))

    @app.command()
    def connect(
        context: typer.Context,
        platform: str,
        name: Annotated[str | None, typer.Option(help="How it is called here.")] = None,
        set_: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, any setting.")] = None,
        credentials_stdin: Annotated[bool, typer.Option("--credentials-stdin")] = False,
        data: Annotated[str | None, typer.Option(help="customers,transactions,cards")] = None,
        direction: Annotated[str | None, typer.Option(help="to-platform, to-perkstar or both")] = None,
        frequency: Annotated[str | None, typer.Option(help="realtime, hourly, daily@HH:MM or manual")] = None,
        match: Annotated[str | None, typer.Option(help="email,phone in the order to try")] = None,
        source_of_truth: Annotated[str | None, typer.Option(help="perkstar, platform or newest")] = None,
        no_activate: Annotated[bool, typer.Option("--no-activate", help="Keep it as a draft.")] = False,
    ) -> None:
        """Connect a platform; it is active afterwards unless --no-activate."""
        settings = assignments(set_ or [])
        given = {
            "data": data,
            "direction": direction,
            "frequency": frequency,
            "match": match,
            "source_of_truth": source_of_truth,
        }
        settings |= {key: value for key, value in given.items() if value is not None}
        with opened(context.obj) as hub:
            hub.draft(platform)
            settings = kept_secret(settings, hub.secret_settings(platform))
            if credentials_stdin:
                credentials = read_secret_json(sys.stdin.read())
            else:
                credentials = ask_credentials(context.obj, hub, platform)
            view = hub.connect(platform, credentials, name=name, settings=settings, activate=not no_activate)
        emit(context.obj, view, lambda: show_integration(view))

    @app.command()
    def test(context: typer.Context, name: Which) -> None:
        """Test a connection step by step."""
        with opened(context.obj) as hub:
            view = hub.test(name)
        rows = [["✓" if s.ok else "✗", s.name, s.message, s.remedy or ""] for s in view.steps]
        emit(context.obj, view, lambda: table(["", "Step", "Finding", "What to do"], rows))
        raise typer.Exit(0 if view.ok else 1)

    def show_preview(view: Any) -> None:
        for title, side in (("To Perkstar", view.inward), ("To the platform", view.outward)):
            say(
                f"{title}: {side.create_total} to create, {side.update_total} to change, {side.unchanged} the same, "
                f"{side.held_total} held, {side.excluded} left out"
            )
            rows = [["create", r.name, "; ".join(f"{f}: {b}" for f, _, b in r.fields)] for r in side.create]
            rows += [
                ["change", r.name, "; ".join(f"{f}: {a} → {b}" for f, a, b in r.fields)] for r in side.update
            ]
            rows += [["held", r.name, r.reason] for r in side.held]
            if rows:
                table(["", "Record", "What"], rows)
        for line in view.notes:
            say(line)
        if view.points:
            say(f"{view.points} points would be credited.")
        if view.plan:
            say(f"Kept until {view.expires:%Y-%m-%d}: perkstar sync {view.integration_id} --plan {view.plan}")

    @app.command()
    def preview(
        context: typer.Context,
        name: Which,
        limit: Annotated[int | None, typer.Option(min=0)] = None,
        keep: Annotated[
            bool, typer.Option("--keep", help="Keep it as a plan for `sync --plan`, for seven days.")
        ] = False,
        kept: Annotated[
            bool, typer.Option("--kept", help="List the plans that are kept; ask nobody.")
        ] = False,
    ) -> None:
        """What a run would create, change and hold on each side; nothing is written anywhere."""
        with opened(context.obj) as hub:
            if kept:
                plans = hub.kept_plans(name)
                rows = [[p.id, f"{p.created:%Y-%m-%d %H:%M}", f"{p.expires:%Y-%m-%d}", p.state, p.who,
                         f"{p.create} new, {p.update} changed, {p.send} to send, {p.sales} sales"]
                        for p in plans]  # fmt: skip
                columns = ["Plan", "Kept", "Until", "State", "By", "What"]
                emit(context.obj, listed(plans), lambda: table(columns, rows))
                return
            view = hub.preview(name, limit, keep=keep)
        emit(context.obj, view, lambda: show_preview(view))

    @app.command()
    def activate(context: typer.Context, name: Which) -> None:
        """Make a draft active."""
        with opened(context.obj) as hub:
            view = hub.activate(name)
        emit(context.obj, view, lambda: show_integration(view))

    @app.command()
    def sync(
        context: typer.Context,
        name: Annotated[str | None, typer.Argument(metavar="NAME_OR_ID")] = None,
        all_: Annotated[bool, typer.Option("--all", help="All that are active.")] = False,
        full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False,
        accept_mass_change: Annotated[bool, typer.Option("--accept-mass-change")] = False,
        wait: Annotated[bool, typer.Option("--wait", help="Until the last leg has ended.")] = False,
        plan: Annotated[
            str | None,
            typer.Option(help="Exactly what a kept preview has; what was changed since is skipped."),
        ] = None,
    ) -> None:
        """Sync now."""
        if plan is not None and (all_ or full or dry_run):
            raise PerkstarError(
                ErrorKind.USAGE,
                "A plan is one integration's, and says by itself what is done.",
                remedy="Give the name and --plan alone.",
            )
        if bool(name) == all_:
            raise PerkstarError(ErrorKind.USAGE, "Which integration?", remedy="Give a name or id, or --all.")
        with opened(context.obj) as hub:
            if dry_run and name:
                view = hub.preview(name, None)
                emit(context.obj, view, lambda: show_preview(view))
                return
            names = (
                [str(name)] if name else [w.id for w in hub.integrations() if w.status in ("active", "error")]
            )
            if dry_run:
                previews = [hub.preview(one, None) for one in names]

                def all_previews() -> None:
                    for one in previews:
                        show_preview(one)

                emit(context.obj, previews, all_previews)
                return
            found = [
                hub.sync(one, full=full, accept_mass_change=accept_mass_change, wait=wait, plan=plan)
                for one in names
            ]
            started = [hub.integration(one) for one, view in zip(names, found, strict=True) if view is None]
        views = [view for view in found if view is not None]

        def people() -> None:
            for view in views:
                show_run(view)
            for item in started:
                say(f"{item.name}: handed to the running worker or screen.")

        answers: list[Any] = views + [{"requested": True, "integration_id": item.id} for item in started]
        emit(context.obj, answers if all_ else answers[0], people)
        raise typer.Exit(max((run_code(view) for view in views), default=0))

    def simple(act: str) -> Any:
        def command(
            context: typer.Context,
            name: Which,
            reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
        ) -> None:
            with opened(context.obj) as hub:
                view = hub.pause(name, reason) if act == "pause" else hub.resume(name)
            emit(context.obj, view, lambda: show_integration(view))

        command.__doc__ = {
            "pause": "Stop an integration's sync; everything is kept.",
            "resume": "Go on from where it stood.",
        }[act]
        return command

    app.command("pause")(simple("pause"))
    app.command("resume")(simple("resume"))

    @app.command()
    def reconnect(
        context: typer.Context,
        name: Which,
        credentials_stdin: Annotated[bool, typer.Option("--credentials-stdin")] = False,
    ) -> None:
        """Give an integration a new credential of the same account."""
        with opened(context.obj) as hub:
            platform = hub.integration(name).platform
            if credentials_stdin:
                credentials = read_secret_json(sys.stdin.read())
            else:
                credentials = ask_credentials(context.obj, hub, platform)
            view = hub.reconnect(name, credentials)
        emit(context.obj, view, lambda: show_integration(view))

    @app.command()
    def disconnect(
        context: typer.Context,
        name: Which,
        reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
        yes: Yes = False,
    ) -> None:
        """End a connection: the credential is withdrawn and deleted, the place freed, history kept."""
        with opened(context.obj) as hub:
            impact = hub.impact("disconnect", name)
            if not yes and sys.stdin.isatty():
                for line in (*impact.stops, *impact.stays, impact.back):
                    note(context.obj, line)
            confirm(impact.title, yes=yes)
            view = hub.disconnect(name, reason)
        emit(context.obj, view, lambda: say(f"{view.name} is disconnected."))

    @app.command()
    def edit(
        context: typer.Context,
        name: Which,
        set_: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, any setting.")] = None,
        dry_run: DryRun = False,
    ) -> None:
        """Change an integration's settings."""
        with opened(context.obj) as hub:
            if not set_:
                raise PerkstarError(
                    ErrorKind.USAGE,
                    "Change what?",
                    remedy=f"perkstar edit {name} --set KEY=VALUE; `perkstar show {name} --json` has what is set.",
                )
            settings = kept_secret(assignments(set_), hub.secret_settings(name))
            if dry_run:
                change = hub.foresee(name, settings)
                emit(context.obj, change, lambda: show_change(change))
                return
            view = hub.edit(name, settings)
        emit(context.obj, view, lambda: show_integration(view))

    @app.command()
    def mapping(
        context: typer.Context,
        name: Which,
        action: Annotated[str, typer.Argument(help="list, set, unset or suggest")] = "list",
        remote: Annotated[str | None, typer.Argument(help="The platform's field.")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help="hub=, transform=, direction=, may_clear=")
        ] = None,
        instead_of: Annotated[
            str | None, typer.Option(help="set: the platform's field whose line it takes the place of.")
        ] = None,
        dry_run: DryRun = False,
    ) -> None:
        """The field mapping: list it, set a line (--set hub=FIELD ...), or unset one."""
        from dataclasses import replace

        from perkstar_tui.hub.views import MappingLine

        with opened(context.obj) as hub:
            if action in ("list", "suggest") and (set_ or instead_of):
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"`mapping {action}` changes nothing.",
                    remedy="perkstar mapping NAME set PLATFORM_FIELD --set hub=FIELD",
                )
            lines = hub.suggest_mapping(name) if action == "suggest" else hub.mapping(name)
            if action not in ("list", "suggest"):
                if not remote or action not in ("set", "unset"):
                    raise PerkstarError(
                        ErrorKind.USAGE,
                        "Which line?",
                        remedy="perkstar mapping NAME set|unset PLATFORM_FIELD",
                    )
                given = assignments(set_ or [])
                before = remote if instead_of is None else instead_of
                old = next((line for line in lines if line.remote == before), None)
                if old is not None:
                    old = replace(old, remote=remote, label=old.label if old.remote == remote else remote)
                elif instead_of is not None:
                    raise PerkstarError(
                        ErrorKind.USAGE,
                        f"{instead_of} is not mapped.",
                        remedy=f"Mapped are: {', '.join(line.remote for line in lines)}.",
                    )
                rest = [line for line in lines if line.remote not in (remote, before)]
                if action == "set":
                    theirs = next((line.remote for line in lines if line.hub == remote), None)
                    if old is None and theirs is not None and "hub" not in given:
                        raise PerkstarError(
                            ErrorKind.USAGE,
                            f"{remote} is Perkstar's field; the platform's is named first, and that is {theirs}.",
                            remedy=f"perkstar mapping {name} set {theirs} {' '.join(f'--set {s}' for s in set_ or [])}",
                        )
                    if old is None and "hub" not in given:
                        raise PerkstarError(
                            ErrorKind.USAGE, f"{remote} is not mapped yet.", remedy="Add --set hub=FIELD."
                        )
                    line = old or MappingLine("customers", given["hub"], remote, "both", "text", remote)
                    line = replace(
                        line,
                        hub=given.get("hub", line.hub),
                        transform=given.get("transform", line.transform),
                        direction=given.get("direction", line.direction),
                        may_clear=given.get("may_clear", str(line.may_clear)).lower() in ("true", "yes", "1"),
                    )
                    rest.append(line)
                if dry_run:
                    change = hub.foresee(name, lines=rest)
                    emit(context.obj, change, lambda: show_change(change))
                    return
                lines = hub.set_mapping(name, rest)
        rows = [[w.hub, w.direction, w.remote, w.transform, w.example, w.check] for w in lines]
        columns = ["Perkstar field", "Direction", "Platform field", "Transform", "Example", "Check"]
        emit(context.obj, listed(lines), lambda: table(columns, rows))

    @app.command()
    def history(context: typer.Context, name: Which) -> None:
        """Every version of an integration's settings, newest first, with what each changed."""
        with opened(context.obj) as hub:
            views = hub.history(name)
        rows = [
            [
                f"{w.version}{' (now)' if w.current else ''}",
                w.at.strftime("%Y-%m-%d %H:%M"),
                w.who,
                "; ".join(f"{field}: {a} → {b}" for field, a, b in w.changes),
            ]
            for w in views
        ]
        emit(context.obj, listed(views), lambda: table(["Version", "When", "Who", "Changes"], rows))

    @app.command()
    def rollback(context: typer.Context, name: Which, version: int) -> None:
        """Put the settings of an earlier version back."""
        with opened(context.obj) as hub:
            before = hub.integration(name).config_version
            view = hub.rollback(name, version)

        def people() -> None:
            if view.config_version == before:
                say(f"Nothing changed: {view.name} has the settings of version {version} already.")
            show_integration(view)

        emit(context.obj, view, people)

    @app.command()
    def retry(
        context: typer.Context,
        name: Which,
        records: Annotated[list[str] | None, typer.Argument(metavar="[RECORD_ID]...")] = None,
    ) -> None:
        """Mark held and refused records as due; the next run tries them."""
        with opened(context.obj) as hub:
            count = hub.retry(name, records or [])
        emit(context.obj, {"due": count}, lambda: say(f"{count} records are due at the next run."))
