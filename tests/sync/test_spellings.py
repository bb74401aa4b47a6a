"""One person in two spellings is one person, and each side keeps the spelling that it shows."""

import pytest
from memory_shop import Shop

from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.sync.context import CUSTOMER, LINK


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    yield made
    made.store.close()


def known(shop, **fields) -> str:
    """A customer as Perkstar keeps it: as it was written, with its keys in the one normal form."""
    id_ = shop.customer(**fields)
    shop.edit(
        id_,
        email_key=email_key(fields["email"]) if "email" in fields else None,
        phone_key=phone_key(fields["phone"], "GB") if "phone" in fields else None,
    )
    return id_


@pytest.mark.parametrize(
    ("key", "here", "there"),
    [
        ("email", "Ann.LEE@Shop.UK", "ann.lee@shop.uk"),
        ("email", "ann.lee@shop.uk", "ANN.LEE@SHOP.UK"),
        ("phone", "07400 123456", "+44 7400 123-456"),
        ("phone", "+447400123456", "(0)7400 123456"),
    ],
)
def test_they_meet_and_nothing_is_written_over_a_spelling(shop, key, here, there):
    ours = known(shop, first_name="Ann", **{key: here})
    theirs = shop.platform.add(first="Ann", **{key: there})
    for _ in range(2):
        run = shop.run()
        assert run.inward["created"] + run.outward["created"] == 0
    (link,) = shop.rows(LINK)
    assert (link.hub_id, link.remote_id, link.state) == (ours, theirs, "linked")
    assert getattr(shop.row(CUSTOMER, CUSTOMER.c.id == ours), key) == here
    assert shop.platform.contacts[theirs][key] == there


def test_who_comes_with_capital_letters_is_shown_so_and_found_without(shop):
    shop.platform.add(first="Bob", email="Bob.Smith@Shop.UK")
    shop.run()
    (bob,) = shop.rows(CUSTOMER)
    assert (bob.email, bob.email_key) == ("Bob.Smith@Shop.UK", "bob.smith@shop.uk")
    shop.platform.add(first="Bob", email="BOB.SMITH@shop.uk")
    shop.run()
    assert shop.count(CUSTOMER) == 1
    assert sorted(link.state for link in shop.rows(LINK)) == ["held", "linked"]
