"""Before an act that takes something away: which one, how many, what stops, what stays, and the way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_hub import MemoryHub


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    for number in range(4):
        made.platform.add(first=f"P{number}", email=f"p{number}@x.uk")
    for name in ("Ann", "Bob"):
        made.customer(first_name=name, phone="+447400123456")
    made.platform.add(first="Who", phone="+447400123456")
    made.sync()
    yield made
    made.hub.close()


@pytest.mark.parametrize("act", ["pause", "mass_change", "resync", "reconnect", "disconnect"])
def test_it_says_which_how_many_what_stops_what_stays_and_the_way_back(shop: MemoryHub, act: str) -> None:
    shop.put(status_reason="This run would change there 12 of 60 records (20%).")
    told = shop.hub.impact(act, "int_1")
    view = shop.hub.integration("int_1")
    assert view.name in told.title and told.title.endswith("?")
    assert dict(told.counts) == {"linked records": 4, "held or refused": 1}
    assert all(told.stops) and all(told.stays) and len(told.stays) >= 1
    assert len(told.back.split()) > 5


def test_reading_everything_again_promises_to_erase_nothing_and_does_not(shop: MemoryHub) -> None:
    told = shop.hub.impact("resync", "int_1")
    assert "Nothing is erased or reset" in told.stays[0]
    before, writes = shop.links(), len(shop.platform.writes)
    people = shop.people()
    assert shop.sync(full=True).outcome == "succeeded"
    assert {key: (link.hub_id, link.base) for key, link in shop.links().items()} == {
        key: (link.hub_id, link.base) for key, link in before.items()
    }
    assert shop.people() == people and len(shop.platform.writes) == writes


def test_a_mass_change_says_its_reason_and_that_nothing_has_happened(shop: MemoryHub) -> None:
    shop.put(status="error", status_code="mass_change", status_reason="It would change 12 of 60.")
    told = shop.hub.impact("mass_change", "int_1")
    assert "It would change 12 of 60." in " ".join(told.stops)
    assert "Nothing was changed so far" in told.stays[0]
