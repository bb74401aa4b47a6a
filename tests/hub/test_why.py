"""Why is my data not there? Each made-up cause is named as the conclusion, with what mends it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from memory_hub import LINES, MemoryHub

from perkstar_tui.hub.why import STEPS
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.context import CUSTOMER

ANN = {"first_name": "Ann", "email": "ann@x.uk"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    yield made
    made.hub.close()


@dataclass
class Case:
    """A cause: `make` answers the record to ask for; `says` stands in the conclusion, `how` in the act."""

    cause: str
    make: Callable[[MemoryHub], str | None]
    says: str
    how: str = ""


def _ann(shop: MemoryHub, **row: Any) -> str:
    id_ = shop.customer(**ANN)
    if row:
        shop.put(**row)
    return id_


def _refused(kind: ErrorKind) -> Callable[[MemoryHub], str]:
    def make(shop: MemoryHub) -> str:
        shop.sync()
        shop.platform.refused = PerkstarError(kind, "Memory says no.", remedy="Mend it.")
        return _ann(shop)

    return make


def _data_off(shop: MemoryHub) -> str:
    shop.settings(data=["transactions"])
    return _ann(shop)


def _inward_only(shop: MemoryHub) -> str:
    shop.settings(direction="to-perkstar")
    shop.sync()
    return _ann(shop)


def _filtered(shop: MemoryHub) -> str:
    shop.settings(options={"filter_to_platform": 'country = "GB"'})
    id_ = _ann(shop)
    shop.sync()
    return id_


def _filtered_before_a_run(shop: MemoryHub) -> str:
    shop.sync()
    shop.settings(options={"filter_to_platform": 'country = "GB"'})
    return _ann(shop)


def _not_taken(shop: MemoryHub) -> str:
    shop.settings(options={"filter_to_perkstar": 'first_name = "Bob"'})
    there = shop.platform.add(first="Cy", email="cy@x.uk")
    shop.sync()
    return there


def _missing(shop: MemoryHub) -> str:
    lines = [{**line, "required": line["hub"] == "phone"} for line in LINES]
    shop.settings(mapping={"customers": lines})
    id_ = _ann(shop)
    shop.sync()
    return id_


def _unmapped(shop: MemoryHub) -> None:
    shop.sync()
    shop.settings(mapping={"customers": []})


def _held(shop: MemoryHub) -> str:
    for name in ("Ann", "Bob"):
        shop.customer(first_name=name, phone="+447400123456")
    there = shop.platform.add(first="A", phone="+447400123456")
    shop.sync()
    return there


def _behind(shop: MemoryHub) -> str:
    _held(shop)
    return next(link.hub_id for link in shop.links().values() if link.hub_id)


def _left_out(shop: MemoryHub) -> str:
    there = _held(shop)
    shop.hub.settle(shop.hub.queue().items[0].id, "leave-out")
    return there


def _rejected(shop: MemoryHub) -> str:
    shop.platform.refuse = {"Ann"}
    id_ = _ann(shop)
    shop.sync()
    return id_


def _merged(shop: MemoryHub) -> str:
    a, b = shop.customer(**ANN), shop.customer(first_name="Anne", email="anne@x.uk")
    shop.sync()
    return shop.hub.merge(a, b, keep=a).loser


def _gone(shop: MemoryHub) -> str:
    id_ = _ann(shop)
    shop.sync()
    shop.platform.contacts.clear()
    return id_


def _seen_gone(shop: MemoryHub) -> str:
    id_ = _gone(shop)
    shop.sync()
    return id_


def _not_sent(shop: MemoryHub) -> str:
    shop.sync()
    return _ann(shop, next_run_at=shop.clock.now() + timedelta(hours=1))


def _changed(shop: MemoryHub) -> str:
    id_ = _ann(shop)
    shop.sync()
    shop.platform.put(next(iter(shop.platform.contacts)), first="Anna")
    return id_


def _unread(shop: MemoryHub) -> str:
    shop.sync()
    shop.platform.add(first="New", email="new@x.uk")
    return "new@x.uk"


def _nowhere(shop: MemoryHub) -> str:
    shop.sync()
    return "nobody@x.uk"


def _only_sends(shop: MemoryHub) -> str:
    shop.settings(direction="to-platform")
    return _unread(shop)


def _sale(**more: Any) -> Callable[[MemoryHub], str]:
    def make(shop: MemoryHub) -> str:
        shop.sync()
        shop.settings(data=["customers", "transactions"])
        return shop.sale("s1", **({"state": "none", "earned": 0} | more))

    return make


def _filtered_sale(shop: MemoryHub) -> str:
    shop.settings(options={"filter_sales": "total > 5"})
    reason = shop.bench.configure(shop.integration()).credits
    assert reason is not None
    return _sale(reason=reason.reason)(shop)


CASES = {
    "paused": Case("paused", lambda s: _ann(s, status="paused", paused_by="Sam"), "paused by Sam", "resume"),
    "draft": Case("draft", lambda s: _ann(s, status="draft"), "draft", "activate"),
    "disconnected": Case("disconnected", lambda s: _ann(s, status="disconnected"), "disconnected", "connect"),
    "reconnect": Case("reconnect", lambda s: _ann(s, status="reconnect_required"), "refuses", "reconnect"),
    "credential": Case("reconnect", _refused(ErrorKind.CREDENTIAL_REFUSED), "says no", "reconnect"),
    "network": Case("unreachable", _refused(ErrorKind.NETWORK), "says no", "test"),
    "permission": Case("permission", _refused(ErrorKind.PERMISSION_MISSING), "says no", "reconnect"),
    "permission, as a run found": Case(
        "permission",
        lambda s: (s.sync(), _ann(s, status="error", status_code="permission_missing", status_reason="No scope."))[1],
        "No scope", "reconnect",
    ),
    "another account": Case(
        "account_changed", lambda s: _ann(s, remote_account_id="acc_2"), "another account", "reconnect"
    ),
    "never ran": Case("never_ran", lambda s: _ann(s), "No run", "sync"),
    "failed run": Case(
        "failed_run",
        lambda s: (s.sync(), _ann(s, status="error", status_code="internal", status_reason="It broke."))[1],
        "It broke", "logs",
    ),
    "quota": Case(
        "quota", lambda s: (s.sync(), _ann(s, status_code="rate_limited", status_reason="The quota is used up."))[1],
        "quota is used up",
    ),
    "mass change": Case(
        "mass_change",
        lambda s: (s.sync(), _ann(s, status="error", status_code="mass_change", status_reason="60 of 100."))[1],
        "60 of 100", "--accept-mass-change",
    ),
    "data off": Case("data_off", _data_off, "Customers are not among", "data="),
    "inward only": Case("direction", _inward_only, "only brings records in", "direction=both"),
    "only sends": Case("direction", _only_sends, "only sends", "direction=both"),
    "filter": Case("filter", _filtered, 'country = "GB"', "filter_to_platform"),
    "filter, before a run": Case("filter", _filtered_before_a_run, 'country = "GB"', "filter_to_platform"),
    "filter inwards": Case("filter", _not_taken, 'first_name = "Bob"', "filter_to_perkstar"),
    "missing": Case("missing", _missing, "needs phone", "mapping"),
    "unmapped": Case("unmapped", _unmapped, "No field is mapped", "suggest"),
    "held": Case("held", _held, "2 customers in Perkstar have this phone", "settle held-"),
    "behind": Case("held", _behind, "may be the record", "queue"),
    "left out by hand": Case("left_out", _left_out, "Left out by", "queue --settled"),
    "refused": Case("refused", _rejected, "The vendor says: nope", "--take edit"),
    "merged": Case("archived", _merged, "merged into", "unmerge"),
    "gone, unseen": Case("gone", _gone, "gone (asked by id"),
    "gone": Case("gone", _seen_gone, "gone (asked by id"),
    "not sent yet": Case("not_yet", _not_sent, "with the next run at", "sync"),
    "changed there": Case("not_yet", _changed, "first_name differ", "sync"),
    "unread": Case("not_read", _unread, "It is read with", "sync"),
    "nowhere": Case("nowhere", _nowhere, "Neither Perkstar nor"),
    "sale before start": Case("before_start", _sale(reason="before_start"), "older than the moment", "credit_from"),
    "sale without buyer": Case("no_buyer", _sale(reason="no_buyer"), "no customer at all"),
    "sale without card": Case("no_card", _sale(state="pending", reason="no_card"), "no card", "issue_cards"),
    "sale of a stranger": Case(
        "no_customer", _sale(state="pending", reason="no_customer"), "no customer known", ""
    ),
    "sale that came too late": Case("window_over", _sale(reason="window_over"), "within the window", "window"),
    "sale below the minimum": Case(
        "earning_rule", _sale(reason="below the minimum"), "below the minimum", "earn_rules"
    ),
    "sale by filter": Case("filter", _filtered_sale, "total > 5", "filter_sales"),
    "sale decided": Case("queued", _sale(state="queued", earned=5), "not booked yet", "sync"),
    "refund": Case("refund", _sale(line_kind="refund", reason="its sale earned nothing"), "earned nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_the_conclusion_with_what_mends_it(shop: MemoryHub, name: str) -> None:
    case = CASES[name]
    wanted = case.make(shop)
    view = shop.hub.why(wanted, "Memory")
    assert view.cause == case.cause, view
    assert case.says in view.conclusion
    assert case.how in view.command
    assert view.remedy and [step.name for step in view.steps] == [
        n for n in STEPS if n in {s.name for s in view.steps}
    ]
    ill = next(step for step in view.steps if step.ok is False)
    assert ill.cause == view.cause, "the conclusion is the first step that is not well"


def test_what_is_there_is_said_to_be_there(shop: MemoryHub) -> None:
    id_ = shop.customer(**ANN)
    shop.sync()
    for wanted in (id_, "ANN@x.uk", "m1"):
        view = shop.hub.why(wanted)
        assert (view.cause, view.record) == ("none", id_), view
        assert all(step.ok is not False for step in view.steps)
    assert "accepts the credential" in view.steps[0].finding


def test_a_check_changes_nothing(shop: MemoryHub) -> None:
    id_ = shop.customer(**ANN)
    shop.sync()
    shop.edit(id_, first_name="Anna")
    before = (shop.links(), shop.row(CUSTOMER, id_), shop.platform.writes[:])
    shop.hub.why(id_)
    assert (shop.links(), shop.row(CUSTOMER, id_), shop.platform.writes) == before


def test_without_a_record_the_integration_is_checked_by_its_name_alone(shop: MemoryHub) -> None:
    shop.sync()
    assert shop.hub.why("Memory").cause == "none" and shop.hub.why().kind == "integration"
    _held(shop)
    (match,) = [step for step in shop.hub.why().steps if step.name == "match"]
    assert "1 records wait" in match.finding and match.ok


def test_with_several_integrations_one_must_be_named_unless_it_is_ill_at_one_only(shop: MemoryHub) -> None:
    from memory_platform import integration
    from sqlalchemy import insert

    from perkstar_tui.sync.context import INTEGRATION

    row = integration("Other", shop.clock.now()) | {"id": "int_2", "config": shop.integration().config}
    with shop.store.write() as connection:
        connection.execute(insert(INTEGRATION).values(**row, activated_at=shop.clock.now()))
    id_ = shop.customer(**ANN)
    with pytest.raises(PerkstarError) as caught:
        shop.hub.why(id_)
    assert caught.value.kind is ErrorKind.AMBIGUOUS and "Memory, Other" in caught.value.remedy
    shop.sync()
    assert shop.hub.why(id_).integration_name == "Other"


def sold(shop: MemoryHub, **more: Any) -> str:
    shop.settings(data=["customers", "transactions"])
    return shop.sale("s1", state="pending", reason="no_customer", earned=0, **more)


def test_a_sale_whose_buyer_is_unknown_has_a_remedy_that_is_not_in_place_already(shop: MemoryHub) -> None:
    view = shop.hub.why(sold(shop, contact={"email": "who@x.uk"}), "Memory")
    assert view.cause == "no_customer" and "data=" not in view.command
    assert "who@x.uk" in view.remedy
    assert next(step for step in view.steps if step.name == "data").finding.startswith("Sales come in from")


def test_a_sale_whose_buyer_waits_in_the_queue_leads_there(shop: MemoryHub) -> None:
    for name in ("Ann", "Bob"):
        shop.customer(first_name=name, phone="+447400123456")
    there = shop.platform.add(first="A", phone="+447400123456")
    shop.sync()
    (item,) = shop.hub.queue().items
    view = shop.hub.why(sold(shop, customer_remote_id=there), "Memory")
    assert view.command == f"perkstar settle {item.id} --take ..." and view.key == "Q"


def test_a_sale_without_customers_among_the_data_asks_for_them(shop: MemoryHub) -> None:
    id_ = sold(shop)
    shop.settings(data=["transactions"])
    assert "data=customers,transactions" in shop.hub.why(id_, "Memory").command


def test_nothing_is_said_to_be_sent_to_a_second_record_nor_to_agree_where_it_differs(shop: MemoryHub) -> None:
    ann, twin = (
        shop.customer(**ANN),
        shop.customer(first_name="Anna", email="anna@x.uk", phone="+447400123456"),
    )
    shop.sync()
    done = shop.hub.merge(ann, twin, keep=ann)
    shop.sync(full=False)
    sides = {side.state: side for side in shop.hub.record(ann).platforms}
    differing = [field for field in sides["duplicate"].fields if field.differs]
    assert differing and all("nothing is sent" in field.would for field in differing)
    assert sides["linked"].words == "Both sides agree."
    shop.hub.unmerge(done.id)
    shop.sync(full=False)
    (side,) = shop.hub.record(ann).platforms
    (field,) = [field for field in side.fields if field.differs]
    assert field.hub == "phone" and field.would.startswith("stays: an undo emptied it")
    assert side.words == "In step. What differs stays so: phone."
