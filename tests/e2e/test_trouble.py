"""Every way in which a vendor can fail, seen from outside: what happens to the run, the status, and the records."""

import pytest


def connected(shop, name="hubspot", *more):
    return shop.connect(name, "--data", "customers", *more)


def linked_and_equal(shop, name):
    told = shop.box.check()["platforms"][name]
    return told["expected_linked"] == told["linked"] == told["equal"]


@pytest.mark.parametrize("name", ["hubspot", "square"])
def test_a_token_that_expires_in_mid_run_is_refreshed_and_the_run_goes_on(shop, name):
    connected(shop, name)
    shop.box.faults(name, rules=[{"effect": "expire-token", "nth": 2, "times": 1}])
    run = shop.sync(name)
    assert run["code"] in (0, 1) and run["outcome"] != "failed", run
    assert any(r["status"] == 401 for r in shop.box.requests(name))
    shop.box.faults(name)
    shop.sync(name)
    assert linked_and_equal(shop, name)


@pytest.mark.parametrize("name", ["hubspot", "mailchimp", "square"])
def test_a_revoked_credential_means_reconnect_required_no_further_calls_and_reconnect_goes_on(shop, name):
    connected(shop, name)
    shop.sync(name)
    shop.box.ask(f"/{name}/tokens:revoke", {})
    run = shop.sync(name)
    assert run["code"] == 5, run
    assert shop.well("show", name)["status"] == "reconnect_required"
    calls = len(shop.box.requests(name))
    code, answer = shop.run("sync", name, "--wait")
    assert (code, answer["error"]["code"]) == (5, "credential_refused")
    assert "econnect" in answer["error"]["remedy"]
    assert len(shop.box.requests(name)) == calls
    fresh = {
        "hubspot": "/hubspot/tokens:issue",
        "mailchimp": "/mailchimp/tokens:issue",
        "square": "/square/tokens:issue",
    }
    view = shop.well("reconnect", name, "--credentials-stdin", stdin=shop.box.ask(fresh[name], {}))
    assert view["status"] == "active"
    again = shop.sync(name)
    assert again["code"] == 0
    assert again["inward"]["created"] == again["outward"]["created"] == 0


@pytest.mark.parametrize("name", ["hubspot", "mailchimp", "square"])
def test_a_rate_limit_is_obeyed_and_no_record_fails(shop, name):
    connected(shop, name)
    shop.box.faults(name, "rate-limited")
    run = shop.sync(name)
    assert run["outcome"] == "succeeded", run
    assert run["inward"]["failed"] == run["outward"]["failed"] == 0
    shop.box.faults(name)
    shop.sync(name)
    assert linked_and_equal(shop, name)


def test_bad_records_alone_are_held_with_field_words_and_remedy(shop):
    connected(shop)
    shop.box.faults("hubspot", "bad-records")
    run = shop.sync("hubspot")
    assert run["code"] == 1 and run["outcome"] == "partly", run
    assert run["outward"]["updated"] > 0
    entries = shop.well("logs", "hubspot", "--code", "record_rejected")["items"]
    assert len(entries) == shop.well("show", "hubspot")["counts"]["failed"] > 0
    for entry in entries:
        assert entry["field"] and entry["vendor_message"] and entry["remedy"] and entry["record"]
        assert entry["request"]
    # The same refusal again is no news: the run that newly failed gave 1, this one does not.
    assert shop.sync("hubspot")["code"] == 0
    shop.box.faults("hubspot")
    shop.well("retry", "hubspot")
    shop.sync("hubspot")
    assert linked_and_equal(shop, "hubspot")


def test_an_outage_is_error_after_three_runs_and_active_again_by_itself(shop):
    connected(shop, "mailchimp")
    shop.sync("mailchimp")
    shop.box.faults("mailchimp", "outage")
    statuses = []
    for _ in range(3):
        assert shop.sync("mailchimp", seconds=600)["code"] == 6
        statuses.append(shop.well("show", "mailchimp")["status"])
    assert statuses == ["active", "active", "error"]
    shop.box.faults("mailchimp")
    assert shop.sync("mailchimp")["code"] == 0
    assert shop.well("show", "mailchimp")["status"] == "active"


@pytest.mark.parametrize(
    ("name", "profile"), [("hubspot", "moving-pages"), ("mailchimp", "flaky"), ("square", "hostile")]
)
def test_after_trouble_a_quiet_run_ends_in_step(shop, name, profile):
    quiet_after(shop, name, profile)


@pytest.mark.long
@pytest.mark.parametrize("name", ["hubspot", "mailchimp", "square"])
@pytest.mark.parametrize("profile", ["flaky", "moving-pages", "hostile", "slow", "rate-limited"])
def test_after_any_trouble_at_any_platform_a_quiet_run_ends_in_step(shop, name, profile):
    quiet_after(shop, name, profile)


def quiet_after(shop, name, profile):
    connected(shop, name)
    shop.box.faults(name, profile)
    for _ in range(2):
        shop.sync(name)
    shop.box.faults(name)
    shop.sync(name, "--full")
    shop.sync(name)
    told = shop.box.check()["platforms"][name]
    assert told["expected_linked"] == told["linked"] == told["equal"], told
    assert not told["duplicates"]
