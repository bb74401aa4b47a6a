"""Proof of the proof: faults planted on purpose, each in a copy of the program, and each found by the suite.

A fault is a line that is replaced; the line must stand there exactly once, so that no fault goes stale unnoticed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LAWS = "tests/properties/test_records.py"
MODEL = "tests/properties/test_two_sides.py"
RUNS = "tests/sync/test_run.py"
LOOPS = "tests/hub/test_loops.py"
COMPARES = "tests/hub/test_comparing.py"


class Fault(NamedTuple):
    """A rule broken on purpose, and the tests that must find it."""

    name: str
    file: str
    line: str
    instead: str
    tests: str


FAULTS = (
    # The laws of the compare.
    Fault("empty_wipes_filled", "sync/plan.py", "if not line.may_clear:", "if False:", LAWS),
    Fault("the_rule_is_not_asked", "sync/plan.py", 'if line.rule == "platform":', "if False:", LAWS),
    Fault("consent_rises", "sync/plan.py", "and may_send and proven and", "and may_send and", LAWS),
    # The model of two sides.
    Fault(
        "a_lost_create_is_forgotten", "sync/pages.py",
        "if self.open_creates else None", "if False else None", MODEL,
    ),
    Fault(
        "what_is_to_be_sent_counts_as_sent", "sync/outward.py",
        "            after = rows[-1].revision\n            jobs = []\n",
        "            after = rows[-1].revision\n"
        "            with leg.store.write(leg.lease.fence) as connection:\n"
        '                leg.save_cursor(connection, DATA, "out", {"revision": after})\n'
        "            jobs = []\n",
        MODEL,
    ),
    Fault(
        "the_gone_are_made_again", "sync/inward.py",
        '{"state": LinkState.GONE.value, "last_received": now}',
        '{"state": LinkState.GONE.value, "last_received": now, "hub_id": None}', MODEL,
    ),
    # Faults that users of other products paid for.
    Fault(
        "the_cursor_moves_before_the_page_is_kept", "sync/pages.py",
        "    with leg.store.write(leg.lease.fence) as connection:\n"
        "        revision = leg.store.next_revisions(connection, len(fresh))",
        "    with leg.store.write(leg.lease.fence) as connection:\n"
        '        leg.save_cursor(connection, DATA, "in", page.cursor)\n'
        "    with leg.store.write(leg.lease.fence) as connection:\n"
        "        revision = leg.store.next_revisions(connection, len(fresh))",
        MODEL,
    ),
    Fault(
        "the_echo_is_not_known", "sync/outward.py",
        "    if known is not None and not decision.send:",
        "    decision.send = decision.send or {\n"
        "        line.remote: line.transform.out(customer.get(line.hub)) for line in leg.config.lines if line.outward\n"
        "    }\n"
        "    if known is not None and not decision.send:",
        f"{RUNS} {MODEL}",
    ),
    Fault(
        "a_refund_is_counted_twice", "sync/sales.py",
        "back = reversal(sale.earned, refunded, sale.total_minor, sale.reversed)",
        "back = reversal(sale.earned, refunded, sale.total_minor, 0)",
        "tests/properties/test_money.py",
    ),
    # What goes round, what nobody told of, what was left out, and whose credential it is.
    Fault("a_loop_goes_on", "sync/loops.py", "if count >= ROUNDS:", "if False:", LOOPS),
    Fault("an_edit_is_a_loop", "sync/loops.py", "or earlier.values != sent):", "and False):", LOOPS),
    Fault("a_loop_let_go_is_held_for_its_past", "sync/loops.py", "if step.at_ms >= since]", "]", LOOPS),
    Fault(
        "every_schedule_compares_all", "sync/comparing.py",
        "(age >= quiet and is_quiet(now, integration_id, zone))", "age >= quiet", COMPARES,
    ),
    Fault(
        "what_is_young_was_missed", "sync/comparing.py",
        "for row in rows} - young\n\n", "for row in rows}\n\n", COMPARES,
    ),
    Fault(
        "an_answer_left_out_is_written", "platforms/writing.py", "if change.key not in sent:", "if True:",
        "tests/contract/test_platforms.py -k leaves_out",
    ),
    Fault("answers_are_not_held_against_what_was_sent", "sync/underway.py",
        "if [answer.key for answer in answers] != [change.key for change in changes]:", "if False:",
        "tests/sync/test_ends.py",
    ),
    Fault(
        "fields_are_made_in_anothers_account", "hub/connecting.py",
        "        check(remote)\n        await _make_fields(connector, config)",
        "        await _make_fields(connector, config)\n        check(remote)",
        "tests/hub/test_reconnecting.py",
    ),
    Fault(
        "an_old_secret_is_good_for_ever", "hub/receiver.py",
        'ms(self.bench.clock.now()) < int(secret.get("former_until_ms", 0))', '"former" in secret',
        "tests/hub/test_taking_deliveries.py",
    ),
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_suite_finds(fault: Fault, tmp_path: Path) -> None:
    copy = tmp_path / "src" / "perkstar_tui"
    shutil.copytree(ROOT / "src" / "perkstar_tui", copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / fault.file).read_text()
    assert text.count(fault.line) == 1, f"{fault.file} has no such line (any more), or more than one"
    (copy / fault.file).write_text(text.replace(fault.line, fault.instead))
    run = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-n", "0", "-x", "-m", "long or not long", "-p", "no:cacheprovider",
            *fault.tests.split(),
            "--hypothesis-profile", "found", "--hypothesis-seed", "1",
        ],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path / "src")}, capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip
    # 1 is "tests failed"; a planted fault that only breaks the import would end with another code.
    assert run.returncode == 1, run.stdout[-2000:]
    assert "ImportError" not in run.stdout
    assert "SyntaxError" not in run.stdout


def test_each_fault_stands_where_it_is_planted():
    for fault in FAULTS:
        text = (ROOT / "src" / "perkstar_tui" / fault.file).read_text()
        assert text.count(fault.line) == 1, fault.name
