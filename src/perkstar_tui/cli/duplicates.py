"""`perkstar customers duplicates`, `merge` and `unmerge`: who may be one person, made one, and two again."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import Options, emit, listed, note, opened, say

ACTIONS = ("duplicates", "merge", "unmerge")


@dataclass
class Asked:
    """The flags of these actions."""

    find: bool = False
    at: str | None = None
    min_score: int = 0
    state: str = "open"
    dismiss: str | None = None
    restore: str | None = None
    keep: str | None = None
    take: Sequence[str] = ()
    yes: bool = False
    limit: int = 50
    offset: int = 0


def carry_out(options: Options, action: str, what: str | None, other: str | None, asked: Asked) -> None:
    """One of the three actions."""
    if action == "merge":
        _merge(options, what, other, asked)
    elif action == "unmerge":
        _unmerge(options, what)
    else:
        _duplicates(options, asked)


def _duplicates(options: Options, asked: Asked) -> None:
    with opened(options) as hub:
        if asked.dismiss or asked.restore:
            view = hub.dismiss_duplicate(asked.dismiss or asked.restore or "", again=asked.dismiss is None)
            words = "is no duplicate and is not shown again" if asked.dismiss else "is shown again"
            emit(options, view, lambda: say(f"{view.id} {words}."))
            return
        searched = None
        if asked.find:
            live = sys.stderr.isatty() and not options.quiet

            def progress(done: int) -> None:
                if live:
                    sys.stderr.write(f"\r\x1b[K{done:,} looked at")
                    sys.stderr.flush()

            searched = hub.find_duplicates(asked.at, progress=progress)
            if live:
                sys.stderr.write("\r\x1b[K")
        page = hub.duplicates(
            asked.at, state=asked.state, min_score=asked.min_score, offset=asked.offset, limit=asked.limit
        )
    document = listed(page.items, page.total) | ({"search": searched} if searched else {})

    def people() -> None:
        for view in page.items:
            _show(view)
        if searched is not None:
            say(f"{searched.looked_at:,} looked at, {searched.found:,} new. {searched.note}".strip())
        say(f"{page.total:,} {'pair' if page.total == 1 else 'pairs'}, {asked.state}")

    emit(options, document, people)


def _show(view: Any) -> None:
    """A pair side by side, the fields that differ marked."""
    say(
        f"{view.score:>3}  {view.verdict:<5} {view.id}"
        + (f"  at {view.integration_name}" if view.integration_name else "")
    )
    rows = [("", view.a.id, view.b.id)]
    for name in dict.fromkeys((*view.a.fields, *view.b.fields)):
        a, b = view.a.fields.get(name, ""), view.b.fields.get(name, "")
        rows.append((f"{'≠ ' if name in view.differs else '  '}{name}", str(a), str(b)))
    if not view.integration_id:
        rows.append(("  cards, sales", f"{view.a.cards}, {view.a.sales}", f"{view.b.cards}, {view.b.sales}"))
        rows.append(("  in step at", ", ".join(view.a.linked) or "–", ", ".join(view.b.linked) or "–"))
    names, width = (max(len(row[n]) for row in rows) for n in (0, 1))
    for name, a, b in rows:
        say(f"       {name:<{names}}  {a:<{width}}  {b}".rstrip())
    say(f"       {', '.join(view.why)}")
    if view.merge_id:
        say(f"       merged by {view.merge_id}")
    say("")


def _merge(options: Options, a: str | None, b: str | None, asked: Asked) -> None:
    if not a or not b:
        raise PerkstarError(
            ErrorKind.USAGE, "Merge which two?", remedy="perkstar customers merge CUSTOMER CUSTOMER"
        )
    with opened(options) as hub:
        plan = hub.plan_merge(a, b, keep=asked.keep, take=asked.take)
        if not asked.yes:
            for sentence in plan.effects:
                note(options, sentence)
            for name, before, after in plan.fields:
                note(options, f"  {name}: {before or '–'} > {after or '–'}")
            if not sys.stdin.isatty():
                raise PerkstarError(
                    ErrorKind.USAGE, "Merging asks first.", remedy="Add --yes, or run it in a terminal."
                )
            typer.confirm("Merge them?", abort=True, err=True)
        done = hub.merge(a, b, keep=plan.survivor, take=asked.take)
    emit(
        options,
        done,
        lambda: say(
            f"{done.loser} was merged into {done.survivor}; `perkstar customers unmerge {done.id}` undoes it."
        ),
    )


def _unmerge(options: Options, merge_id: str | None) -> None:
    if not merge_id:
        raise PerkstarError(ErrorKind.USAGE, "Undo which merge?", remedy="Give its id (mrg_...).")
    with opened(options) as hub:
        done = hub.unmerge(merge_id)

    def people() -> None:
        say(f"{done.survivor} and {done.loser} are two again.")
        for sentence in done.effects:
            say(sentence)

    emit(options, done, people)
