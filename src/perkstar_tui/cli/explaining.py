"""`perkstar record`, `records` and `why`: where data is, what keeps it from where it is not, and what mends that."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from perkstar_tui.model.money import amount

from .asking import Name, _when
from .output import emit, listed, opened, say, table

_RECORD = "An id of ours or a vendor's, an e-mail address or a phone; `-` reads it from standard input."


def _given(which: str) -> str:
    return sys.stdin.readline().strip() if which == "-" else which


def _text(value: Any) -> str:
    return "–" if value in (None, "") else str(value)


_NAMES = {
    "total_minor": "total", "happened_at": "when", "customer_id": "customer id", "card_id": "card",
    "buyer": "names", "mark": "mark in the cloud",
}  # fmt: skip


def facts_of(view: Any) -> Iterator[str]:
    """What is filled of a record, for people: amounts as money, and nothing that is empty."""
    currency = view.hub.get("currency")
    for name, value in view.hub.items():
        if value in (None, "", []) or (name == "currency" and "total_minor" in view.hub):
            continue
        shown = amount(value, currency) if name == "total_minor" else value
        yield f"{_NAMES.get(name, name)}: {shown}"


def _show_side(side: Any) -> None:
    say(f"{side.integration_name}: {side.state} {side.remote_id or ''}".rstrip())
    say(f"  {side.words}")
    if side.command and side.standing not in ("in_step", "told"):
        say(f"  > {side.command}")
    if side.last_sent or side.last_received:
        say(f"  sent {_when(side.last_sent)}, received {_when(side.last_received)}")
    for field in side.fields:
        if field.differs:
            rule = f" (rule: {field.rule})" if "rule" in field.would else ""
            say(
                f"  ≠ {field.hub}: Perkstar {_text(field.perkstar)}, there {_text(field.platform)}, "
                f"agreed {_text(field.base)}; {field.would}{rule}"
            )
    if side.next_attempt:
        say(f"  tried again {_when(side.next_attempt)}")
    for told in side.told:
        say(f"  {told}")
    if side.fresh is not None:
        found = ", ".join(f"{id_} {name}".strip() for id_, name in side.fresh.found) or "nothing"
        problem = f": {side.fresh.problem}" if side.fresh.problem else ""
        say(f"  asked just now by {' and by '.join(side.fresh.asked) or 'nothing'}: {found}{problem}")


def register(app: typer.Typer) -> None:
    """Put the three commands on the program."""

    @app.command()
    def record(
        context: typer.Context,
        which: Annotated[str, typer.Argument(metavar="ANY_ID_OR_EMAIL", help=_RECORD)],
        name: Name = None,
        fresh: Annotated[bool, typer.Option("--fresh", help="Ask the platforms for it now.")] = False,
    ) -> None:
        """One customer or sale: where it is on every side, what differs, what was told, and why it is not there."""
        with opened(context.obj) as hub:
            view = hub.record(_given(which), name, fresh=fresh)

        def people() -> None:
            say(f"{view.kind} {view.id}")
            for fact in facts_of(view):
                say(f"  {fact}")
            for card in view.cards:
                say(f"  card {card.id}: {card.kind} {card.template}, {card.balance}")
            for side in view.platforms:
                _show_side(side)
            said = {side.words for side in view.platforms}
            for sentence in view.story:
                if sentence not in said:
                    say(f"  {sentence}")

        emit(context.obj, view, people)

    @app.command()
    def records(
        context: typer.Context,
        name: Annotated[str, typer.Argument(metavar="NAME_OR_ID")],
        state: Annotated[str | None, typer.Option(help="in-step, left-out or failing; all without.")] = None,
        data: Annotated[str, typer.Option(help="customers or transactions.")] = "customers",
        search: Annotated[str, typer.Option(help="Only those with this text.")] = "",
        limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
        offset: Annotated[int, typer.Option(min=0)] = 0,
    ) -> None:
        """The three lists of a data type, always complete: in step, left out, failing; with the reason of each."""
        with opened(context.obj) as hub:
            page = hub.records(name, state=state, data=data, text=search, offset=offset, limit=limit)
            counts = hub.record_counts(name, data)

        def people() -> None:
            rows = [
                [r.state.replace("_", " "), r.name, r.remote_id or "–", r.code, r.reason, r.remedy]
                for r in page.items
            ]
            table(["List", "Name", "There", "Code", "Why", "What to do"], rows)
            say(f"in step {counts.in_step:,}, left out {counts.left_out:,}, failing {counts.failing:,}")
            if data == "customers":
                say(
                    f"Perkstar {counts.here:,}, platform {counts.there:,}, both {counts.both:,}; "
                    f"only here {counts.only_here:,}, only there {counts.only_there:,}"
                )

        emit(context.obj, {**listed(page.items, page.total), "counts": counts}, people)

    @app.command()
    def why(
        context: typer.Context,
        which: Annotated[str | None, typer.Argument(metavar="[RECORD]", help=_RECORD)] = None,
        name: Name = None,
    ) -> None:
        """Why is my data not there? A guided check of a record or an integration, answered by store and platform."""
        with opened(context.obj) as hub:
            view = hub.why(_given(which) if which else None, name)

        def people() -> None:
            signs = {True: "✓", False: "✗", None: "·"}
            rows = [[signs[step.ok], step.title, step.finding] for step in view.steps]
            table(["", view.integration_name, view.record or "as a whole"], rows)
            say("")
            say(view.conclusion)
            if view.remedy:
                say(f"{view.remedy}{f' `{view.command}`' if view.command else ''}")

        emit(context.obj, view, people)
        raise typer.Exit(0 if view.cause == "none" else 1)
