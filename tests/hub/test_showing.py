"""How an integration is said to stand."""

import pytest
from sqlalchemy import insert

from perkstar_tui.hub.reading import DELIVERY


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
