"""`perkstar demo`: every vendor on loopback, a fresh store, real connections and syncs, then the screen on a shop
that lives. Nothing is left behind unless asked for; the sandbox judges the outcome by its own truth.
"""

import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from .asking import show_run
from .output import Options, emit, note, say

if TYPE_CHECKING:
    from perkstar_tui.hub.hub import Hub
    from perkstar_tui.sandbox.server import Sandbox

PLATFORMS: dict[str, dict[str, str]] = {
    "hubspot": {"data": "customers", "direction": "both", "frequency": "hourly"},
    "mailchimp": {"data": "customers", "direction": "both", "frequency": "realtime"},
    "square": {
        "data": "customers,transactions",
        "direction": "both",
        "frequency": "realtime",
        "issue_cards": "sale",
    },
}
"""What the demo connects, and how."""

KINDS = {"hubspot": "contacts", "mailchimp": "members", "square": "customers"}


def control(base: str, path: str, body: Any = None) -> Any:
    """Ask the sandbox's control address, on loopback."""
    data = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(  # noqa: S310 - the address is the sandbox's own, on loopback
        base.rstrip("/") + path, data=data, headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return orjson.loads(answer.read())


@contextmanager
def demo_home(*, keep: bool) -> Iterator[Path]:
    """A data directory of its own, removed at the end unless it is to be kept."""
    home = Path(tempfile.mkdtemp(prefix="perkstar-demo-"))
    try:
        yield home
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def demo_hub(home: Path, box: "Sandbox") -> "Hub":
    """The hub of the demo: the sandbox's addresses, and a vault key in a file, whatever the environment says."""
    from perkstar_tui.hub.hub import Hub
    from perkstar_tui.hub.settings import Settings

    endpoints = orjson.loads(Path(box.line["endpoints_file"]).read_bytes())
    database = f"sqlite:///{home / 'perkstar.db'}"
    settings = Settings(home=home, database_url=database, vault="file", endpoints=endpoints)
    return Hub(settings, aside=True)


class Progress:
    """Says on stderr how far a run is: one line, written anew in a terminal, and just named without one."""

    def __init__(self, options: Options, hub: "Hub") -> None:
        self.options = options
        self.hub = hub
        self.live = sys.stderr.isatty() and not options.quiet

    def during(self, words: str, integration_id: str, work: Callable[[], Any]) -> Any:
        """Do `work` in this thread while another one shows its progress."""
        if not self.live:
            note(self.options, words)
            return work()
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(words, integration_id, done), daemon=True)
        watcher.start()
        try:
            return work()
        finally:
            done.set()
            watcher.join()
            sys.stderr.write(f"\r\x1b[K{words} ✓\n")
            sys.stderr.flush()

    def _watch(self, words: str, integration_id: str, done: threading.Event) -> None:
        while not done.wait(0.25):
            view = self.hub.integration(integration_id)
            count = ""
            if view.progress_done is not None:
                of = f" of {view.progress_total:,}" if view.progress_total else ""
                count = f"  {view.progress_done:,}{of}"
            sys.stderr.write(f"\r\x1b[K{words}{count}")
            sys.stderr.flush()


def run_demo(options: Options, *, headless: bool, keep: bool, customers: int = 2000, seed: int = 7) -> int:
    """The whole demo; answers the exit code."""
    from perkstar_tui.sandbox.server import Sandbox

    started = time.monotonic()
    with (
        demo_home(keep=keep) as home,
        Sandbox.start(customers=customers, seed=seed, only=tuple(PLATFORMS)) as box,
    ):
        hub = demo_hub(home, box)
        if not keep:
            note(options, f"In a home of its own, {home}, which goes with the demo; yours is not touched.")
        try:
            found = _connect_and_sync(options, hub, box)
            judged = control(box.control, "/world/check")
            document = _document(hub, box, found, judged, time.monotonic() - started)
        finally:
            if headless:
                hub.close()
        if keep:
            note(options, f"Kept: {home}")
        if headless:
            emit(options, document, lambda: _people(document))
            return 0 if document["ok"] else 1
        control(box.control, "/life", {"on": True, "pace_s": 3})
        _screen(options, hub)
    return 0


