"""What a change would do is worked out and not done; one that changes what was agreed asks for a preview."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from perkstar_tui.cli.app import execute
from perkstar_tui.hub.views import MappingLine
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.sync.context import CUSTOMER, INTEGRATION, LINK

MAPPING = [
    {"hub": "email", "remote": "email_address", "transform": "lower", "direction": "both", "write": "always"},
    {
        "hub": "first_name",
        "remote": "given_name",
        "transform": "text",
        "direction": "both",
        "write": "always",
    },
    {"hub": "phone", "remote": "phone_number", "transform": "e164", "direction": "both", "write": "always"},
]


@pytest.fixture
def hub(hub_of):
    made = hub_of(
        "square", mapping={"customers": MAPPING}, options={}, match=["email"], source_of_truth="perkstar"
    )
    now = made.bench.clock.now()
    with made.bench.store.write() as connection:
        for n, (name, country) in enumerate([("Ann", "GB"), ("Bob", None), ("Cid", "FR"), ("Dee", "GB")]):
            connection.execute(insert(CUSTOMER).values(
                id=f"cus_{n}", revision=n + 1, first_name=name, email=f"{name}@x.uk", country=country, provenance={},
                created_at=now, updated_at=now,
            ))  # fmt: skip
            connection.execute(insert(LINK).values(
                integration_id="int_1", data="customers", hub_id=f"cus_{n}", remote_id=f"r{n}", state="linked",
                base={"given_name": name, "email_address": f"{name}@x.uk"}, reason="", attempts=0,
            ))  # fmt: skip
    return made


def kept(hub):
    with hub.bench.store.read() as connection:
        return [connection.execute(select(of)).all() for of in (INTEGRATION, LINK, CUSTOMER)]


def test_who_would_leave_and_enter_by_name_and_nothing_is_kept(hub):
    before = kept(hub)
    seen = hub.foresee("int_1", {"filter_to_platform": 'country = "GB"'})
    (one,) = seen.filters
    assert (one.total, one.passes_now, one.passes_then, one.leave, one.enter) == (4, 4, 2, ("Bob", "Cid"), ())
    assert seen.said[:2] == (
        "2 of 4 customers would be sent, now 4.",
        "2 would be sent no more: Bob, Cid.",
    )
    assert kept(hub) == before
    hub.edit("int_1", {"filter_to_platform": 'country = "GB"'})
    (one,) = hub.foresee("int_1", {"filter_to_platform": "country is empty"}).filters
    assert (one.enter, one.leave) == (("Bob",), ("Ann", "Dee"))


def test_one_word_sets_the_filters_of_both_directions_and_asks_only_for_what_comes_in(hub):
    with pytest.raises(PerkstarError, match="asks for country, which does not come from Square"):
        hub.edit("int_1", {"filter": 'country = "GB"'})
    hub.edit("int_1", {"filter": 'first_name  !=  "bob"'})
    options = hub.integration("int_1").options
    assert options["filter_to_platform"] == options["filter_to_perkstar"] == 'first_name != "bob"'
    rest = [line for line in hub.mapping("int_1") if line.hub != "first_name"]
    with pytest.raises(PerkstarError, match="asks for first_name"):
        hub.set_mapping("int_1", rest)


@pytest.mark.parametrize("platform", ["google-analytics", "webhook"])
def test_a_filter_is_refused_where_the_platform_has_nothing_for_it(hub_of, platform):
    hub = hub_of(platform, data=["transactions"], direction="to-platform", mapping={}, options={})
    with pytest.raises(PerkstarError, match="takes no single customers"):
        hub.edit("int_1", {"filter_to_platform": 'country = "GB"'})


def test_another_transform_is_shown_on_values_both_ways_and_then_asks_for_a_preview(hub):
    def lines(**more):
        return [
            MappingLine("customers", w.hub, w.remote, w.direction, more.get(w.hub, w.transform), w.label)
            for w in hub.mapping("int_1")
        ]

    (line,) = hub.foresee("int_1", lines=lines(first_name="upper")).mapping
    assert [(one.name, one.before, one.after) for one in line.sent][:1] == [("Dee", "Dee", "DEE")]
    assert line.taken == () and line.records == 4
    assert (line.old, line.new) == ("text", "upper")
    gone = [w for w in lines() if w.hub != "phone"]
    assert [(one.hub, one.new) for one in hub.foresee("int_1", lines=gone).mapping] == [("phone", "")]
    hub.set_mapping("int_1", lines(first_name="upper"))
    integration, links, _ = kept(hub)
    assert integration[0].previewed is False
    assert all("given_name" not in link.base for link in links)
    view = hub.integration("int_1")
    assert view.next_sync is None and "waits for a preview or sync" in view.status_reason


def test_what_can_only_go_out_is_refused_both_ways(hub):
    made = MappingLine("customers", "first_name", "note", "both", "template:{first_name}", "note")
    with pytest.raises(PerkstarError, match="can't be read back"):
        hub.set_mapping("int_1", [*hub.mapping("int_1"), made])


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ("shout", "no transform called 'shout'"),
        ("template:{fist_name}", "Did you mean first_name?"),
        ("choice:x", ""),
    ],
)
def test_a_transform_that_there_is_not_is_wrong_use_and_says_what_may_be_meant(hub, transform, said):
    lines = [replace(line, transform=transform, direction="to-platform") if line.hub == "first_name" else line
             for line in hub.mapping("int_1")]  # fmt: skip
    for act in (lambda: hub.foresee("int_1", lines=lines), lambda: hub.set_mapping("int_1", lines)):
        with pytest.raises(PerkstarError) as caught:
            act()
        assert caught.value.exit_code == 2 and said in caught.value.message and caught.value.remedy


def test_a_line_that_is_named_by_our_field_is_answered_with_the_platforms(hub, capsys, monkeypatch):
    monkeypatch.setenv("PERKSTAR_VAULT", "file")
    home = str(hub.bench.settings.home)
    code = execute(
        ["mapping", "int_1", "set", "first_name", "--set", "transform=upper", "--json", "--home", home]
    )
    error = json.loads(capsys.readouterr().out)["error"]
    assert code == 2 and "that is given_name" in error["message"]
    assert error["remedy"] == "perkstar mapping int_1 set given_name --set transform=upper"


def test_what_a_filter_would_do_is_not_called_nothing(hub):
    said = hub.foresee("int_1", {"filter_to_platform": 'country = "ZZ"'}).said
    assert said[0].startswith("0 of 4") and not any(text.startswith("Nothing is") for text in said)
