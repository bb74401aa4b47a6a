"""`perkstar key`: the account's own key in Perkstar's cloud (C8). Keys of one's own come with the gateway."""

import sys
from typing import Annotated

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import emit, listed, say, table

ACTIONS = "list, show, copy, usage or replace"


def register(app: typer.Typer) -> None:
    """Put the key command on the program."""

    @app.command()
    def key(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help=ACTIONS)] = "show",
        clear: Annotated[bool, typer.Option("--clear", help="With show: in clear.")] = False,
        api_key_stdin: Annotated[
            bool, typer.Option("--api-key-stdin", help="With replace: read the new key from stdin.")
        ] = False,
    ) -> None:
        """The account's key: show it masked, copy it, see its use, or replace it by a tested new one."""
        from .output import opened

        if action in ("create", "rotate", "revoke"):
            raise PerkstarError(
                ErrorKind.USAGE,
                f"`key {action}` is for keys made here, and those come with the gateway.",
                remedy="Rotate the account's key in Perkstar, then `perkstar key replace --api-key-stdin`.",
            )
        if action not in ("list", "show", "copy", "usage", "replace"):
            raise PerkstarError(ErrorKind.USAGE, f"There is no `key {action}`.", remedy=f"Use {ACTIONS}.")
        with opened(context.obj) as hub:
            if action == "replace":
                view = hub.replace_key(_new_key(api_key_stdin))
            else:
                view = hub.key()
            secret = hub.reveal_key() if action == "copy" or (action == "show" and clear) else None
        item = {
            "id": "cloud",
            "name": view.label,
            "masked": view.masked,
            "scopes": ["all"],
            "created": view.added,
            "expires": None,
            "last_used": view.last_worked,
            "status": "active" if view.masked else "none",
            "calls_today": view.calls_today,
        }
        if action == "copy":
            sentence = _copy(secret or "")
            emit(context.obj, item | {"copied": True}, lambda: say(sentence))
        elif action == "list":
            items = [item] if view.masked else []
            rows = [[str(i["name"]), str(i["masked"]), str(i["created"] or "")] for i in items]
            emit(context.obj, listed(items), lambda: table(["Name", "Key", "Added"], rows))
        elif action == "usage":
            hours = {"calls_per_hour": list(view.calls_per_hour)}
            emit(context.obj, item | hours, lambda: say(f"{view.calls_today} calls today"))
        else:
            shown = secret or view.masked or view.note
            extra = {"secret": secret} if secret else {}
            emit(context.obj, item | extra, lambda: say(f"{view.label}: {shown}"))


def _new_key(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    import getpass

    return getpass.getpass("The new key: ", stream=sys.stderr)


def _copy(secret: str) -> str:
    from perkstar_tui.tui.clipboard import copy

    def write(sequence: str) -> None:
        sys.stderr.write(sequence)
        sys.stderr.flush()

    return copy(secret, "the key", write).sentence
