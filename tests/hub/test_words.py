"""What commands say to people: the setting that is wrong, what there is of it all, and that nothing changed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from memory_hub import LINES, MemoryHub

from perkstar_tui.cli.app import execute
from perkstar_tui.model.errors import PerkstarError


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    yield made
    made.hub.close()


@pytest.fixture
def perkstar(
    shop: MemoryHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("PERKSTAR_VAULT", "file")

    def run(*arguments: str) -> tuple[int, str]:
        # A command has a hub of its own, whose catalog lacks the platform in memory.
        shop.put(platform="hubspot")
        code = execute([*arguments, "--home", str(shop.bench.settings.home)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_every_card_of_a_customer_is_shown_and_nothing_that_is_empty(shop, perkstar):
    ann = shop.customer(first_name="Ann", balance=101)
    shop.card(ann, 101)
    shop.card(ann, 259)
    code, said = perkstar("customers", "show", ann)
    assert code == 0 and "reward tpl_1, 101" in said and "reward tpl_1, 259" in said and "None" not in said


def test_fields_of_different_lengths_leave_the_sides_of_a_pair_in_their_columns(shop, perkstar):
    for name in ("Jane", "Janet"):
        shop.customer(
            first_name=name, last_name="Doe", birth_date="1980-02-03", city="Leeds", marketing_consent="no"
        )
    _, said = perkstar("customers", "duplicates")
    rows = [
        line for line in said.splitlines() if any(name in line for name in ("last_name", "consent", "city"))
    ]
    assert (
        len(rows) == 3 and len({len(line) - len(line.split()[-1]) for line in rows if "≠" not in line}) == 1
    )
    starts = {line.index(line.split()[1]) for line in rows}
    assert len(starts) == 1, said


def test_a_run_says_how_much_was_read_in_units_of_a_person(shop, perkstar):
    shop.sync()
    run = shop.hub.runs("int_1").items[0]
    shop.set_run(run.id, bytes=3_123_504)
    assert "3.1 MB" in perkstar("run", run.id)[1]


def test_what_was_skipped_is_told_by_reason_and_none_is_left_unsaid(shop, perkstar):
    shop.sync()
    run = shop.hub.runs("int_1").items[0]
    skipped = [{"record": f"m{n}", "name": "", "reason": "it was changed"} for n in range(70)]
    shop.set_run(
        run.id, more={"plan": "pln_1", "skipped": [*skipped, {"record": "x", "reason": "it is gone"}]}
    )
    _, said = perkstar("run", run.id)
    assert "71 records were skipped" in said
    assert said.count("it was changed") == 1 and "and 60 more" in said and "skipped, it is gone: x" in said


def test_a_condition_that_is_wrong_is_said_with_the_setting_it_is_in(shop):
    with pytest.raises(PerkstarError, match=r"^filter_to_platform: It ends too early at 8") as caught:
        shop.hub.edit("int_1", {"filter_to_platform": "balance"})
    assert caught.value.field == "filter_to_platform"


def test_an_edit_of_nothing_is_wrong_use(shop, perkstar):
    for more in ((), ("--dry-run",)):
        code, said = perkstar("edit", "int_1", *more)
        assert code == 2 and "--set KEY=VALUE" in said


def test_a_rollback_to_what_is_so_already_says_that_nothing_changed(shop, perkstar):
    shop.put(platform="hubspot", kind="prebuilt")
    shop.settings(mapping={"customers": LINES})
    perkstar("edit", "int_1", "--set", "frequency=hourly")
    version = shop.integration().config_version
    assert (
        f"Nothing changed: Memory has the settings of version {version} already."
        in perkstar("rollback", "int_1", str(version))[1]
    )
    code, said = perkstar("rollback", "int_1", "x")
    assert code == 2 and "no whole number" in said


def test_what_an_undone_run_emptied_stays_empty_until_it_changes_there(shop):
    there = shop.platform.add(first="Ann", email="ann@x.uk")
    shop.sync()
    (ann,) = [row.id for row in shop.customers()]
    shop.platform.put(there, phone="+447400123456")
    run = shop.sync(full=False)
    undone = shop.hub.undo_run(run.id)
    assert undone.counts["fields"] == 1
    shop.platform.put(there, first="Annie")
    shop.sync(full=False)
    row = next(row for row in shop.customers() if row.id == ann)
    assert (row.first_name, row.phone) == ("Annie", None)
    assert shop.platform.contacts[there]["phone"] == "+447400123456"
    shop.hub.undo_run(undone.undo_run)
    assert next(row for row in shop.customers() if row.id == ann).phone == "+447400123456"
