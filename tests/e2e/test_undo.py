"""Plans that are kept and carried out as shown, and runs that are taken back, against the vendor's own truth."""

import pytest
from shop import KINDS


@pytest.fixture
def hubspot(shop):
    """A shop in step with HubSpot."""
    shop.connect("hubspot", "--data", "customers")
    shop.sync("hubspot")
    shop.sync("hubspot")
    return shop


def later(shop, *arguments):
    """A sync, once the vendor's search knows what was changed there."""
    shop.box.ask("/clock", {"advance_s": 400})
    return shop.sync("hubspot", *(arguments or ("--full",)))


def contacts(shop):
    """The vendor's records as far as they are mapped: name, e-mail, phone."""
    found = {}
    for record in shop.box.records("hubspot"):
        fields = record["properties"]
        found[record["id"]] = tuple(fields.get(name) for name in ("firstname", "lastname", "email", "phone"))
    return found


def customers(shop):
    rows = shop.well("customers", "list", "--limit", "1000")["items"]
    names = ("first_name", "last_name", "email", "phone")
    return {row["id"]: tuple(row["fields"].get(name) for name in names) for row in rows}


def test_a_run_that_took_wrong_names_is_undone_and_both_sides_are_as_before(hubspot):
    shop, there, here = hubspot, contacts(hubspot), customers(hubspot)
    ids = sorted(there)[:5]
    for id_ in ids:
        shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong", "lastname": "Person"})
    run = later(shop)
    assert run["inward"]["updated"] == 5, run
    assert customers(shop) != here
    seen = shop.well("undo", run["id"], "--dry-run")
    assert (seen["done"], seen["counts"]["fields"], seen["counts"]["stays"]) == (False, 10, 0)
    assert all("next sync sends it to HubSpot" in line["then"] for line in seen["back"])
    done = shop.well("undo", run["id"], "--yes")
    assert done["counts"] == seen["counts"]
    assert customers(shop) == here
    after = later(shop)
    assert (after["inward"]["updated"], after["outward"]["updated"]) == (0, 5)
    assert contacts(shop) == there
    again = shop.sync("hubspot", "--full")
    assert (again["inward"]["updated"], again["outward"]["updated"]) == (0, 0)
    assert (customers(shop), contacts(shop)) == (here, there)


def test_customers_that_a_run_made_are_put_away_and_no_later_run_makes_them_again(hubspot):
    shop, here = hubspot, customers(hubspot)
    shop.box.ask("/hubspot/records/contacts:generate", {"count": 1})
    run = later(shop)
    assert run["inward"]["created"] == 1
    assert len(customers(shop)) == len(here) + 1
    shop.well("undo", run["id"], "--yes")
    assert customers(shop) == here
    for arguments in ((), ("--full",)):
        after = shop.sync("hubspot", *arguments)
        assert (after["inward"]["created"], after["outward"]["created"]) == (0, 0)
        assert customers(shop) == here
