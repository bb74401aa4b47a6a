"""Settings that only make sense together."""

from typing import Any

import pytest

from perkstar_tui.hub.acts import store_config
from perkstar_tui.hub.configuring import apply_settings, default_config
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.sync.context import INTEGRATION

KEEPER = load_catalog()["quickbooks"]
ACCOUNTS = {"account_expense": "415", "account_liability": "825", "account_redeemed": "205"}


def config(**options: str) -> dict[str, Any]:
    """The settings of an integration that has these options, whether or not they could be given today."""
    return {**default_config(KEEPER), "options": options}


@pytest.mark.parametrize(
    ("there", "given", "missing"),
    [
        ({}, {"books": "yes"}, list(ACCOUNTS)),
        (
            {"account_liability": "825"},
            {"books": "yes", "account_expense": " "},
            ["account_expense", "account_redeemed"],
        ),
        ({"books": "yes", **ACCOUNTS}, {"account_redeemed": ""}, ["account_redeemed"]),
    ],
)
def test_books_are_refused_while_an_account_is_missing(
    there: dict[str, str], given: dict[str, str], missing: list[str]
) -> None:
    with pytest.raises(PerkstarError) as caught:
        apply_settings(KEEPER, config(**there), given)
    error = caught.value
    assert (error.kind, error.field) == (ErrorKind.USAGE, missing[0])
    for name in ACCOUNTS:
        assert (name in error.message, f"--set {name}=NAME" in error.remedy) == ((name in missing),) * 2


@pytest.mark.parametrize(
    ("there", "given"),
    [
        ({}, {"books": "yes", **ACCOUNTS}),
        (ACCOUNTS, {"books": "yes"}),
        ({}, {"books": "no"}),
        ({"books": "yes", **ACCOUNTS}, {"books": "no", "account_expense": ""}),
        # From before it was refused: what is missing is given piece by piece, and other settings are not held up.
        ({"books": "yes"}, {"account_expense": "415"}),
        ({"books": "yes"}, {"frequency": "hourly"}),
    ],
)
def test_books_are_taken_where_nothing_is_missing_that_was_not_before(
    there: dict[str, str], given: dict[str, str]
) -> None:
    options = {name: text for name, text in given.items() if name != "frequency"}
    assert apply_settings(KEEPER, config(**there), given)["options"] == {**there, **options}


def test_a_draft_that_another_dropped_meanwhile_is_said_to_be_gone(hub_of):
    made = hub_of("square")
    row = made.bench.find("int_1")
    with made.bench.store.write() as connection:
        connection.execute(INTEGRATION.delete())
    with pytest.raises(PerkstarError) as caught:
        store_config(made.bench, row, {**row.config, "frequency": "manual"}, {}, "edit")
    assert caught.value.kind is ErrorKind.NOT_FOUND and row.name in caught.value.message
