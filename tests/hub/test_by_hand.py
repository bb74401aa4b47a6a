"""What is said as long as a person has not entered address and key of a platform's webhooks."""

import pytest

from perkstar_tui.hub.receiver import keep_key

PUBLIC = "https://till.example"


@pytest.mark.parametrize("platform", ["clover", "quickbooks", "xero", "vagaro"])
@pytest.mark.parametrize("public", [None, "http://127.0.0.1:8800"])
def test_where_the_vendor_reaches_nothing_the_public_address_is_the_remedy(hub_of, platform, public):
    hub = hub_of(platform, public, "http://127.0.0.1:8800/hooks/int_1/x" if public else "")
    view = hub.integration("int_1")
    assert "reaches" in view.status_reason and "PERKSTAR_PUBLIC_URL" in view.status_remedy
    check = next(check for check in hub.doctor().checks if check.name == "The books webhooks")
    assert not check.ok and check.message == view.status_reason and "PERKSTAR_PUBLIC_URL" in check.remedy


@pytest.mark.parametrize("platform", ["clover", "quickbooks", "xero"])
def test_an_address_without_its_key_is_told_with_both_and_with_its_key_no_more(hub_of, platform):
    hub = hub_of(platform, PUBLIC, f"{PUBLIC}/hooks/int_1/x")
    view = hub.integration("int_1")
    assert view.status_reason.startswith("Real-time is not on yet")
    assert (
        "perkstar edit 'The books' --set webhook_key=-" in view.status_remedy
        and "(c in details)" in view.status_remedy
    )
    with hub.bench.store.write() as connection:
        keep_key(hub.bench, connection, "int_1", "secret")
    assert hub.integration("int_1").status_reason == ""
    assert all(check.name != "The books webhooks" for check in hub.doctor().checks)


def test_an_address_is_awaited_until_something_listens(hub_of):
    view = hub_of("xero", PUBLIC).integration("int_1")
    assert "perkstar worker" in view.status_remedy


def test_where_deliveries_are_the_only_way_in_it_is_said_whatever_the_frequency(hub_of):
    hub = hub_of("vagaro", PUBLIC, f"{PUBLIC}/hooks/int_1/x", frequency="hourly", direction="to-perkstar")
    assert hub.integration("int_1").status_reason.startswith("Nothing comes in from Vagaro yet")


@pytest.mark.parametrize(
    ("platform", "more"),
    [
        ("xero", {"frequency": "hourly"}),
        ("xero", {"direction": "to-platform"}),
        ("square", {}),
        ("webhook", {"direction": "to-perkstar"}),
    ],
)
def test_nothing_is_said_where_nothing_is_to_be_entered(hub_of, platform, more):
    hub = hub_of(platform, None, **more)
    assert hub.integration("int_1").status_reason == ""
    assert all(check.name != "The books webhooks" for check in hub.doctor().checks)


def test_anything_that_is_wrong_comes_first(hub_of):
    hub = hub_of("xero", None)
    hub.pause("int_1")
    assert hub.integration("int_1").status_reason.startswith("Paused")
