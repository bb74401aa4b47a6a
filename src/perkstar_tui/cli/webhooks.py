"""`perkstar webhooks`: endpoints of one's own, what they were told, and telling it again."""

import sys
from typing import Annotated, Any

import orjson
import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import confirm, emit, listed, opened, say, table

ACTIONS = ("list", "create", "test", "delete", "deliveries", "show", "redeliver", "secret", "rotate", "move")


def _need(what: str | None, question: str, example: str) -> str:
    if not what:
        raise PerkstarError(ErrorKind.USAGE, question, remedy=f"perkstar webhooks {example}")
    return what


def _delivery(view: Any) -> None:
    """One delivery in full: what was told, and what came back."""
    say(f"{view.id}  {view.type}  {view.state}, {view.attempts} attempts")
    if view.tried:
        answered = f"answered {view.status} in {view.ms} ms" if view.status else "no answer"
        say(f"tried {view.tried:%Y-%m-%d %H:%M:%S}: {answered}")
    if view.problem:
        say(view.problem)
    if view.next_attempt:
        say(f"next attempt {view.next_attempt:%Y-%m-%d %H:%M:%S}")
    say("body: " + orjson.dumps(view.body, option=orjson.OPT_INDENT_2).decode())
    if view.answer:
        say(f"answer: {view.answer}")


