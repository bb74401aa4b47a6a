"""How an integration is said to stand."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from perkstar_tui.hub.first_look import first_look
from perkstar_tui.hub.reading import DELIVERY
from perkstar_tui.sync.runner import Runner


@pytest.mark.parametrize(
    ("platform", "form", "renews"),
    [
        ("xero", "oauth", True),
        ("mailchimp", "oauth", False),
        ("klaviyo", "api_key", False),
        ("webhook", "endpoint", False),
    ],
)
def test_only_a_login_that_refreshes_is_said_to_renew_itself(hub_of, platform, form, renews):
    hub = hub_of(platform, row={"form": form})
    assert form in {one.id for one in hub.bench.catalog[platform].auth}
    assert hub.integration("int_1").credential_renews is renews


@pytest.mark.parametrize(
    ("platform", "direction", "listening"),
    [
        ("webhook", "to-platform", ""),
        ("webhook", "to-perkstar", "polling only"),
        ("square", "both", "polling only"),
    ],
)
def test_an_endpoint_that_is_only_told_listens_to_nothing(hub_of, platform, direction, listening):
    assert hub_of(platform, direction=direction).integration("int_1").listening == listening


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (["pending"], "1 delivery was not taken yet and will be told again by itself."),
        (["pending"] * 2, "2 deliveries were not taken yet and will be told again by themselves."),
        (["dead", "pending"], "1 delivery was given up."),
        (["dead"] * 2, "2 deliveries were given up."),
    ],
)
def test_deliveries_that_were_not_taken_are_told_in_one_sentence(hub_of, states, said):
    hub = hub_of("webhook", direction="to-platform")
    now = hub.bench.clock.now()
    with hub.bench.store.write() as connection:
        for number, state in enumerate(states):
            connection.execute(
                insert(DELIVERY).values(
                    id=f"msg_{number}", integration_id="int_1", state=state, attempts=1, type="customer.updated",
                    fact="cus_1", body="{}", created_at=now, version=1, ms=0, problem="", answer="",
                )
            )  # fmt: skip
    assert hub.integration("int_1").status_reason == said


@pytest.mark.parametrize(
    ("row", "begun"),
    [
        ({"previewed": False}, False),
        ({"previewed": True}, True),
        ({"previewed": False, "requested": "manual"}, True),
    ],
)
def test_no_time_is_promised_for_a_first_run_that_no_schedule_starts(hub_of, row, begun):
    due = datetime(2026, 1, 5, 9, tzinfo=UTC)
    new = {"last_sync": None, "last_success": None, "next_run_at": due}
    hub = hub_of("square", row=new | row)
    view, seen = hub.integration("int_1"), first_look(hub.bench.settings.home)
    assert seen is not None
    for shown in (view, seen.views[0]):
        assert shown.next_sync == (due if begun else None)
        assert (shown.status_key == "s" and "(w)" in shown.status_remedy) is not begun
    # It is what the runner does: a due run is begun only when somebody has looked at it, or asked for it.
    assert bool(Runner(hub.bench.store, hub.bench.engine, hub.bench.clock).due()) is begun


def test_one_that_is_synced_by_hand_waits_for_no_schedule(hub_of):
    new = {"last_sync": None, "last_success": None, "previewed": False}
    assert hub_of("square", row=new, frequency="manual").integration("int_1").status_reason == ""
