"""Compare, pure: three versions of a record in, what to take and what to send out. No I/O.

Base b (agreed last), hub h and remote r are compared in the platform's form, field by field:
f(h) == r nothing; f(h) == b take r; r == b send h; else a conflict, settled by the field's rule.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from perkstar_tui.model.enums import Write
from perkstar_tui.model.remote import Value

from .mapping import Line

NAME = ("first_name", "last_name")
TIE_MS = 5000
"""Two times closer than this are a tie, and Perkstar wins (sync design: Who owns what)."""
LET_GO = "let-go"
"""Who wrote a field, where an undo emptied it: the agreed value that a platform still shows is known, and no news."""


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that both sides changed, with the three values in the platform's form, and who won."""

    hub_field: str
    remote_field: str
    base: Value
    hub: Value
    remote: Value
    winner: str


@dataclass(slots=True)
class Decision:
    """What one record needs. `take` are hub fields, `send` are remote fields, `base` what both now agree on.

    `waiting` names remote fields that differ but can't be sent (create-only); they are shown and not retried.
    """

    take: dict[str, Value] = field(default_factory=dict)
    send: dict[str, Value] = field(default_factory=dict)
    base: dict[str, Value] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Moment:
    """When each side last changed: the vendor's record time, and each hub field's [origin, ms]."""

    remote_ms: int | None
    provenance: Mapping[str, Any]
    origin: str
    """The integration that is being compared: a hub value that came from it is no local edit."""

    def let_go(self, name: str) -> bool:
        """Whether a hub field is empty because an undo emptied it."""
        written = self.provenance.get(name)
        return written is not None and written[0] == LET_GO


def decide(
    lines: Sequence[Line],
    hub: Mapping[str, Value],
    remote: Mapping[str, Value],
    base: Mapping[str, Value],
    moment: Moment,
    *,
    creating: bool = False,
    consent_proven: bool = False,
) -> Decision:
    """Decide field by field. Laws: deciding again on the result changes nothing; afterwards both sides are equal
    on every mapped field that both can write; empty never wipes a filled value unless the line may clear;
    consent never rises without proof.
    """
    decision = Decision()
    names: _Names | None = None
    for line in lines:
        same = line.transform.same
        r = same(remote.get(line.remote))
        h = same(line.out(hub))
        known = line.remote in base
        b = same(base.get(line.remote)) if known else None
        if h != r and line.hub in NAME:
            names = names or _names(lines, hub, remote, base)
            if names.same_there:
                decision.base[line.remote] = r
                continue
            if known and names.as_agreed:
                b = h
        if h == r:
            if r is not None or known:
                decision.base[line.remote] = r
            continue
        if known and not line.inward and h == b:
            # A one-way field: what became of it there is overwritten only when it changes here.
            decision.base[line.remote] = b
            continue
        if line.consent:
            _consent(line, hub, remote, r, known, b, decision, proven=consent_proven, creating=creating)
            continue
        theirs, ours = remote.get(line.remote), hub.get(line.hub)
        let_go = known and h is None and not line.may_clear and moment.let_go(line.hub)
        if let_go and r == b:
            # An undo emptied it here; nothing has happened there since, so it doesn't come back, nor is it cleared.
            decision.base[line.remote] = b
            continue
        if let_go and line.inward:
            # A later change there is a change like any other, and no clash: nobody wrote anything here.
            decision.take[line.hub] = line.transform.back(theirs, ours)
            decision.base[line.remote] = r
            continue
        # What the platform can only say in part (a birthday without a year) is no other value if it adds nothing.
        partly = h is not None and r is not None and line.transform.back(theirs, ours) == ours
        winner = _winner(line, h, r, b, known, moment, decision, partly=partly)
        if winner == "remote":
            if not partly:
                decision.take[line.hub] = line.transform.back(theirs, ours)
            decision.base[line.remote] = r
        elif winner == "hub":
            if line.write is Write.CREATE_ONLY and not creating:
                decision.waiting.append(line.remote)
                # What stands there for good is what both know of: a clash over it is not found again each time.
                if known or r is not None:
                    decision.base[line.remote] = r
            else:
                decision.send[line.remote] = line.out(hub)
                if known:
                    decision.base[line.remote] = b
        elif known:
            decision.base[line.remote] = b
    return decision


