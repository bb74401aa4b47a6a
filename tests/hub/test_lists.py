"""The three lists are complete, records are explained for every integration, and differences are the engine's own."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_hub import MemoryHub
from sqlalchemy import insert, select

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.context import CUSTOMER, LINK, SENT, TOLD

STATES = ("in_step", "left_out", "failing")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    yield made
    made.hub.close()


def listed(shop: MemoryHub, state: str | None = None, **more: Any) -> list[Any]:
    return list(shop.hub.records("Memory", state=state, limit=1000, **more).items)


def assert_complete(shop: MemoryHub) -> None:
    """Everyone and every known record stands in one list, and the numbers are those of the lists."""
    rows = listed(shop)
    by_state = {state: listed(shop, state) for state in STATES}
    assert len(rows) == sum(len(some) for some in by_state.values())
    with shop.store.read() as connection:
        live = {
            id_
            for (id_,) in connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.archived_at.is_(None)))
        }
        known = {id_ for (id_,) in connection.execute(select(LINK.c.remote_id)) if id_}
    people = [row.id for row in rows if row.id.startswith("cus_")]
    assert live <= set(people), "every customer is listed"
    assert {row.remote_id for row in rows if row.remote_id} == known, "every known record is listed"
    assert all(row.reason for row in by_state["left_out"]), [r for r in by_state["left_out"] if not r.reason]
    assert all(row.reason and row.code for row in by_state["failing"])
    counts = shop.hub.record_counts("Memory")
    assert (counts.in_step, counts.left_out, counts.failing) == tuple(len(by_state[s]) for s in STATES)
    assert counts.here == len(live) == counts.both + counts.only_here
    paged = [
        row for at in range(0, len(rows), 3) for row in shop.hub.records("Memory", offset=at, limit=3).items
    ]
    assert paged == rows


def everything(shop: MemoryHub) -> dict[str, str]:
    """A store with customers and records in all kinds of states."""
    ids = {
        name: shop.customer(first_name=name, email=f"{name.lower()}@x.uk") for name in ("Ann", "Bob", "Cy")
    }
    for name in ("Dee", "Eve"):
        ids[name] = shop.customer(first_name=name, phone="+447400123456")
    ids["nobody"] = shop.customer(company="Nothing mapped")
    shop.platform.add(first="D", phone="+447400123456")
    shop.platform.add(first="Ann", email="ann@x.uk")
    shop.platform.add(first="Annie", email="ann@x.uk")
    shop.platform.add(first="New", email="new@x.uk")
    shop.platform.add()
    shop.platform.refuse = {"Bob"}
    shop.sync()
    gone = next(link.remote_id for link in shop.links().values() if link.hub_id == ids["Cy"])
    shop.platform.contacts.pop(gone)
    shop.sync()
    ids["late"] = shop.customer(first_name="Late", email="late@x.uk")
    twin = shop.customer(first_name="Twin", email="twin@x.uk")
    shop.hub.merge(ids["Ann"], twin, keep=ids["Ann"])
    return ids


def test_the_lists_are_complete_for_a_store_in_all_kinds_of_states(shop: MemoryHub) -> None:
    ids = everything(shop)
    assert_complete(shop)
    by_id = {row.id: row for row in listed(shop)}
    assert by_id[ids["Ann"]].state == "in_step" and by_id[ids["Bob"]].state == "failing"
    assert by_id[ids["Cy"]].state == "left_out" and "deleted" in by_id[ids["Cy"]].reason
    assert by_id[ids["nobody"]].state == "left_out" and "needs" in by_id[ids["nobody"]].reason
    assert by_id[ids["late"]].state == "left_out" and "by hand" in by_id[ids["late"]].reason
    shop.hub.settle(shop.hub.queue(kind="second").items[0].id, "same")
    shop.hub.settle(shop.hub.queue(kind="match").items[0].id, "leave-out")
    assert_complete(shop)
    assert [row.id for row in listed(shop, "failing")] == [ids["Bob"]]
    behind = [row for row in listed(shop, "left_out") if row.id in (ids["Dee"], ids["Eve"])]
    assert all("waits for a person" in row.reason for row in behind) and len(behind) == 2, (
        "until the next run"
    )


@pytest.mark.parametrize(
    "settings_", [{"direction": "to-perkstar"}, {"direction": "to-platform"}, {"data": ["transactions"]},
                  {"options": {"filter_to_platform": 'first_name = "Ann"'}}],
)  # fmt: skip
def test_the_lists_are_complete_whatever_the_settings_are(tmp_path: Path, settings_: dict[str, Any]) -> None:
    shop = MemoryHub(tmp_path, **settings_)
    everything_ = [shop.customer(first_name=name, email=f"{name}@x.uk") for name in ("Ann", "Bob")]
    shop.platform.add(first="Cy", email="cy@x.uk")
    assert_complete(shop)
    shop.sync()
    assert_complete(shop)
    assert {row.id for row in listed(shop)} >= set(everything_)
    shop.hub.close()


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["here", "there", "sync", "gone", "refuse", "merge", "settle"]),
            st.integers(0, 3),
            st.sampled_from(["email", "phone"]),
        ),
        max_size=10,
    )
)
def test_the_lists_are_complete_after_anything(steps: list[tuple[str, int, str]]) -> None:
    with TemporaryDirectory() as folder:
        shop = MemoryHub(Path(folder))
        for act, number, key in steps:
            value = f"p{number}@x.uk" if key == "email" else f"+4474001234{number:02}"
            if act == "here":
                shop.customer(first_name=f"N{number}", **{key: value})
            elif act == "there":
                shop.platform.add(first=f"R{number}", **{key: value})
            elif act == "gone" and shop.platform.contacts:
                shop.platform.contacts.pop(
                    sorted(shop.platform.contacts)[number % len(shop.platform.contacts)]
                )
            elif act == "refuse":
                shop.platform.refuse = {f"N{number}"}
            elif act == "merge" and len(people := [c.id for c in shop.hub.customers().items]) > 1:
                shop.hub.merge(people[0], people[-1])
            elif act == "settle" and (items := shop.hub.queue().items):
                item = items[number % len(items)]
                shop.hub.settle(item.id, item.choices[number % len(item.choices)].take
                                if item.choices[number % len(item.choices)].take != "edit" else "leave-out"
                                if item.kind == "refused" else item.choices[0].take)  # fmt: skip
            else:
                shop.sync()
            assert_complete(shop)
        shop.hub.close()


def test_sales_have_their_lists_too(shop: MemoryHub) -> None:
    ann = shop.customer(first_name="Ann")
    shop.sale("1", customer_id=ann)
    shop.sale("2", state="none", reason="before_start", earned=0)
    shop.sale("3", state="pending", reason="no_card", customer_id=ann)
    found = {s: [r.remote_id for r in listed(shop, s.replace("_", "-"), data="transactions")] for s in STATES}
    assert found == {"in_step": ["1"], "left_out": ["2"], "failing": ["3"]}
    (failing,) = listed(shop, "failing", data="transactions")
    assert (failing.name, failing.code) == ("Ann", "no_card") and "issue" in failing.remedy
    assert shop.hub.record_counts("Memory", "transactions").total == 3
    for wrong in ({"state": "lost"}, {"data": "cards"}):
        with pytest.raises(PerkstarError) as caught:
            shop.hub.records("Memory", **wrong)
        assert caught.value.kind is ErrorKind.USAGE


def side(shop: MemoryHub, wanted: str, **more: Any) -> Any:
    (one,) = shop.hub.record(wanted, "Memory", **more).platforms
    return one


def test_a_customer_is_explained_where_there_is_no_link_at_all(shop: MemoryHub) -> None:
    ann = shop.customer(first_name="Ann", email="ann@x.uk")
    one = side(shop, "ann@x.uk")
    assert (one.state, one.standing, one.remote_id) == ("absent", "to_send", None)
    assert "first_name, email" in one.words and one.command == "perkstar sync int_1"
    shop.settings(options={"filter_to_platform": 'country = "GB"'})
    assert side(shop, ann).standing == "filter" and 'country = "GB"' in side(shop, ann).reason


def test_what_differs_is_what_the_engine_would_do_about_it(shop: MemoryHub) -> None:
    ann = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.sync()
    assert side(shop, ann).standing == "in_step" and not any(f.differs for f in side(shop, ann).fields)
    shop.edit(ann, first_name="Anna")
    one = side(shop, ann)
    (field,) = [f for f in one.fields if f.differs]
    assert (field.perkstar, field.base, field.would, field.rule) == ("Anna", "Ann", "sent", "perkstar")
    assert one.differs == ("first_name",) and one.standing == "to_send"


def test_a_fresh_look_shows_what_the_platform_says_now(shop: MemoryHub) -> None:
    ann = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.sync()
    shop.edit(ann, first_name="Anna")
    shop.platform.put("m1", first="Anne", email="anne@x.uk")
    one = side(shop, ann, fresh=True)
    would = {f.hub: (f.platform, f.would) for f in one.fields if f.differs}
    assert would == {"first_name": ("Anne", "sent, by the rule"), "email": ("anne@x.uk", "taken")}
    assert one.fresh.presence == "there" and one.fresh.found[0] == ("m1", "Anne")
    assert one.fresh.asked == ("id m1", "email ann@x.uk") and shop.row(CUSTOMER, ann).email == "ann@x.uk"
    shop.platform.contacts.clear()
    assert side(shop, ann, fresh=True).fresh.presence == "gone"


def test_a_held_record_names_its_item_and_a_refused_one_its_next_attempt(shop: MemoryHub) -> None:
    everything(shop)
    held = shop.hub.queue(kind="match").items[0]
    one = side(shop, held.record)
    assert one.item == held.id and one.standing == "held" and held.id in one.command
    refused = shop.hub.queue(kind="refused").items[0]
    one = side(shop, refused.record)
    assert one.standing == "refused" and one.next_attempt and "first_name" not in one.words.split("(")[0]


def test_everything_of_one_person_stands_in_one_view(shop: MemoryHub) -> None:
    ann = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.sync()
    card = shop.card(ann, 240)
    shop.card(ann, 7, kind="stamp", template_id="tpl_2")
    now = shop.clock.now()
    with shop.store.write() as connection:
        connection.execute(
            insert(TOLD).values(
                integration_id="int_1", moment=f"{ann}:birthday", occasion="2026", version=1, at=now
            )
        )
        connection.execute(
            insert(TOLD).values(
                integration_id="int_1", moment=f"{card}:expiring", occasion="x", version=0, at=now
            )
        )
        connection.execute(
            insert(SENT).values(integration_id="int_1", fact=ann, version=3, digest="", at=now)
        )
    view = shop.hub.record(ann)
    assert [(c.kind, c.balance) for c in view.cards] == [("reward", 240), ("stamp", 7)]
    told = view.platforms[0].told
    assert len(told) == 2 and "birthday" in told[0].lower() and "version 3" in told[1]


def test_a_sale_is_explained(shop: MemoryHub) -> None:
    id_ = shop.sale("s1", state="pending", reason="no_card", earned=5)
    view = shop.hub.record(id_)
    assert (
        view.kind == "sale" and view.platforms[0].standing == "pending" and "Waits" in view.platforms[0].words
    )
    assert shop.hub.record("s1").id == id_
