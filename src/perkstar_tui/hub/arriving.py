"""What has arrived of what was told, at platforms that answer well to what they drop: a step of `perkstar test`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.platforms.connector import Checker, Connector
from perkstar_tui.platforms.parts import CheckSpec
from perkstar_tui.sync.rows import ToldEvent, told_events

from . import views as v
from .bench import Bench

NAME = "what arrived"
DAY = timedelta(days=1)


async def arrived(bench: Bench, row: Any, connector: Connector) -> list[v.TestStep]:
    """One step where the platform's manifest says how it is asked; it fails where nothing at all has arrived."""
    manifest = bench.catalog[row.platform]
    data = manifest.data.get(DataType.TRANSACTIONS)
    rows = data.rows if data is not None else None
    if rows is None or rows.check is None or not isinstance(connector, Checker):
        return []
    check, now = rows.check, bench.clock.now()
    try:
        lacking = await connector.lacking()
        if lacking:
            words = f"Not checked: {manifest.title} answers well to everything, even to what it drops."
            remedy = f"To have it counted, reconnect and give the {', the '.join(lacking)} too."
            return [v.TestStep(NAME, True, words, remedy)]
        reach = now - timedelta(seconds=check.reach_s)
        told = told_events(bench.store, row.id, rows, check, reach)
        since = begin(told, check, now)
        seen = await connector.counted(since.date())
    except PerkstarError as error:
        said = f" It said: {error.vendor_words}" if error.vendor_words else ""
        return [v.TestStep(NAME, False, error.message + said, error.remedy)]
    return [judged([event for event in told if event.happened >= since], seen, check, since, now)]


def begin(told: Sequence[ToldEvent], check: CheckSpec, now: datetime) -> datetime:
    """From when on it is counted: the start of a day (UTC), so that some of it should be there by now.

    That is a day more than it takes to settle, or as long ago as the last thing that must have settled.
    """
    old = now - timedelta(seconds=check.settles_s)
    settled = [event.happened for event in told if event.told <= old]
    first = min(old, max(settled, default=old)) - DAY
    return datetime.combine(first.date(), time(), UTC)


def judged(
    told: Sequence[ToldEvent], seen: Mapping[str, int], check: CheckSpec, since: datetime, now: datetime
) -> v.TestStep:
    """What was told since then held against what is seen there; it is counted by the platform's own days, so the
    numbers may differ by what happened around midnight.
    """
    days, hours = (now.date() - since.date()).days, round(check.settles_s / 3600)
    if not told:
        return v.TestStep(NAME, True, f"Nothing was told of the last {days} days.")
    old = now - timedelta(seconds=check.settles_s)
    sent = Counter(event.name for event in told)
    settled = {event.name for event in told if event.told <= old}
    proof = settled & set(check.own) or settled
    numbers = "; ".join(
        f"{name}: {count:,} told, {seen.get(name, 0):,} seen so far" for name, count in sent.items()
    )
    message = f"Of the last {days} days, {numbers}."
    if proof and not any(seen.get(name) for name in proof):
        late = (
            f" Nothing of {' and '.join(sorted(proof))} that was told more than {hours} hours ago is there."
        )
        return v.TestStep(NAME, False, message + late, check.remedy)
    if any(event.told > old for event in told):
        message += f" What was told in the last {hours} hours may still be on its way."
    if any(seen.get(name, 0) > count for name, count in sent.items()):
        message += " What is seen beyond that was told by others, such as a website."
    return v.TestStep(NAME, True, message)