class _Names(NamedTuple):
    """How the two parts of a name compare as one."""

    same_there: bool
    as_agreed: bool


def _names(
    lines: Sequence[Line], hub: Mapping[str, Value], remote: Mapping[str, Value], base: Mapping[str, Value]
) -> _Names:
    """Whether both sides have the same name, and the hub the agreed one, wherever each divides it in two.

    A platform that keeps a name as a whole shows "Mary Ann" Lee as "Mary" "Ann Lee": nobody changed anything.
    """
    by_hub = {line.hub: line for line in lines if line.hub in NAME}
    if len(by_hub) < len(NAME):
        return _Names(False, False)

    def whole(values: Iterable[Value]) -> str:
        return " ".join(" ".join(str(value) for value in values if value).split())

    parts = [by_hub[name] for name in NAME]
    ours = whole(line.transform.same(line.out(hub)) for line in parts)
    theirs = whole(line.transform.same(remote.get(line.remote)) for line in parts)
    agreed = whole(line.transform.same(base.get(line.remote)) for line in parts)
    return _Names(bool(ours) and ours == theirs, bool(ours) and ours == agreed)


def _winner(
    line: Line,
    h: Value,
    r: Value,
    b: Value,
    known: bool,
    moment: Moment,
    decision: Decision,
    *,
    partly: bool = False,
) -> str | None:
    """Who gives the value of a field on which the sides differ: `hub`, `remote`, or nobody."""
    hub_may, remote_may = line.outward, line.inward
    if known:
        if r == b:
            side = "hub"
        elif h == b:
            side = "remote"
        else:
            side = "clash"
    elif r is None:
        side = "hub"
    elif h is None:
        side = "remote"
    else:
        side = "clash"
    if side in ("clash", "remote") and partly and hub_may:
        side = "hub"
    if side == "clash":
        if hub_may and remote_may:
            side = _settle(line, moment)
            decision.clashes.append(
                Clash(line.hub, line.remote, b, h, r, "perkstar" if side == "hub" else "platform")
            )
        else:
            side = "hub" if hub_may else "remote"
    # Empty never wipes a filled value unless the mapping says so; the filled side gives instead.
    if not line.may_clear:
        if side == "hub" and h is None:
            side = "remote"
        elif side == "remote" and r is None:
            side = "hub"
    if side == "hub":
        return "hub" if hub_may else None
    return "remote" if remote_may else None


def _settle(line: Line, moment: Moment) -> str:
    if line.rule == "platform":
        return "remote"
    if line.rule == "newest" and moment.remote_ms is not None:
        written = moment.provenance.get(line.hub)
        if written is not None and moment.remote_ms - written[1] > TIE_MS:
            return "remote"
    return "hub"


def _consent(
    line: Line,
    hub: Mapping[str, Value],
    remote: Mapping[str, Value],
    r: Value,
    known: bool,
    b: Value,
    decision: Decision,
    *,
    proven: bool,
    creating: bool,
) -> None:
    """Consent by itself only ever goes down (H11): a "no" on either side wins, a "yes" travels only with proof."""
    may_send = line.outward and (creating or line.write is not Write.CREATE_ONLY)
    said_here = hub.get(line.hub)
    said_there = line.transform.back(remote.get(line.remote), said_here)
    if said_there == "no" and line.inward:
        decision.take[line.hub] = "no"
        decision.base[line.remote] = r
    elif said_here == "no" and may_send and said_there == "yes":
        decision.send[line.remote] = line.transform.out("no")
    elif said_here == "no" and line.outward and said_there == "yes":
        decision.waiting.append(line.remote)
    elif said_there == "yes" and line.inward and said_here in (None, "unknown"):
        # The vendor's own record of the opt-in is the proof that is kept.
        decision.take[line.hub] = "yes"
        decision.base[line.remote] = r
    elif said_here == "yes" and may_send and proven and said_there is None:
        decision.send[line.remote] = line.transform.out("yes")
    elif known:
        decision.base[line.remote] = b
