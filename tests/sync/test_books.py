"""A day's bookings: always balanced, never drifting, each thing once; and the leg that enters them."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_platform import MemoryPlatform, StillClock, config, integration
from sqlalchemy import insert, select, update

from perkstar_tui.model.enums import Trigger
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Journal, Ledger, LedgerAccount
from perkstar_tui.store import leases
from perkstar_tui.store.database import Store
from perkstar_tui.sync import books, journals
from perkstar_tui.sync.context import CARD, CURSOR, INTEGRATION, RUN, TRANSACTION, Leg
from perkstar_tui.sync.journals import FLOWS, Known, Stand, book_day, choose, journal_of, key_of, values_of
from perkstar_tui.sync.run import Engine, Workbench

DAY = date(2026, 11, 24)
IDS = {journals.EXPENSE: "e", journals.LIABILITY: "l", journals.REDEEMED: "r"}
KINDS = st.sampled_from(sorted(journals.UNITS))
points = st.dictionaries(KINDS, st.integers(0, 10_000), max_size=3)
values = st.fixed_dictionaries(
    {kind: st.decimals(0, 50, places=3, allow_nan=False) for kind in sorted(journals.UNITS)}
)


@st.composite
def histories(draw: Any) -> list[tuple[Known, Known, dict[str, int], dict[str, Decimal]]]:
    """Days: what they brought, what became known late of earlier ones, redeemed (or added), and the values."""
    same = draw(values)
    return [
        (
            Known(draw(points), draw(points)),
            Known(draw(points), draw(points)),
            {kind: draw(st.integers(-500, 500)) for kind in draw(st.sets(KINDS))},
            draw(values) if draw(st.booleans()) else same,
        )
        for _ in range(draw(st.integers(1, 8)))
    ]


def lived(history: list[Any], opening: dict[str, int] | None = None) -> tuple[list[Journal], Stand]:
    """The journals of such days, and where the books stand at the end."""
    stand, before, redeemed = Stand(DAY, opening=opening or {}), Known(), {}
    made = []
    for of_day, late, less, worth in history:
        before += late
        redeemed = {kind: redeemed.get(kind, 0) + less.get(kind, 0) for kind in {**redeemed, **less}}
        entries, stand = book_day(stand, before, of_day, redeemed, worth)
        before += of_day
        if entries:
            made.append(journal_of(key_of("int_1", stand.day), stand.day, entries, IDS, "GBP"))
        assert Stand.of(stand.as_json()) == stand
    return made, stand


@given(histories(), points)
def test_every_journal_adds_up_to_nothing_and_no_line_is_empty(history: Any, opening: dict[str, int]) -> None:
    for journal in lived(history, opening)[0]:
        assert sum(line.minor for line in journal.lines) == 0
        assert all(line.minor and line.memo for line in journal.lines)
        assert journal.key in journal.memo and len(journal.key) <= 21


@given(histories(), points)
def test_what_is_owed_in_the_books_stays_within_rounding_of_what_the_points_are_worth(
    history: Any, opening: dict[str, int]
) -> None:
    made, stand = lived(history, opening)
    owed = -sum(line.minor for journal in made for line in journal.lines if line.account == "l")
    worth = sum((count * stand.values[kind] for kind, count in stand.outstanding.items()), Decimal())
    assert abs(owed - worth) <= Decimal("0.5") * len(FLOWS)
    expected: Counter[str] = Counter(opening)
    for of_day, late, less, _ in history:
        for known in (of_day, late):
            expected.update(known.earned)
            expected.subtract(known.reversed)
        expected.subtract(less)
    assert {k: n for k, n in stand.outstanding.items() if n} == {k: n for k, n in expected.items() if n}


@given(histories())
def test_however_late_something_becomes_known_the_sums_are_the_same(history: Any) -> None:
    worth = {kind: Decimal("0.7") for kind in journals.UNITS}
    at_once = [(of_day + late, Known(), less, worth) for of_day, late, less, _ in history]
    in_the_end = [(Known(), Known(), {}, worth)]
    by_parts = [(of_day, late, less, worth) for of_day, late, less, _ in history]

    def booked(days: list[Any]) -> Counter[str]:
        _, stand = lived(days + in_the_end)
        found: Counter[str] = Counter()
        for flow, exact in stand.exact.items():
            found[flow.removesuffix("_before")] += exact
        return found

    assert booked(at_once) == booked(by_parts)


def test_a_third_of_a_penny_a_day_is_a_penny_in_three_days() -> None:
    worth = {"reward": Decimal(1) / 3}
    made, _ = lived([(Known({"reward": 1}), Known(), {}, worth)] * 9)
    assert [journal.lines[0].minor for journal in made] == [1, 1, 1]


def test_a_day_with_nothing_has_no_journal_and_the_lines_say_what_they_are() -> None:
    worth = {"reward": Decimal(2), "stamp": Decimal(0)}
    quiet = (Known(), Known(), {}, worth)
    busy = (Known({"reward": 10, "stamp": 4}, {"reward": 3}), Known({}, {"reward": 1}), {"reward": 2}, worth)
    made, _ = lived([quiet, busy, quiet])
    assert [journal.day for journal in made] == ["2026-11-26"]
    assert [(line.account, line.minor, line.memo) for line in made[0].lines] == [
        ("e", 20, "Earned (10 points)"), ("l", -20, "Earned (10 points)"),
        ("l", 6, "Taken back for refunds (3 points)"), ("e", -6, "Taken back for refunds (3 points)"),
        ("l", 2, "Taken back for refunds of earlier days (1 points)"),
        ("e", -2, "Taken back for refunds of earlier days (1 points)"),
        ("l", 4, "Redeemed (2 points)"), ("r", -4, "Redeemed (2 points)"),
    ]  # fmt: skip


def test_a_point_that_becomes_worth_more_values_anew_what_is_outstanding() -> None:
    made, _ = lived([
        (Known({"reward": 10}), Known(), {}, {"reward": Decimal(1)}),
        (Known(), Known(), {}, {"reward": Decimal(3)}),
        (Known(), Known(), {"reward": 10}, {"reward": Decimal(3)}),
    ])  # fmt: skip
    assert [[line.minor for line in journal.lines] for journal in made] == [[10, -10], [20, -20], [30, -30]]


def test_a_key_is_an_integrations_own_for_a_day() -> None:
    keys = {key_of(id_, DAY + timedelta(days=n)) for id_ in ("int_1", "int_2") for n in range(400)}
    assert len(keys) == 800 and max(map(len, keys)) <= 21


@pytest.mark.parametrize("given_", ["", "x", "-1", "NaN", "Infinity"])
def test_a_worth_that_is_none_is_asked_for_where_there_are_such_cards(given_: str) -> None:
    with pytest.raises(PerkstarError) as caught:
        values_of({"point_value": given_}, "GBP", {"reward"})
    assert caught.value.kind is ErrorKind.MAPPING and "--set point_value" in caught.value.remedy


def test_worths_are_in_minor_units_of_the_currency() -> None:
    assert values_of({"point_value": "0.01"}, "GBP", {"reward", "gift"}) == {"cashback": 1, "reward": 1}
    assert values_of({"point_value": "1", "stamp_value": "0"}, "JPY", {"stamp"})["reward"] == 1


ACCOUNTS = (
    LedgerAccount("1", "Loyalty", "400"), LedgerAccount("2", "Owed", "800"), LedgerAccount("3", "Redeemed"),
    LedgerAccount("4", "Twice"), LedgerAccount("5", "twice"),
)  # fmt: skip
CHOSEN = {"account_expense": "400", "account_liability": "owed", "account_redeemed": "3"}


def test_accounts_are_chosen_by_code_name_or_id() -> None:
    assert list(choose(ACCOUNTS, CHOSEN, "Books").values()) == ["1", "2", "3"]
    assert choose(ACCOUNTS, {**CHOSEN, "account_liability": "800 Owed"}, "Books") == choose(
        ACCOUNTS, CHOSEN, "Books"
    )


@pytest.mark.parametrize(
    ("option", "wanted", "words"),
    [
        ("account_expense", "Nowhere", "no account 'Nowhere'"),
        ("account_redeemed", "", "No account is chosen"),
        ("account_redeemed", "Twice", "Several accounts"),
        ("account_liability", "400", "account of its own"),
    ],
)
def test_a_wrong_choice_is_named_with_all_there_are(option: str, wanted: str, words: str) -> None:
    with pytest.raises(PerkstarError) as caught:
        choose(ACCOUNTS, {**CHOSEN, option: wanted}, "Books")
    assert words in caught.value.message and f"--set {option}=" in caught.value.remedy
    assert "400 Loyalty, 800 Owed, Redeemed" in caught.value.remedy


def test_an_account_of_a_kind_that_cannot_be_is_refused_with_those_that_can() -> None:
    bank = LedgerAccount("9", "Till", kind="Asset", unfit=frozenset({journals.EXPENSE, journals.LIABILITY}))
    there = (*ACCOUNTS[:3], bank)
    for option in (journals.EXPENSE, journals.LIABILITY):
        with pytest.raises(PerkstarError) as caught:
            choose(there, {**CHOSEN, option: "till"}, "Books")
        assert "Till is of the kind Asset" in caught.value.message and caught.value.field == option
        assert "400 Loyalty" in caught.value.remedy and "Till" not in caught.value.remedy
    # A reward may well be taken out of stock.
    assert choose(there, {**CHOSEN, journals.REDEEMED: "till"}, "Books")[journals.REDEEMED] == "9"


# -- the leg ----------------------------------------------------------------------------------------------------


class Books(MemoryPlatform):
    """Journals in memory; `fail` is raised by the next entering, before or after it is kept."""

    def __init__(self, clock: StillClock) -> None:
        super().__init__(clock)
        self.journals: list[Journal] = []
        self.stumble: BaseException | None = None
        self.kept = True
        self.currency: str | None = "GBP"
        self.asked = 0

    async def ledger(self) -> Ledger:
        self.asked += 1
        return Ledger(ACCOUNTS[:3], self.currency)

    async def enter(self, journal: Journal) -> None:
        problem, self.stumble = self.stumble, None
        if problem is None or self.kept:
            self.journals.append(journal)
        if problem is not None:
            raise problem

    async def entered(self, journal: Journal) -> bool:
        return any(one.key == journal.key for one in self.journals)


class Firm:
    """A store with one card, and an integration that keeps its books; 24 November, noon in London."""

    def __init__(self, folder: Path, zone: str = "Europe/London") -> None:
        self.clock = StillClock()
        self.store = Store.at(folder)
        self.store.upgrade()
        self.platform = Books(self.clock)
        self.options = {"books": "yes", "point_value": "0.01", **CHOSEN}
        self.zone = zone
        bench = Workbench(lambda row: self.config(), lambda row, held: self.platform, lambda: None)
        self.engine = Engine(self.store, bench, self.clock)
        now = self.clock.now()
        with self.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**integration("Books", now)))
            connection.execute(
                insert(CARD).values(
                    id="crd_1",
                    revision=1,
                    customer_id="cus_1",
                    template_id="tpl_1",
                    kind="reward",
                    balance=50,
                    status="",
                    created_at=now,
                    updated_at=now,
                )
            )

    def config(self) -> Any:
        # The engine only asks whether there is a way; what it is, is the connector's business.
        return config(options=self.options, books=object(), zone=self.zone)

    def credit(self, points: int, at: datetime) -> None:
        """A sale, or below nothing a refund, that is on the card."""
        with self.store.write() as connection:
            id_ = new_id("trn")
            connection.execute(
                insert(TRANSACTION).values(
                    id=id_,
                    revision=1,
                    integration_id="int_2",
                    remote_id=id_,
                    line_kind="refund" if points < 0 else "sale",
                    card_id="crd_1",
                    happened_at=at,
                    currency="GBP",
                    total_minor=points * 100,
                    base_minor=0,
                    earned=points,
                    reversed=0,
                    owed=0,
                    state="credited",
                    reason="",
                    mark="",
                    contact={},
                    created_at=self.clock.now(),
                )
            )
        self.change(points)

    def change(self, points: int) -> None:
        with self.store.write() as connection:
            connection.execute(update(CARD).values(balance=CARD.c.balance + points))

    def run(self) -> Any:
        id_ = asyncio.run(self.engine.run("int_1", Trigger.MANUAL))
        with self.store.read() as connection:
            return connection.execute(select(RUN).where(RUN.c.id == id_)).one()

    def foresee(self) -> tuple[bool, list[books.Due]]:
        held = leases.take(self.store, "foreseeing", self.clock.now())
        leg = Leg(
            self.store, self.config(), self.platform, self.clock, "run_1", held, self.clock.now(), lambda: False
        )  # fmt: skip
        return asyncio.run(books.foresee(leg, self.platform))

    def tomorrow(self) -> Any:
        self.clock.at += timedelta(days=1)
        return self.run()

    def lines(self) -> list[list[tuple[str, int]]]:
        return [[(line.account, line.minor) for line in journal.lines] for journal in self.platform.journals]


@pytest.fixture
def firm(tmp_path: Path) -> Any:
    made = Firm(tmp_path)
    yield made
    made.store.close()


def test_days_follow_each_other_and_each_is_entered_once(firm: Firm) -> None:
    firm.credit(100, firm.clock.at - timedelta(days=2))
    firm.run()
    firm.credit(30, firm.clock.at)
    firm.change(-20)
    firm.run()
    assert firm.lines() == []
    run = firm.tomorrow()
    assert run.outward["created"] == 1 and run.outcome == "succeeded"
    firm.credit(5, firm.clock.at)
    firm.credit(7, firm.clock.at - timedelta(days=1))
    firm.credit(-4, firm.clock.at)
    firm.clock.at += timedelta(days=4)
    for _ in range(2):
        firm.run()
    assert [journal.day for journal in firm.platform.journals] == ["2026-11-24", "2026-11-25"]
    assert firm.lines() == [
        [("1", 30), ("2", -30), ("2", 20), ("3", -20)],
        [("1", 5), ("2", -5), ("1", 7), ("2", -7), ("2", 4), ("1", -4)],
    ]


def test_what_is_redeemed_after_midnight_belongs_to_the_new_day(firm: Firm) -> None:
    firm.run()
    firm.change(-10)
    firm.run()
    firm.clock.at = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
    firm.change(-3)
    firm.run()
    firm.tomorrow()
    assert [(j.day, j.lines[0].minor) for j in firm.platform.journals] == [
        ("2026-11-24", 10),
        ("2026-11-25", 3),
    ]


def test_a_day_is_that_of_the_accounts_zone(tmp_path: Path) -> None:
    firm = Firm(tmp_path, "Asia/Tokyo")
    firm.run()
    firm.credit(3, datetime(2026, 11, 24, 14, 59, 59, tzinfo=UTC))
    firm.credit(4, datetime(2026, 11, 24, 15, 0, tzinfo=UTC))
    firm.clock.at = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    firm.run()
    firm.store.close()
    assert [(j.day, j.lines[0].minor) for j in firm.platform.journals] == [
        ("2026-11-24", 3),
        ("2026-11-25", 4),
    ]


@pytest.mark.parametrize("kept", [True, False], ids=["it arrived", "it did not"])
@pytest.mark.parametrize(
    "lost", [PerkstarError(ErrorKind.NETWORK, "gone"), KeyboardInterrupt()], ids=["net", "kill"]
)
def test_a_journal_whose_fate_is_unknown_is_entered_once(firm: Firm, lost: Any, kept: bool) -> None:
    firm.run()
    firm.credit(30, firm.clock.at)
    firm.clock.at += timedelta(days=1)
    firm.platform.stumble, firm.platform.kept = lost, kept
    try:
        assert firm.run().outcome == "failed"
    except KeyboardInterrupt:
        firm.clock.at += timedelta(minutes=5)
    firm.options["account_expense"] = "Redeemed"
    for _ in range(2):
        assert firm.run().outcome == "succeeded"
    assert firm.lines() == [[("1", 30), ("2", -30)]]


def test_a_journal_that_was_refused_is_made_anew_after_the_correction(firm: Firm) -> None:
    firm.run()
    firm.credit(30, firm.clock.at)
    firm.clock.at += timedelta(days=1)
    words = "The accounting period has closed."
    firm.platform.kept = False
    firm.platform.stumble = PerkstarError(ErrorKind.RECORD_REJECTED, "no", vendor_words=words)
    run = firm.run()
    assert run.outcome == "failed" and words in run.error["message"] and "2026-11-24" in run.error["message"]
    firm.options["account_expense"] = "Redeemed"
    assert firm.run().outcome == "succeeded"
    assert firm.lines() == [[("3", 30), ("2", -30)]]
    firm.credit(1, firm.clock.at)
    firm.tomorrow()
    # A vendor that knows a request by its key would answer the corrected one with the old refusal.
    assert [journal.attempt for journal in firm.platform.journals] == [2, 1]


def test_books_in_another_currency_are_refused(firm: Firm) -> None:
    firm.platform.currency = "USD"
    run = firm.run()
    assert run.outcome == "failed" and "USD" in run.error["message"] and "GBP" in run.error["message"]


def test_nothing_is_asked_of_the_books_while_there_is_nothing_to_enter(firm: Firm) -> None:
    firm.run()

    async def never() -> Ledger:
        raise AssertionError("the chart of accounts was read")

    firm.platform.ledger = never  # type: ignore[method-assign]
    for _ in range(3):
        assert firm.tomorrow().outcome == "succeeded"


@pytest.mark.parametrize(
    ("option", "wanted"),
    [("account_expense", "Nope"), ("account_liability", "Loyalty"), ("point_value", "")],
)
def test_a_setting_that_is_changed_while_nothing_is_to_be_entered_is_checked_by_the_next_run(
    firm: Firm, option: str, wanted: str
) -> None:
    firm.run()
    firm.credit(30, firm.clock.at)
    right, firm.options[option] = firm.options[option], wanted
    for _ in range(2):
        run = firm.run()
        assert (run.outcome, run.error["code"]) == ("failed", "mapping")
        assert f"--set {option}=" in run.error["remedy"]
    assert firm.tomorrow().outcome == "failed" and firm.lines() == []
    firm.options[option] = right
    assert firm.run().outcome == "succeeded"
    assert firm.lines() == [[("1", 30), ("2", -30)]]


def test_a_change_is_asked_about_once_and_so_are_books_that_nobody_noted_a_check_of(firm: Firm) -> None:
    firm.run()
    asked = firm.platform.asked
    firm.options["account_expense"] = "Redeemed"
    for _ in range(3):
        assert firm.run().outcome == "succeeded"
    assert firm.platform.asked == asked + 1
    with firm.store.write() as connection:
        row = connection.execute(select(CURSOR.c.value).where(CURSOR.c.data == "books")).one()
        older = {name: part for name, part in row.value.items() if name != "checked"}
        connection.execute(update(CURSOR).where(CURSOR.c.data == "books").values(value=older))
    for _ in range(3):
        assert firm.run().outcome == "succeeded"
    assert firm.platform.asked == asked + 2


def test_a_first_card_of_another_kind_asks_at_once_what_one_is_worth(firm: Firm) -> None:
    firm.run()
    with firm.store.write() as connection:
        card = dict(connection.execute(select(CARD)).mappings().one())
        connection.execute(insert(CARD).values(**{**card, "id": "crd_2", "kind": "stamp"}))
    run = firm.run()
    assert run.outcome == "failed" and "stamp_value" in run.error["remedy"]
    firm.options["stamp_value"] = "0"
    assert firm.run().outcome == "succeeded"


def test_a_journal_under_way_is_settled_before_a_changed_setting_is_found_wrong(firm: Firm) -> None:
    firm.run()
    firm.credit(30, firm.clock.at)
    firm.platform.stumble, firm.platform.kept = PerkstarError(ErrorKind.NETWORK, "gone"), False
    assert firm.tomorrow().outcome == "failed"
    firm.options["account_expense"] = "Nope"
    assert firm.run().error["code"] == "mapping"
    assert firm.lines() == [[("1", 30), ("2", -30)]]


def test_what_is_foreseen_is_what_is_entered(firm: Firm) -> None:
    firm.run()
    firm.credit(30, firm.clock.at)
    firm.run()
    firm.clock.at += timedelta(days=1)
    firm.credit(5, firm.clock.at)
    firm.change(-2)
    begun, due = firm.foresee()
    assert begun and firm.platform.journals == []
    assert [(str(one.day), journals.said(one.entries, "GBP")) for one in due] == [
        ("2026-11-24", "earned 0.30 GBP"),
        ("2026-11-25", "earned 0.05 GBP, redeemed 0.02 GBP"),
    ]
    firm.run()
    firm.tomorrow()
    assert firm.lines() == [[("1", 30), ("2", -30)], [("1", 5), ("2", -5), ("2", 2), ("3", -2)]]