def _connect_and_sync(options: Options, hub: "Hub", box: "Sandbox") -> dict[str, dict[str, Any]]:
    """Attach, connect and sync twice; answers integration and runs by platform."""
    progress = Progress(options, hub)
    hub.attach_cloud(box.line["perkstar"]["api_key"])
    credit_from = control(box.control, "/world/sales")["credit_from"]
    found: dict[str, dict[str, Any]] = {}
    for platform, settings in PLATFORMS.items():
        about = box.line["platforms"][platform]
        # Square lets webhooks be registered by the business's own token only: the living shop is heard through it.
        credentials = about["alternatives"].get("personal_token") or about["credentials"]
        more = {"credit_from": credit_from} if "transactions" in settings["data"] else {}
        found[platform] = {"view": hub.connect(platform, credentials, settings={**settings, **more})}
    for which in ("first", "second"):
        for item in found.values():
            view = item["view"]
            words = f"{view.name}: {which} sync"
            item[which] = progress.during(words, view.id, partial(hub.sync, view.id, wait=True))
    return found


def _document(
    hub: "Hub", box: "Sandbox", found: dict[str, dict[str, Any]], judged: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """What the demo says it did (commands' contract: demo). `ok` is the sandbox's judgement, not ours."""
    perkstar = control(box.control, "/perkstar/records/customers?limit=1")["total"]
    items = []
    well = True
    for platform, item in found.items():
        truth = judged["platforms"][platform]
        view = hub.integration(item["view"].id)
        there = control(box.control, f"/{platform}/records/{KINDS[platform]}?limit=1")["total"]
        well = (
            well and truth["expected_linked"] == truth["linked"] == truth["equal"] and not truth["duplicates"]
        )
        items.append(
            {
                "platform": platform,
                "first": item["first"],
                "second": item["second"],
                "sides": {"perkstar": perkstar, "platform": there},
                "linked": view.counts.linked,
                "held": view.counts.held + view.counts.failed,
                "expected_linked": truth["expected_linked"],
                "truth": truth,
            }
        )
    return {"ok": well, "seconds": round(seconds, 1), "integrations": items, "sales": judged["sales"]}


def _people(document: dict[str, Any]) -> None:
    for item in document["integrations"]:
        say(
            f"{item['platform']}: {item['linked']} linked of {item['expected_linked']} that belong together, "
            f"{item['held']} held"
        )
        show_run(item["first"])
    say(f"{'All is in step' if document['ok'] else 'NOT in step'}, after {document['seconds']} seconds.")


def _screen(options: Options, hub: "Hub") -> None:
    import locale

    from perkstar_tui.tui.app import run_app

    plain = "utf" not in (locale.getpreferredencoding(False) or "").lower()
    run_app(lambda: hub, read_only=options.read_only, ascii=plain)


def register(app: typer.Typer) -> None:
    """Put the demo on the program."""

    @app.command()
    def demo(
        context: typer.Context,
        headless: Annotated[bool, typer.Option("--headless", help="No screen; print what was done.")] = False,
        keep: Annotated[bool, typer.Option("--keep", help="Leave the data directory behind.")] = False,
        customers: Annotated[int, typer.Option(min=20, max=100_000, help="How many on each side.")] = 2000,
        seed: Annotated[int, typer.Option(help="Which shop; the same number gives the same one.")] = 7,
    ) -> None:
        """A living shop on loopback: connected, synced, and shown on the screen."""
        if not headless and not (sys.stdout.isatty() and sys.stdin.isatty()):
            from perkstar_tui.model.errors import ErrorKind, PerkstarError

            raise PerkstarError(
                ErrorKind.USAGE,
                "The demo's screen needs a terminal.",
                remedy="Add --headless, with --json if you like.",
            )
        raise typer.Exit(run_demo(context.obj, headless=headless, keep=keep, customers=customers, seed=seed))
