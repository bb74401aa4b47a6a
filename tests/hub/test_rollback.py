"""Settings put back: whatever a version has, with old and new in the audit trail (E1)."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from perkstar_tui.hub.acts import resolve_template
from perkstar_tui.hub.configuring import default_config
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import tables as t
from perkstar_tui.sync.context import INTEGRATION

AUDIT = t.AuditEntry


@pytest.fixture
def hub(hub_of):
    made = hub_of("square")
    config = resolve_template(made.bench, default_config(made.bench.manifest("square")))
    with made.bench.store.write() as connection:
        connection.execute(
            INTEGRATION.update().values(config={**config, "data": ["customers", "transactions"]})
        )
    return made


def config(hub):
    return hub.bench.find("int_1").config


def audit(hub, act):
    with hub.bench.store.read() as connection:
        return connection.execute(select(AUDIT).where(AUDIT.c.act == act).order_by(AUDIT.c.id)).all()


def test_every_setting_is_put_back_and_a_rollback_is_rolled_back_in_turn(hub):
    began = config(hub)
    hub.edit("int_1", {
        "frequency": "manual", "direction": "to-perkstar", "match": "email", "source_of_truth": "newest",
        "earn_rate": "3", "filter_to_perkstar": "email is empty", "data": "customers,transactions",
    })  # fmt: skip
    lines = hub.mapping("int_1")
    hub.set_mapping(
        "int_1", [replace(line, may_clear=True) if line.hub == "last_name" else line for line in lines]
    )
    edited = config(hub)
    assert hub.history("int_1")[0].version == 3
    hub.rollback("int_1", 1)
    assert config(hub) == began
    hub.rollback("int_1", 3)
    assert config(hub) == edited
    assert [version.version for version in hub.history("int_1")] == [5, 4, 3, 2, 1]
    # Put together from the audit alone: each entry's old values undo it.
    now = dict(edited)
    for entry in reversed([*audit(hub, "edit"), *audit(hub, "mapping"), *audit(hub, "rollback")]):
        assert {name: now.get(name) for name in entry.new} == entry.new
        now = {name: value for name, value in {**now, **entry.old}.items() if value is not None}
    assert now == began


def test_a_changed_line_of_the_mapping_is_told_with_all_that_it_says(hub):
    lines = hub.mapping("int_1")
    hub.set_mapping(
        "int_1",
        [replace(line, direction="to-perkstar") if line.hub == "last_name" else line for line in lines],
    )
    (change,) = hub.history("int_1")[0].changes
    assert change[0].startswith("mapping.customers.")
    assert change[1:] == ("last_name text both", "last_name text to-perkstar")


def test_a_version_from_before_the_activation_does_not_credit_all_of_the_past(hub):
    hub.edit("int_1", {"frequency": "manual"})
    hub.edit("int_1", {"credit_from": "2026-11-24"})
    hub.rollback("int_1", 2)
    assert config(hub)["credit_from"] == "2026-11-24T00:00:00+00:00"


def test_names_have_their_old_values_in_the_audit_too(hub):
    hub.edit("int_1", {"name": "Till", "owner": "Dana"})
    (entry,) = audit(hub, "edit")
    assert (entry.old, entry.new) == ({"name": "The books", "owner": ""}, {"name": "Till", "owner": "Dana"})


def test_a_version_that_does_not_fit_any_more_is_refused_and_nothing_changes(hub):
    hub.edit("int_1", {"frequency": "manual"})
    version = t.ConfigVersion
    with hub.bench.store.write() as connection:
        broken = {
            **config(hub),
            "options": {"filter_to_perkstar": "city is Leeds"},
            "mapping": {"customers": []},
        }
        connection.execute(version.update().where(version.c.version == 1).values(config=broken))
    before = config(hub)
    with pytest.raises(PerkstarError) as caught:
        hub.rollback("int_1", 1)
    assert caught.value.kind is ErrorKind.USAGE
    assert config(hub) == before
