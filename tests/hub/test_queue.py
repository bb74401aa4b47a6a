"""The queue: what waits for a person is listed, settled alone or with all its like, made a rule, and undone."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from memory_hub import MemoryHub

from perkstar_tui.hub.alerts.alerter import Alerter
from perkstar_tui.hub.correcting import corrected
from perkstar_tui.hub.waiting import QueueItem
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.context import CUSTOMER


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    yield made
    made.hub.close()


def family(shop: MemoryHub, number: int = 1) -> tuple[str, str, str]:
    """Two customers with one phone, and a record there that has it too."""
    phone = f"+4474001234{number:02}"
    ann = shop.customer(first_name=f"Ann{number}", phone=phone)
    bob = shop.customer(first_name=f"Bob{number}", phone=phone)
    there = shop.platform.add(first=f"A{number}", phone=phone)
    return ann, bob, there


def waiting(shop: MemoryHub, **more: Any) -> list[QueueItem]:
    return list(shop.hub.queue(**more).items)


def contradiction(shop: MemoryHub, number: int = 1) -> tuple[str, str]:
    phone = f"+4474009999{number:02}"
    here = shop.customer(first_name=f"Cy{number}", email=f"cy{number}@x.uk", phone=phone)
    return here, shop.platform.add(first=f"Cyd{number}", email=f"cyd{number}@x.uk", phone=phone)


def clash(shop: MemoryHub, number: int = 1) -> str:
    """A customer whose first name was changed on both sides since they agreed."""
    id_ = shop.customer(first_name="Di", email=f"di{number}@x.uk")
    shop.sync()
    there = shop.links()
    remote = next(link.remote_id for link in there.values() if link.hub_id == id_)
    shop.edit(id_, first_name="Diana")
    shop.platform.put(remote, first="Dinah")
    shop.sync(full=False)
    return id_


def test_a_held_match_stands_side_by_side_with_each_who_it_may_be(shop: MemoryHub) -> None:
    ann, bob, there = family(shop)
    shop.sync()
    (one,) = waiting(shop)
    assert (one.kind, one.why, one.there.id, one.like) == ("match", "several", there, 1)
    assert [side.id for side in one.here] == [ann, bob]
    assert all(side.differs == ("first_name",) for side in one.here)
    assert [c.take for c in one.choices] == [f"link:{ann}", f"link:{bob}", "new", "leave-out"]
    assert shop.hub.queue_item(one.id) == one


def test_the_customers_that_wait_for_a_held_record_are_no_items_of_their_own(shop: MemoryHub) -> None:
    family(shop)
    shop.sync()
    assert sum(link.state == "held" for link in shop.links().values()) == 3
    assert shop.hub.queue().total == 1


def test_choosing_a_customer_links_it_and_the_next_run_compares_both(shop: MemoryHub) -> None:
    ann, bob, there = family(shop)
    shop.sync()
    done = shop.hub.settle(waiting(shop)[0].id, f"link:{bob}")
    assert done.settled and shop.integration().requested == "run"
    assert waiting(shop) == []
    shop.sync(full=False)
    link = shop.links()[there]
    assert (link.hub_id, link.state) == (bob, "linked") and link.base["first"] == "Bob1"
    assert shop.platform.contacts[there]["first"] == "Bob1"
    assert len(shop.platform.contacts) == 2, "the other one is made there, now that it is clear"
    assert shop.links()[there].hub_id == bob != ann


def test_nobody_is_linked_to_two_records(shop: MemoryHub) -> None:
    ann, bob, _ = family(shop)
    shop.sync()
    shop.platform.add(first="B1", phone="+447400123401")
    shop.sync()
    one, other = waiting(shop)
    shop.hub.settle(one.id, f"link:{bob}")
    assert [c.take for c in shop.hub.queue_item(other.id).choices] == [
        f"link:{ann}",
        f"same:{bob}",
        "new",
        "leave-out",
    ]
    with pytest.raises(PerkstarError) as caught:
        shop.hub.settle(other.id, "link:newest")
    assert caught.value.kind is ErrorKind.CONFLICT and "already" in caught.value.message


def test_somebody_else_is_made_here_once_and_stays_linked(shop: MemoryHub) -> None:
    _, _, there = family(shop)
    shop.sync()
    shop.hub.settle(waiting(shop)[0].id, "new")
    for _ in range(2):
        shop.sync(full=False)
    assert shop.people() == ["A1", "Ann1", "Bob1"]
    assert shop.links()[there].state == "linked" and len(shop.platform.contacts) == 3


def test_what_is_left_out_stays_out_though_both_sides_change(shop: MemoryHub) -> None:
    ann, _, there = family(shop)
    shop.sync()
    shop.hub.settle(waiting(shop)[0].id, "leave-out")
    shop.sync()
    shop.platform.put(there, first="Anna", email="anna@x.uk")
    shop.edit(ann, first_name="Annie")
    shop.sync()
    assert waiting(shop) == [] and shop.links()[there].code == "left_out_by_hand"
    assert shop.platform.contacts[there]["first"] == "Anna" and shop.people() == ["Annie", "Bob1"]


def test_a_refused_customer_is_corrected_here_and_sent(shop: MemoryHub) -> None:
    id_ = shop.customer(first_name="Bad", email="bad@x.uk")
    shop.platform.refuse = {"Bad"}
    shop.sync()
    (one,) = waiting(shop, kind="refused")
    assert (one.field, one.record, one.here[0].differs) == ("first_name", id_, ("first_name",))
    shop.hub.settle(one.id, "edit", fields={"first_name": "Good"})
    shop.sync(full=False)
    assert waiting(shop) == [] and [c["first"] for c in shop.platform.contacts.values()] == ["Good"]


def test_a_refused_customer_that_is_left_out_is_not_sent_again(shop: MemoryHub) -> None:
    id_ = shop.customer(first_name="Bad", email="bad@x.uk")
    shop.platform.refuse = {"Bad"}
    shop.sync()
    shop.hub.settle(waiting(shop)[0].id, "leave-out")
    shop.platform.refuse = set()
    shop.edit(id_, first_name="Good")
    shop.sync()
    assert shop.platform.contacts == {} and waiting(shop) == []


def test_a_second_record_may_stay_and_is_asked_about_no_more(shop: MemoryHub) -> None:
    shop.customer(first_name="Eve", email="eve@x.uk")
    first = shop.platform.add(first="Eve", email="eve@x.uk")
    second = shop.platform.add(first="Evie", email="eve@x.uk")
    shop.sync()
    (one,) = waiting(shop, kind="second")
    assert one.there.id == second and one.here[0].taken == first
    shop.hub.settle(one.id, "same")
    shop.platform.put(second, first="Evelyn")
    shop.sync()
    assert waiting(shop) == [] and shop.people() == ["Eve"]
    assert shop.platform.contacts[second]["first"] == "Evelyn", "nothing is sent to it"
    assert shop.hub.integration("int_1").counts.held == 0


def test_a_settled_conflict_takes_the_other_value_on_both_sides(shop: MemoryHub) -> None:
    id_ = clash(shop)
    (one,) = waiting(shop, kind="conflict")
    assert (one.base, one.here[0].fields, one.there.fields, one.why) == (
        "Di", {"first_name": "Diana"}, {"first_name": "Dinah"}, "perkstar",
    )  # fmt: skip
    shop.hub.settle(one.id, "platform")
    shop.sync(full=False)
    assert shop.row(CUSTOMER, id_).first_name == "Dinah" and waiting(shop) == []
    assert [c["first"] for c in shop.platform.contacts.values()] == ["Dinah"]


def test_a_conflict_that_may_stay_is_off_the_list_and_changes_nothing(shop: MemoryHub) -> None:
    id_ = clash(shop)
    shop.hub.settle(waiting(shop)[0].id, "perkstar")
    assert waiting(shop) == [] and shop.row(CUSTOMER, id_).first_name == "Diana"
    assert shop.hub.conflicts().total == 1, "it is still known"


@pytest.mark.parametrize("take", ["platform", "edit"])
def test_a_changed_conflict_is_undone(shop: MemoryHub, take: str) -> None:
    id_ = clash(shop)
    fields = {"first_name": "Dee"} if take == "edit" else {}
    done = shop.hub.settle(waiting(shop)[0].id, take, fields=fields)
    assert shop.row(CUSTOMER, id_).first_name != "Diana"
    shop.hub.unsettle(done.id)
    assert shop.row(CUSTOMER, id_).first_name == "Diana" and len(waiting(shop)) == 1


def test_all_like_this_settles_those_and_no_others(shop: MemoryHub) -> None:
    for number in (1, 2, 3):
        family(shop, number)
    contradiction(shop)
    shop.sync()
    held = waiting(shop)
    one = next(item for item in held if item.why == "several")
    assert (len(held), one.like) == (4, 3)
    plan = shop.hub.plan_settle(one.id, "new", all_like=True)
    assert plan.count == 3 and len(plan.names) == 3
    assert len(shop.hub.queue().items) == 4, "a plan does nothing"
    done = shop.hub.settle(one.id, "new", all_like=True)
    assert len(done.settled) == 3 and [i.why for i in waiting(shop)] == ["contradiction"]


def test_conflicts_are_alike_where_the_same_side_won_the_same_field(shop: MemoryHub) -> None:
    first, second = clash(shop, 1), clash(shop, 2)
    shop.settings(source_of_truth="platform")
    third = clash(shop, 3)
    assert [(item.why, item.like) for item in waiting(shop)] == [
        ("platform", 1),
        ("perkstar", 2),
        ("perkstar", 2),
    ]
    done = shop.hub.settle(waiting(shop)[1].id, "platform", all_like=True)
    assert len(done.settled) == 2 and len(waiting(shop)) == 1
    assert [shop.row(CUSTOMER, id_).first_name for id_ in (first, second, third)] == ["Dinah"] * 3


def test_what_cannot_be_settled_among_many_is_named_and_the_rest_is_done(shop: MemoryHub) -> None:
    family(shop, 1)
    _, bob, _ = family(shop, 2)
    shop.platform.add(first="B2", phone="+447400123402")
    shop.sync()
    done = shop.hub.settle(waiting(shop)[0].id, "link:newest", all_like=True)
    assert len(done.settled) == 2 and len(done.skipped) == 1
    assert "already" in done.skipped[0][1] and len(waiting(shop)) == 1
    assert sum(link.hub_id == bob for link in shop.links().values()) == 1


@pytest.mark.parametrize("take", ["link:oldest", "new", "leave-out"])
def test_every_choice_is_undone_before_a_run(shop: MemoryHub, take: str) -> None:
    family(shop)
    shop.sync()
    before, held = shop.people(), waiting(shop)
    done = shop.hub.settle(held[0].id, take)
    assert waiting(shop) == []
    assert shop.hub.settled()[0].id == done.id
    shop.hub.unsettle(done.id)
    assert waiting(shop) == held and shop.people() == before and shop.hub.settled()[0].undone
    with pytest.raises(PerkstarError) as caught:
        shop.hub.unsettle(done.id)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_a_link_undone_after_a_run_gives_back_what_came_with_it(shop: MemoryHub) -> None:
    ann, _, there = family(shop)
    shop.platform.put(there, email="ann@x.uk")
    shop.sync()
    done = shop.hub.settle(waiting(shop)[0].id, f"link:{ann}")
    shop.sync(full=False)
    assert shop.row(CUSTOMER, ann).email == "ann@x.uk"
    shop.hub.unsettle(done.id)
    row = shop.row(CUSTOMER, ann)
    assert (row.email, row.email_key) == (None, None) and shop.links()[there].state == "held"


def test_a_customer_that_has_a_sale_by_now_is_not_unmade(shop: MemoryHub) -> None:
    _, _, there = family(shop)
    shop.sync()
    done = shop.hub.settle(waiting(shop)[0].id, "new")
    shop.sale("s1", customer_id=shop.links()[there].hub_id)
    with pytest.raises(PerkstarError) as caught:
        shop.hub.unsettle(done.id)
    assert caught.value.kind is ErrorKind.CONFLICT and "a sale" in caught.value.message
    assert shop.people() == ["A1", "Ann1", "Bob1"], "all of it or nothing"


def test_always_for_a_conflict_is_the_fields_rule_and_keeps_what_was_agreed(shop: MemoryHub) -> None:
    clash(shop)
    bases = {key: link.base for key, link in shop.links().items()}
    done = shop.hub.settle(waiting(shop)[0].id, "platform", always=True)
    line = shop.integration().config["mapping"]["customers"][0]
    assert (line["hub"], line["rule"]) == ("first_name", "platform") and "first_name" in done.rule
    assert {key: link.base for key, link in shop.links().items()} == bases and shop.integration().previewed
    clash(shop, 2)
    assert [item.why for item in waiting(shop)] == ["platform"]
    assert len(shop.hub.history("int_1")) == 2


def test_a_rule_is_taken_back_with_what_it_was_made_with(shop: MemoryHub) -> None:
    clash(shop)
    done = shop.hub.settle(waiting(shop)[0].id, "platform", always=True)
    shop.hub.unsettle(done.id)
    assert "rule" not in shop.integration().config["mapping"]["customers"][0]


@pytest.mark.parametrize(("take", "linked"), [("link", True), ("new", False)])
def test_always_for_a_contradiction_settles_the_held_ones_and_those_to_come(
    shop: MemoryHub, take: str, linked: bool
) -> None:
    pairs = [contradiction(shop, number) for number in (1, 2)]
    shop.sync()
    one = waiting(shop)[0]
    assert one.why == "contradiction" and one.rules == ("link", "new")
    plan = shop.hub.plan_settle(one.id, take, always=True)
    assert plan.by_rule == 2 and plan.rule
    shop.hub.settle(one.id, take, always=True)
    shop.sync(full=False)
    pairs.append(contradiction(shop, 3))
    shop.sync(full=False)
    assert waiting(shop, kind="match") == []
    assert [shop.links()[there].hub_id == here for here, there in pairs] == [linked] * 3
    assert shop.integration().config["options"]["match_contradiction"] == take


def test_a_rule_never_chooses_among_several_who_contradict(shop: MemoryHub) -> None:
    shop.settings(options={"match_contradiction": "link"})
    for name in ("a", "b"):
        shop.customer(first_name=name, email=f"{name}@x.uk", phone="+447400111111")
    shop.platform.add(first="c", email="c@x.uk", phone="+447400111111")
    shop.sync()
    assert len(waiting(shop)) == 1


def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are(shop: MemoryHub) -> None:
    family(shop)
    shop.sync()
    one = waiting(shop)[0]
    for take, more in (
        ("retry", {}), ("link:cus_nobody", {}), ("edit", {}), ("leave-out", {"always": True}),
        (one.choices[0].take, {"all_like": True}),
    ):  # fmt: skip
        with pytest.raises(PerkstarError) as caught:
            shop.hub.settle(one.id, take, **more)
        assert caught.value.kind is ErrorKind.USAGE and caught.value.remedy
    with pytest.raises(PerkstarError) as caught:
        shop.hub.settle("held-99999", "new")
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_the_queue_is_read_by_page_and_by_kind_and_says_nothing_of_ended_integrations(
    shop: MemoryHub,
) -> None:
    for number in (1, 2, 3):
        family(shop, number)
    clash(shop, 9)
    assert [i.kind for i in waiting(shop)] == ["match", "match", "match", "conflict"]
    assert [i.kind for i in waiting(shop, offset=2, limit=1)] == ["match"]
    assert [i.kind for i in waiting(shop, offset=3, limit=5)] == ["conflict"]
    assert shop.hub.queue(kind="match").total == 3 and shop.hub.queue("Memory").total == 4
    shop.put(status="disconnected")
    assert shop.hub.queue(kind="match").total == 0
    with pytest.raises(PerkstarError) as caught:
        shop.hub.queue(kind="all")
    assert caught.value.kind is ErrorKind.USAGE


def refused_phone(shop: MemoryHub) -> tuple[str, QueueItem]:
    """A customer that both sides have, whose phone the platform refuses since it was changed here."""
    id_ = shop.customer(first_name="Fay", phone="+447400123456")
    shop.sync()
    shop.platform.refuse = {"+447400666666"}
    shop.edit(id_, phone="+447400666666", phone_key="+447400666666")
    shop.sync(full=False)
    (one,) = waiting(shop, kind="refused")
    return id_, one


@pytest.mark.parametrize(
    ("fields", "thing"),
    [
        ({"phone": "abc"}, "'abc' is no phone number"),
        ({"phone": "07400 1"}, "no phone number"),
        ({"birth_date": "2020-01-31"}, "birth_date can't be changed here"),
        ({"shoe_size": "9"}, "a customer has no such field"),
        ({"phone": "+447400123456", "email": "fay@x.uk"}, "email can't be changed here"),
    ],
)
def test_a_correction_is_a_value_of_the_items_own_field_or_nothing_changes(
    shop: MemoryHub, fields: dict[str, str], thing: str
) -> None:
    id_, one = refused_phone(shop)
    for act in (shop.hub.plan_settle, shop.hub.settle):
        with pytest.raises(PerkstarError) as caught:
            act(one.id, "edit", fields=fields)
        assert caught.value.kind is ErrorKind.USAGE and thing in caught.value.message, caught.value.message
        assert caught.value.remedy and caught.value.field in fields
    assert shop.row(CUSTOMER, id_).phone == "+447400666666" and waiting(shop) == [one]


@pytest.mark.parametrize(
    ("field", "value", "thing"),
    [
        ("email", "di at x.uk", "no e-mail address"),
        ("email", "eve@x.uk", "belongs to Eve"),
        ("email", " ", "is empty"),
        ("first_name", "x" * 300, "longer than"),
        ("first_name", "D\x1bi", "can't be shown"),
    ],
)
def test_a_conflict_is_settled_by_no_value_that_would_not_hold(
    shop: MemoryHub, field: str, value: str, thing: str
) -> None:
    shop.customer(first_name="Eve", email="eve@x.uk")
    id_ = shop.customer(first_name="Di", email="di@x.uk", phone="+447400123456")
    shop.sync()
    remote = next(link.remote_id for link in shop.links().values() if link.hub_id == id_)
    path = {"email": "email", "first_name": "first"}[field]
    shop.edit(id_, **{field: "one@x.uk"})
    shop.platform.put(remote, **{path: "two@x.uk"})
    shop.sync(full=False)
    (one,) = waiting(shop, kind="conflict")
    with pytest.raises(PerkstarError, match=thing) as caught:
        shop.hub.settle(one.id, "edit", fields={field: value})
    assert caught.value.kind is ErrorKind.USAGE and waiting(shop) == [one]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("1975-02-29", None),
        ("2999-01-01", None),
        ("31/31/2020", None),
        ("1976-02-29", "1976-02-29"),
        ("--02-29", "--02-29"),
    ],
)
def test_a_birth_date_is_a_day_on_which_somebody_may_be_born(value: str, kept: str | None) -> None:
    def look() -> Any:
        return corrected(
            {"birth_date": value}, ["birth_date"], country="GB", today=date(2026, 11, 24), may_empty=True
        )

    if kept is None:
        with pytest.raises(PerkstarError) as caught:
            look()
        assert caught.value.kind is ErrorKind.USAGE and "YYYY-MM-DD" in caught.value.remedy
    else:
        assert look() == {"birth_date": kept}


def test_a_phone_is_kept_as_it_is_compared_however_it_was_typed(shop: MemoryHub) -> None:
    id_, one = refused_phone(shop)
    assert (
        "phone becomes +447400777777 here."
        in shop.hub.plan_settle(one.id, "edit", fields={"phone": "07400 777777"}).effects
    )
    shop.hub.settle(one.id, "edit", fields={"phone": " 07400 777777 "})
    row = shop.row(CUSTOMER, id_)
    assert (row.phone, row.phone_key) == ("+447400777777", "+447400777777")


def test_an_undone_choice_takes_the_refusal_that_it_caused_along(shop: MemoryHub) -> None:
    shop.customer(first_name="Di", email="di@x.uk")
    id_ = clash(shop)
    (one,) = waiting(shop, kind="conflict")
    shop.platform.refuse = {"Deedee"}
    done = shop.hub.settle(one.id, "edit", fields={"first_name": "Deedee"})
    shop.sync(full=False)
    assert [item.kind for item in waiting(shop)] == ["refused"]
    assert shop.hub.integration("int_1").counts.failed == 1
    shop.hub.unsettle(done.id)
    assert [item.kind for item in waiting(shop)] == ["conflict"], "at once, and not only with the next run"
    assert shop.hub.integration("int_1").counts.failed == 0
    shop.sync(full=False)
    assert shop.row(CUSTOMER, id_).first_name == "Diana" and waiting(shop, kind="refused") == []


def test_whoever_is_as_agreed_again_is_refused_no_more(shop: MemoryHub) -> None:
    id_, _ = refused_phone(shop)
    shop.edit(id_, phone="+447400123456", phone_key="+447400123456")
    shop.sync(full=False)
    link = next(iter(shop.links().values()))
    assert (link.state, link.code, link.field, link.attempts, link.next_attempt) == (
        "linked",
        None,
        None,
        0,
        None,
    )
    assert waiting(shop) == []


def test_what_comes_of_somebody_else_is_said_before(shop: MemoryHub) -> None:
    family(shop)
    shop.sync()
    shop.beside("Other")
    (one,) = waiting(shop)
    assert "then it stays" in next(choice.effect for choice in one.choices if choice.take == "new")
    effects = " ".join(shop.hub.plan_settle(one.id, "new").effects)
    assert "It goes to Other with the next runs. Once it is there it can't be undone" in effects
    assert "the same phone as Ann1" in effects and "the same phone as Bob1" in effects


def test_an_undo_takes_back_whom_it_can_and_names_who_stays_and_where(shop: MemoryHub) -> None:
    for number in (1, 2, 3):
        family(shop, number)
    shop.sync()
    before = shop.people()
    done = shop.hub.settle(waiting(shop)[0].id, "new", all_like=True)
    made = {row.first_name: row.id for row in shop.customers() if row.first_name in ("A1", "A2", "A3")}
    shop.sale("s1", customer_id=made["A2"])
    shop.link(shop.beside("Other"), made["A3"], "o3")
    undone = shop.hub.unsettle(done.id)
    assert len(undone.settled) == 1 and len(undone.skipped) == 2 and not undone.undone
    assert "A2 was made then and has a sale by now" in undone.message
    assert "A3 was made then and is at Other by now" in undone.message
    assert shop.people() == sorted([*before, "A2", "A3"]) and len(waiting(shop)) == 1
    assert not shop.hub.settled()[0].undone, "two of it are settled still"
    with pytest.raises(PerkstarError) as caught:
        shop.hub.unsettle(done.id)
    assert (
        caught.value.kind is ErrorKind.CONFLICT
        and "A2" in caught.value.message
        and "A3" in caught.value.message
    )


def test_what_waits_is_one_number_wherever_it_is_said(shop: MemoryHub) -> None:
    family(shop)
    shop.customer(first_name="Eve", email="eve@x.uk")
    for first in ("Eve", "Evie"):
        shop.platform.add(first=first, email="eve@x.uk")
    shop.customer(first_name="Bad", email="bad@x.uk")
    shop.platform.refuse = {"Bad"}
    shop.sync()
    waits = shop.hub.queue().total
    assert waits == 3 and sum(link.state == "held" for link in shop.links().values()) > waits
    view = shop.hub.integration("int_1")
    assert view.counts.held + view.counts.failed == waits
    assert (
        len(shop.hub.records("int_1", state="failing").items)
        == shop.hub.record_counts("int_1").failing
        == waits
    )
    shop.hub.alerts.set_limits({"held": str(waits)})
    Alerter(shop.bench).look()
    assert [(one.kind, one.count) for one in shop.hub.alerts.page().items] == [("held", waits)]
    shop.hub.alerts.set_limits({"held": str(waits + 1)})
    Alerter(shop.bench).look()
    assert [(one.kind, one.count) for one in shop.hub.alerts.page().items] == [("duplicates", 2)]


def test_many_conflicts_get_each_its_own_value_and_whoever_has_it_is_not_said_to_get_it(
    shop: MemoryHub,
) -> None:
    clash(shop, 1)
    clash(shop, 2)
    one = waiting(shop, kind="conflict")[0]
    alone = shop.hub.plan_settle(one.id, "platform").effects
    assert alone == ("first_name becomes 'Dinah' here, and with the next run wherever else it is kept.",)
    many = shop.hub.plan_settle(one.id, "platform", all_like=True).effects
    assert len(many) == 1 and "Each of the 2 gets" in many[0] and "own value of its first_name" in many[0]
    assert "Dinah" not in many[0]
    assert "keeps its own first_name" in shop.hub.plan_settle(one.id, "perkstar", all_like=True).effects[0]
