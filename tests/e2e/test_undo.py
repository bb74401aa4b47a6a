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
        shop.box.put(
            "hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong", "lastname": "Person"}
        )
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


def shown(preview):
    """What a preview says, by name: fields that come in, fields that go out."""
    inward = {
        row["name"]: {name: after for name, _, after in row["fields"]}
        for row in (*preview["inward"]["create"], *preview["inward"]["update"])
    }
    outward = {
        row["name"]: {name: after for name, _, after in row["fields"]}
        for row in (*preview["outward"]["create"], *preview["outward"]["update"])
    }
    return inward, outward


def test_a_first_sync_by_plan_makes_exactly_what_was_shown_and_nothing_is_left_for_the_next(shop):
    shop.connect("hubspot", "--data", "customers")
    before = contacts(shop)
    preview = shop.well("preview", "hubspot", "--keep", "--limit", "1000")
    assert preview["plan"].startswith("pln_")
    run = shop.sync("hubspot", "--plan", preview["plan"])
    assert (run["code"], run["plan"], run["skipped"]) == (0, preview["plan"], [])
    inward, outward = shown(preview)
    rows = shop.well("customers", "list", "--limit", "1000")["items"]
    here = {
        f"{row['fields'].get('first_name', '')} {row['fields'].get('last_name', '')}".strip(): row
        for row in rows
    }
    for name, fields in inward.items():
        for field, value in fields.items():
            assert str(here[name]["fields"].get(field, "")) == (value or ""), (name, field)
    there = {" ".join(filter(None, values[:2])): values for values in contacts(shop).values()}
    created = {row["name"] for row in preview["outward"]["create"]}
    for name in created:
        wanted = outward[name]
        got = dict(zip(("firstname", "lastname", "email", "phone"), there[name], strict=True))
        assert {field: got[field] for field in got if field in wanted} == {
            f: wanted[f] for f in got if f in wanted
        }
    assert len(contacts(shop)) == len(before) + preview["outward"]["create_total"]
    assert run["inward"]["created"] == preview["inward"]["create_total"]
    assert run["inward"]["updated"] == preview["inward"]["update_total"]
    after = later(shop, "--wait")
    for way in ("inward", "outward"):
        assert (after[way]["created"], after[way]["updated"]) == (0, 0), after
    code, answer = shop.run("sync", "hubspot", "--wait", "--plan", preview["plan"])
    assert code == 2 and "carried out already" in answer["error"]["message"]


def test_what_was_changed_since_the_preview_is_skipped_and_named_and_what_is_new_is_not_touched(hubspot):
    shop = hubspot
    people = sorted(contacts(shop))
    second = people[1]
    for id_ in people[:3]:
        shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"lastname": "Planned"})
    shop.box.ask("/clock", {"advance_s": 400})
    preview = shop.well("preview", "hubspot", "--keep")
    assert preview["inward"]["update_total"] == 3, preview
    shop.box.put("hubspot", KINDS["hubspot"], second, properties={"lastname": "Otherwise"})
    shop.box.put("hubspot", KINDS["hubspot"], people[5], properties={"lastname": "Unplanned"})
    shop.box.ask("/clock", {"advance_s": 400})
    run = shop.sync("hubspot", "--plan", preview["plan"])
    assert [(one["record"], one["side"]) for one in run["skipped"]] == [(second, "inward")], run["skipped"]
    assert "changed at HubSpot" in run["skipped"][0]["reason"]
    names = [values[1] for values in customers(shop).values()]
    assert (names.count("Planned"), names.count("Otherwise"), names.count("Unplanned")) == (2, 0, 0)
    logged = shop.well("logs", "hubspot", "--code", "plan")["items"]
    assert [entry["record"] for entry in logged] == [second]
    usual = later(shop)
    assert usual["inward"]["updated"] == 2
    names = [values[1] for values in customers(shop).values()]
    assert (names.count("Planned"), names.count("Otherwise"), names.count("Unplanned")) == (2, 1, 1)
