"""What is said of a sale that waits or gave nothing: whom it names, and why, where somebody looks first."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_hub import MemoryHub

from perkstar_tui.cli.app import execute
from perkstar_tui.model.remote import Sale


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path, data=["customers", "transactions"], template="tpl_1")
    yield made
    made.hub.close()


def sell(shop: MemoryHub, number: int, **more: str) -> None:
    at = shop.clock.at
    shop.platform.sales.append(Sale(f"s{number}", at, at, "GBP", 1500, **more))


def sale_lines(shop: MemoryHub) -> list[tuple[str | None, str]]:
    return [(entry.record, entry.message) for entry in shop.hub.log(code="sale").items]


def test_the_list_and_the_record_name_the_customer_or_whom_a_waiting_sale_names(shop: MemoryHub) -> None:
    shop.customer(first_name="Ann", email="ann@x.uk")
    sell(shop, 1, email="ann@x.uk")
    sell(shop, 2, email="who@x.uk")
    sell(shop, 3, customer_remote_id="m99")
    shop.sync()
    listed = {view.remote_id: (view.customer_name, view.buyer) for view in shop.hub.transactions().items}
    assert listed == {"s1": ("Ann", ""), "s2": ("", "who@x.uk"), "s3": ("", "record m99")}
    waiting = next(view for view in shop.hub.transactions().items if view.remote_id == "s2")
    record = shop.hub.record(waiting.id)
    assert record.hub["buyer"] == "who@x.uk" and "who@x.uk" in record.story[0]


def test_the_log_has_a_line_for_each_sale_that_waits_once_and_without_personal_data(shop: MemoryHub) -> None:
    shop.customer(first_name="Ann", email="ann@x.uk")
    sell(shop, 1, email="ann@x.uk")
    sell(shop, 2, email="who@x.uk")
    sell(shop, 3)
    for _ in range(2):
        shop.sync()
    ids = {view.remote_id: view.id for view in shop.hub.transactions().items}
    found = dict(sale_lines(shop))
    assert set(found) == {ids["s1"], ids["s2"]} and len(sale_lines(shop)) == 2, "nobody waits for s3"
    assert "no card" in found[ids["s1"]] and "no customer known" in found[ids["s2"]]
    assert not any("@" in message for message in found.values())


def test_a_page_full_of_them_is_counted_and_not_listed(shop: MemoryHub) -> None:
    for number in range(40):
        sell(shop, number, email=f"who{number}@x.uk")
    shop.sync()
    lines = sale_lines(shop)
    assert len(lines) == 11 and [message for record, message in lines if not record] == [
        "30 more sales wait for their points: the sale names no customer known here."
    ]


def test_a_sale_is_shown_as_money_by_name_and_says_once_why_it_waits(
    shop: MemoryHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(shop, 2, email="who@x.uk")
    shop.sync()
    (sale,) = shop.hub.transactions().items
    monkeypatch.setenv("PERKSTAR_VAULT", "file")
    home = str(shop.bench.settings.home)
    # The command has a hub of its own, whose catalog lacks the platform in memory.
    shop.put(platform="hubspot")
    for command in (["transactions", "show", sale.id], ["record", sale.id]):
        assert execute([*command, "--home", home]) == 0
        said = capsys.readouterr().out
        assert "15.00" in said and "None" not in said and "total_minor" not in said
        assert said.count("Waits: ") == 1 and "names: who@x.uk" in said
    assert execute(["transactions", "--home", home]) == 0
    assert "(who@x.uk)" in capsys.readouterr().out
