"""How a run ends: as a success only when everything that was to be written is written or refused, and never early."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_shop import Shop
from sqlalchemy import update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.context import CURSOR, INTEGRATION, LINK


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    yield made
    made.store.close()


def there(shop: Shop) -> list[str]:
    return sorted(str(fields["email"]) for fields in shop.platform.contacts.values())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(refused=st.sets(st.integers(0, 24)))
def test_what_was_planned_is_what_was_written_and_what_was_refused(
    tmp_path_factory: pytest.TempPathFactory, refused: set[int]
) -> None:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    ids = [shop.customer(first_name=f"P{number}", email=f"p{number}@x.uk") for number in range(25)]
    shop.platform.refuse = {f"p{number}@x.uk" for number in refused}
    run = shop.run()
    assert run.outcome == ("partly" if refused else "succeeded")
    counts = run.outward
    assert counts["created"] == len(there(shop)) == len(ids) - len(refused)
    assert (counts["held"], counts["failed"]) == (len(refused), 0)
    assert counts["read"] == len(ids)
    assert sum(row.state == "held" for row in shop.rows(LINK)) == len(refused)
    shop.store.close()


@pytest.mark.parametrize("lost", [1, 3])
def test_a_platform_that_leaves_answers_out_is_no_success_and_nothing_is_doubled(
    shop: Shop, lost: int
) -> None:
    send = shop.platform.send

    async def forgetful(data, changes):
        return (await send(data, changes))[:-lost]

    for number in range(8):
        shop.customer(first_name=f"P{number}", email=f"p{number}@x.uk")
    shop.platform.send = forgetful
    run = shop.run()
    assert run.outcome == "failed"
    assert run.outward["created"] == 0
    assert not any(row.last_sent for row in shop.rows(LINK))
    shop.platform.send = send
    assert shop.run().outcome == "succeeded"
    assert there(shop) == sorted(f"p{number}@x.uk" for number in range(8))
    assert sum(row.state == "linked" for row in shop.rows(LINK)) == 8


def test_a_platform_that_breaks_off_in_a_batch_is_no_success_and_the_next_run_finishes(shop: Shop) -> None:
    send, sent = shop.platform.send, []

    async def breaking(data, changes):
        sent.append(len(changes))
        if len(sent) == 2:
            raise PerkstarError(ErrorKind.NETWORK, "The line is gone.")
        return await send(data, changes)

    for number in range(25):
        shop.customer(first_name=f"P{number}", email=f"p{number}@x.uk")
    shop.platform.send = breaking
    run = shop.run()
    assert (run.outcome, run.error["code"]) == ("failed", "network")
    assert run.outward["created"] == len(there(shop)) == 10
    assert shop.run().outcome == "succeeded"
    assert len(there(shop)) == 25


NIGHT = 14 * 3600.0
"""From noon until two in the morning."""


def test_a_daily_limit_is_waited_for_with_the_place_kept_and_no_error(shop: Shop) -> None:
    with shop.store.write() as connection:
        connection.execute(update(INTEGRATION).values(config={"frequency": "hourly"}))
    for number in range(30):
        shop.platform.add(first=f"P{number}", email=f"p{number}@x.uk")
    read, used = (
        shop.platform.read,
        PerkstarError(ErrorKind.RATE_LIMITED, "The daily limit is used up.", retry_after_s=NIGHT),
    )

    async def limited(data, cursor, *, full=False):
        pages = 0
        async for page in read(data, cursor, full=full):
            if pages == 3:
                raise used
            pages += 1
            yield page

    shop.platform.read = limited
    run = shop.run()
    assert run.error["code"] == "rate_limited" and run.inward["created"] == 15
    row = shop.row(INTEGRATION, INTEGRATION.c.id == "int_1")
    assert (row.status, row.status_code, row.failures) == ("active", "rate_limited", 0)
    assert row.status_reason == "Waits for quota until 02:00."
    assert timedelta(hours=13) < row.next_run_at - shop.clock.at <= timedelta(hours=14)
    assert not any(link.state == "held" for link in shop.rows(LINK))
    (cursor,) = [one.value for one in shop.rows(CURSOR) if one.leg == "in"]
    shop.platform.read = read
    shop.clock.at += timedelta(hours=14)
    run = shop.run()
    # It goes on behind what it has: nothing is read twice.
    assert (run.outcome, run.inward["read"], run.inward["created"]) == ("succeeded", 15, 15)
    assert cursor["tick"] == 15
    row = shop.row(INTEGRATION, INTEGRATION.c.id == "int_1")
    assert (row.status, row.status_code, row.status_reason) == ("active", None, "")


def test_a_run_is_no_success_while_a_leg_of_it_is_forbidden(shop: Shop) -> None:
    shop.customer(first_name="Ann", email="ann@x.uk")

    async def forbidden(data, changes):
        raise PerkstarError(ErrorKind.PERMISSION_MISSING, "Memory lets nobody write.")

    shop.platform.send = forbidden
    run = shop.run()
    assert (run.outcome, run.error["code"]) == ("failed", "permission_missing")
    assert shop.row(INTEGRATION, INTEGRATION.c.id == "int_1").status == "error"