def register(app: typer.Typer) -> None:
    """Put the command on the program."""

    @app.command()
    def webhooks(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help=", ".join(ACTIONS))] = "list",
        what: Annotated[
            str | None,
            typer.Argument(metavar="[URL|NAME_OR_ID|DELIVERY]", help="create: the address; `-` for none."),
        ] = None,
        others: Annotated[
            list[str] | None,
            typer.Argument(metavar="[DELIVERY|URL]...", help="redeliver: deliveries; move: the address."),
        ] = None,
        name: Annotated[str | None, typer.Option(help="create: how it is called here.")] = None,
        data: Annotated[str, typer.Option(help="create: what it is told of.")] = "customers,transactions",
        direction: Annotated[
            str | None, typer.Option(help="create: to-platform (the default), to-perkstar or both")
        ] = None,
        secret_stdin: Annotated[
            bool, typer.Option("--secret-stdin", help="create: its secret from stdin; else one is made.")
        ] = False,
        state: Annotated[str | None, typer.Option(help="deliveries: pending, delivered or dead")] = None,
        dead: Annotated[bool, typer.Option("--dead", help="redeliver: all that were given up.")] = False,
        done: Annotated[bool, typer.Option("--done", help="rotate: let go of the older secret.")] = False,
        limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
        offset: Annotated[int, typer.Option(min=0)] = 0,
        yes: Annotated[bool, typer.Option("--yes", help="delete: answer the question with yes.")] = False,
    ) -> None:
        """Endpoints of your own: signed deliveries out with retries, and JSON in."""
        options = context.obj
        if action not in ACTIONS:
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no `webhooks {action}`.", remedy=f"Use {', '.join(ACTIONS)}."
            )
        with opened(options) as hub:
            if action == "list":
                _list(options, hub.endpoints())
            elif action == "create":
                url = _need(what, "Which address is to be told?", "create https://example.com/hooks (or -)")
                credentials = {"url": "" if url == "-" else url}
                if secret_stdin:
                    credentials["secret"] = sys.stdin.readline().strip()
                way = direction or ("to-perkstar" if url == "-" else "to-platform")
                view = hub.connect(
                    "webhook", credentials, name=name, settings={"data": data, "direction": way}
                )
                made = next(one for one in hub.endpoints() if one.id == view.id)
                secret = hub.webhook_secret(view.id)
                _created(options, made, secret)
            elif action == "test":
                found = hub.test(_need(what, "Which one?", "test NAME"))
                rows = [["✓" if s.ok else "✗", s.name, s.message, s.remedy or ""] for s in found.steps]
                emit(options, found, lambda: table(["", "Step", "Finding", "What to do"], rows))
                raise typer.Exit(0 if found.ok else 1)
            elif action == "delete":
                view = hub.integration(_need(what, "Which one?", "delete NAME"))
                hub.webhook_secret(view.id)
                confirm(f"Disconnect {view.name}? What waits for it is given up.", yes=yes)
                ended = hub.disconnect(view.id)
                emit(options, ended, lambda: say(f"{ended.name} is disconnected; its history stays."))
            elif action == "secret":
                which = _need(what, "Whose secret?", "secret NAME")
                secret = hub.webhook_secret(which)
                emit(options, {"secret": secret}, lambda: say(secret))
            elif action == "rotate":
                which = _need(
                    what, "Whose secret?", "rotate NAME, and rotate NAME --done once both ends know it"
                )
                secret = hub.rotate_secret(which, done=done)
                words = (
                    "The older secret is let go of."
                    if done
                    else "Both secrets are good until --done. The new one:"
                )
                emit(options, {"secret": secret}, lambda: say(words if done else f"{words}\n{secret}"))
            elif action == "move":
                which = _need(what, "Which one?", "move NAME URL")
                url = _need((others or [""])[0], "To which address?", "move NAME URL")
                hub.reconnect(which, {"url": url})
                emit(
                    options, hub.integration(which), lambda: say("It is told at the new address from now on.")
                )
            elif action == "show":
                which = _need(what, "Which one?", "show NAME or show DELIVERY")
                if which.startswith("msg_"):
                    one = hub.delivery(which)
                    emit(options, one, lambda: _delivery(one))
                else:
                    hub.webhook_secret(which)
                    view = hub.integration(which)
                    _list(options, [each for each in hub.endpoints() if each.id == view.id])
            elif action == "redeliver":
                which = _need(what, "Of which one?", "redeliver NAME DELIVERY... (or --dead)")
                deliveries = list(others or ())
                if which.startswith("msg_"):
                    deliveries = [which, *deliveries]
                    which = hub.delivery(which).integration_id
                if not deliveries and not dead:
                    raise PerkstarError(
                        ErrorKind.USAGE,
                        "Which deliveries are to be told again?",
                        remedy="Name them, or all that were given up with --dead.",
                    )
                count = hub.redeliver(which, deliveries, dead=dead)
                words = f"{count} will be told again at once." if count else "There was none to tell again."
                emit(options, {"redelivered": count}, lambda: say(words))
            else:
                which = _need(what, "Of which one?", "deliveries NAME")
                page = hub.deliveries(which, state=state, offset=offset, limit=limit)
                _deliveries(options, page)

    def _list(options: Any, items: list[Any]) -> None:
        rows = [
            [
                view.name,
                view.status,
                view.url or "–",
                view.address or "–",
                str(view.pending),
                str(view.delivered),
                str(view.dead),
            ]
            for view in items
        ]
        columns = ["Name", "Status", "Told", "Comes in at", "Waiting", "Taken", "Given up"]
        emit(options, listed(items), lambda: table(columns, rows))

    def _created(options: Any, view: Any, secret: str) -> None:
        def people() -> None:
            say(f"{view.name} is active. Its secret, which its other end needs:")
            say(secret)
            if view.direction != "to-platform":
                say("Where things come in is shown by `perkstar webhooks` once a screen or worker runs.")

        from perkstar_tui.hub.views import as_json

        emit(options, {**as_json(view), "secret": secret}, people)

    def _deliveries(options: Any, page: Any) -> None:
        rows = [
            [
                view.id,
                view.created.strftime("%d %b %H:%M:%S"),
                view.type,
                f"{view.state} {view.attempts}×" if view.attempts else view.state,
                str(view.status or "none") if view.attempts else "",
            ]
            for view in page.items
        ]
        columns = ["Delivery", "When", "What", "State", "Answer"]
        emit(options, listed(page.items, page.total), lambda: table(columns, rows))
