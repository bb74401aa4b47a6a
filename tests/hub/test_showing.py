"""How an integration is said to stand."""

import pytest


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
