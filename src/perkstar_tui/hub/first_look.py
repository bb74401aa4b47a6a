"""What the screen shows before the hub is open: the same read models, from one quick look at the store's file."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from perkstar_tui.store import first_look as rows

from . import overview as v
from .showing import account_view, count_link, integration_view, key_view, plan_view
from .whoami import who

ORDER = ("notice", "warning", "critical")


class FirstLook(NamedTuple):
    """The main screen's parts, as they were when the program started."""

    account: v.AccountView
    plan: v.PlanView
    key: v.KeyView
    views: list[v.IntegrationView]
    remembered: dict[str, str]
    """How views were left, as the hub's `recall` would answer."""
    alerts: int
    """How many stand that nobody has seen yet."""


def shown_alerts(open_alerts: Iterable[Any], app: Any) -> int:
    """How many of the open alerts the route `app` lets through, as `Alerts.shown` counts them."""
    return sum(
        ORDER.index(one.level) >= ORDER.index(app.level) and (not app.kinds or one.kind in app.kinds)
        for one in open_alerts
    )


def first_look(home: Path) -> FirstLook | None:
    """The main screen from the SQLite store of a home; None where there is none, or no account in it yet."""
    found = rows.read(home / "perkstar.db")
    if found is None or not found.accounts or not found.tiers:
        return None
    now = datetime.now(UTC)
    account = found.accounts[0]
    own = [row for row in found.integrations if row.kind != "system"]
    link = next((row for row in found.integrations if row.kind == "system"), None)
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for links in found.links:
        count_link(counts[links.integration_id], links.state, links.code, links.number)
    views = [
        integration_view(
            row,
            row.name,
            counts[row.id],
            found.expiries.get(row.id),
            found.runs[row.id],
            now,
            running=False,
            heard=row.id in found.heard,
        )
        for row in own
    ]
    hour = int(now.timestamp() // 3600)
    calls = {row.hour: row.calls for row in found.calls}
    today = sum(number for at, number in calls.items() if at >= hour - now.hour)
    hours = [calls.get(at, 0) for at in range(hour - 23, hour + 1)]
    return FirstLook(
        account_view(account, link, who().partition(" from ")[0]),
        plan_view(account, found.tiers, own),
        key_view(account, today, hours),
        views,
        {name.removeprefix("view:"): str(value) for name, value in found.views.items()},
        shown_alerts(found.alerts, found.app),
    )
