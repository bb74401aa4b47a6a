"""From what is so to what is told: once, folded, at the right hour, by one process."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from door import Door
from postbox import postbox
from sqlalchemy import insert, select
from standardwebhooks import Webhook

from perkstar_tui.hub.alerts import alerter, sending
from perkstar_tui.hub.alerts.alerter import LEASE, Alerter
from perkstar_tui.hub.alerts.conditions import KINDS, Condition, register
from perkstar_tui.hub.alerts.facts import SENDING
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.store import leases
from perkstar_tui.store.database import LeaseLostError
from perkstar_tui.sync.context import LINK


def mail_to(box: Any, **more: str) -> dict[str, str]:
    return {
        "to": "sam@shop.example", "from": "alerts@shop.example", "host": box.host, "port": str(box.port),
        "security": "none", "every_minutes": "0", **more,
    }  # fmt: skip


async def test_a_failing_integration_is_one_mail_and_one_when_it_is_over(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        for failures in range(3, 9):
            watched.fail(failures=failures)
            await watched.turn(minutes=10)
        assert len(box.mails) == 1
        (alert,) = watched.desk.page().items
        assert (alert.kind, alert.count, alert.state, alert.told) == ("error", 8, "open", ("mail",))
        watched.mend()
        for _ in range(3):
            await watched.turn(minutes=10)
    opened, over = box.mails
    assert opened["subject"] == "[Perkstar Bean & Leaf] The till: in error"
    assert over["subject"] == "[Perkstar Bean & Leaf] Over: The till: in error"
    assert opened["references"] == over["references"] and opened["message-id"] != over["message-id"]
    assert watched.desk.page().total == 0 and watched.desk.page(state="resolved").total == 1


async def test_a_mail_says_what_since_when_how_often_and_what_to_type_and_names_no_customer(watched):
    watched.zone("Europe/London")
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        watched.fail(failures=5)
        await watched.turn(minutes=2)
        await watched.turn(minutes=2)
    text = box.mails[0].get_content()
    (alert,) = watched.desk.page().items
    for part in ("The till is in error.", "Tue 24 Nov 2026, 12:00 (Europe/London)", "int_1", alert.id, "network",
                 "perkstar logs int_1", f"perkstar alerts ack {alert.id}", "5, the last"):  # fmt: skip
        assert part in text, part
    for raw in box.raw:
        assert b"Ann" not in raw and b"ann@example.com" not in raw
    assert max(map(len, text.splitlines())) < 79


async def test_what_breaks_together_is_told_together(watched):
    for number in range(2, 6):
        watched.add(f"int_{number}", f"Shop {number}")
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        for number in range(1, 6):
            watched.fail(f"int_{number}")
            await watched.turn(seconds=1)
        assert box.mails == []
        await watched.turn(seconds=10)
        await watched.turn(seconds=10)
    (mail,) = box.mails
    assert mail["subject"].endswith("5 alerts: 5 new") and mail.get_content().count("is in error") == 5


async def test_quiet_hours_hold_back_and_end_with_one_digest(watched):
    watched.zone("Europe/London")
    watched.add("int_2", "The shop")
    for id_ in ("int_1", "int_2"):
        watched.change(id_, config={"frequency": "manual"})
    watched.clock.at = datetime(2026, 3, 28, 23, tzinfo=UTC)
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box, quiet="22:00-07:00"))
        watched.fail()
        await watched.turn(minutes=10)
        watched.mend()
        watched.fail("int_2")
        await watched.turn(hours=3)
        await watched.turn(hours=3)
        assert box.mails == [] and watched.desk.page().total == 1
        # The clock went forward in this night: 07:00 is 06:00 UTC.
        watched.clock.at = datetime(2026, 3, 29, 5, 59, 50, tzinfo=UTC)
        await watched.turn()
        assert box.mails == []
        await watched.turn(seconds=11)
        await watched.turn(minutes=5)
    (mail,) = box.mails
    assert mail["subject"].endswith("2 alerts: 1 new, 1 over")
    assert "The shop is in error" in mail.get_content() and "Came and went: The till" in mail.get_content()


async def test_what_is_critical_breaks_through_quiet_hours_by_choice(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box, quiet="00:00-23:59", break_through="yes"))
        with watched.hub.bench.store.write() as connection:
            held = [{"integration_id": "int_1", "data": "customers", "remote_id": f"r{n}", "state": "held", "base": {}}
                    for n in range(30)]  # fmt: skip
            connection.execute(insert(LINK), held)
        await watched.turn(minutes=1)
        await watched.turn(minutes=1)
        assert box.mails == [] and [one.kind for one in watched.desk.page().items] == ["held"]
        watched.fail()
        await watched.turn(minutes=1)
        await watched.turn(minutes=1)
    (mail,) = box.mails
    assert mail["subject"].endswith("The till: in error")


async def test_an_alert_that_was_seen_says_nothing_more_until_it_is_over(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box, remind_hours="1"))
        watched.fail()
        await watched.turn(minutes=1)
        await watched.turn(minutes=1)
        await watched.turn(minutes=61)
        assert [mail["subject"].partition("] ")[2][:6] for mail in box.mails] == ["The ti", "Still:"]
        (alert,) = watched.desk.page().items
        assert watched.desk.ack(alert.id).state == "acked" and watched.desk.shown() == []
        for _ in range(5):
            watched.fail(failures=20)
            await watched.turn(hours=2)
        assert len(box.mails) == 2
        watched.mend()
        await watched.turn(minutes=1)
        assert len(box.mails) == 3
    with pytest.raises(PerkstarError):
        watched.desk.ack(alert.id)


async def test_one_that_flickers_is_one_alert_and_no_more_mails_than_the_route_may(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box, every_minutes="60"))
        for _ in range(12):
            watched.fail()
            await watched.turn(minutes=5)
            watched.mend()
            await watched.turn(minutes=5)
    assert watched.desk.page(state="all").total == 1
    assert len(box.mails) <= 2


async def test_a_route_tells_only_the_levels_and_kinds_it_wants(watched):
    watched.add("int_2", "The shop")
    watched.change("int_2", last_success=watched.clock.now() - timedelta(days=2))
    with postbox() as box:
        watched.desk.add("all", None, mail_to(box, to="all@shop.example"))
        watched.desk.add("grave", None, mail_to(box, to="grave@shop.example", level="critical"))
        watched.desk.add("late", None, mail_to(box, to="late@shop.example", kinds="stale,quota"))
        watched.fail()
        for _ in range(3):
            await watched.turn(minutes=20)
            watched.change("int_1", last_success=watched.clock.now())
    told = {
        mail["to"]: mail["subject"].partition("] ")[2] for mail in box.mails if "Over" not in mail["subject"]
    }
    assert told["grave@shop.example"] == "The till: in error"
    assert told["late@shop.example"] == "The shop: later than it should be"
    assert set(told) == {"all@shop.example", "grave@shop.example", "late@shop.example"}


async def test_a_mail_server_that_is_down_gets_it_later_under_the_same_id_and_then_it_is_given_up(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        watched.fail()
        box.say = "451 later"
        await watched.turn(seconds=1)
        assert await watched.turn(seconds=6) == 0
        assert await watched.turn(seconds=5) == 0
        box.say = "250 taken"
        # The first pause is ten seconds.
        assert await watched.turn(seconds=5) == 1
        assert len(box.mails) == 1
        (route,) = [one for one in watched.desk.routes() if one.name == "mail"]
        assert (route.sent, route.pending, route.problem, route.failures) == (1, 0, "", 0)
        box.say = "451 later"
        watched.mend()
        for _ in range(40):
            await watched.turn(hours=1)
            watched.change(last_success=watched.clock.now())
    (route,) = [one for one in watched.desk.routes() if one.name == "mail"]
    assert (route.sent, route.pending, route.dead) == (1, 0, 1)
    assert [one.kind for one in watched.desk.page().items] == ["route"]
    with watched.hub.bench.store.read() as connection:
        assert connection.execute(select(SENDING.c.attempts).where(SENDING.c.state == "dead")).scalar() == 8


async def test_what_was_given_up_is_told_anew_once_the_route_is_mended(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        box.say = "554 no"
        watched.fail()
        for _ in range(3):
            await watched.turn(minutes=1)
        assert watched.desk.route("mail").dead == 1
        box.say = "250 taken"
        watched.desk.edit("mail", {"to": "kim@shop.example"})
        await watched.turn(minutes=1)
        assert [mail["to"] for mail in box.mails] == ["kim@shop.example"] and watched.desk.route(
            "mail"
        ).dead == 0


async def test_a_crash_between_sending_and_keeping_repeats_it_under_the_same_id(watched, monkeypatch):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        watched.fail()
        await watched.turn(seconds=1)

        def crash(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(sending, "record", crash)
            with pytest.raises(KeyboardInterrupt):
                await watched.turn(seconds=6)
        assert len(box.mails) == 1
        await watched.turn(seconds=6)
        assert len(box.mails) == 1
        await watched.turn(seconds=6)
        await watched.turn(hours=1)
    assert [mail["message-id"] for mail in box.mails] == [box.mails[0]["message-id"]] * 2


async def test_who_has_lost_the_lease_neither_folds_nor_sends(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        store = watched.hub.bench.store
        old = Alerter(watched.hub.bench, leases.take(store, LEASE, watched.clock.now()))
        watched.fail()
        old.look()
        watched.clock.at += timedelta(minutes=1)
        old.write_down()
        assert leases.take(store, LEASE, watched.clock.now()) is not None
        with pytest.raises(LeaseLostError):
            await old.send()
        assert box.mails == []


async def test_eight_evaluators_at_once_tell_it_once(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        watched.fail()
        watched.alerter.look()
        watched.clock.at += timedelta(minutes=1)
        ending = asyncio.Event()
        tasks = [asyncio.create_task(Alerter(watched.hub.bench).serve(ending)) for _ in range(8)]
        for _ in range(400):
            if box.mails:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        ending.set()
        await asyncio.gather(*tasks)
    assert len(box.mails) == 1


async def test_a_webhook_is_signed_folds_by_its_id_and_names_no_customer(watched):
    door = Door()
    server = await asyncio.start_server(door.answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/alerts?token=abc"
        made = watched.desk.add("ops", None, {"url": url, "every_minutes": "0"})
        assert "abc" not in orjson.dumps(made.options).decode() + made.where
        statuses = iter([503, 200, 200])
        door.judge = lambda headers, body: next(statuses)
        watched.fail()
        await watched.turn(seconds=1)
        assert await watched.turn(seconds=6) == 0
        assert await watched.turn(seconds=11) == 1
        watched.mend()
        assert await watched.turn(seconds=11) == 1
        (first, body), (again, same), (_, over) = [door.got.get_nowait() for _ in range(3)]
    assert first["webhook-id"] == again["webhook-id"] and body == same
    told = orjson.loads(over)
    assert told["type"] == "alert.resolved" and orjson.loads(body)["type"] == "alert.opened"
    (alert,) = orjson.loads(body)["data"]["alerts"]
    assert (alert["integration_id"], alert["code"], alert["command"]) == (
        "int_1",
        "network",
        "perkstar logs int_1",
    )
    assert b"Ann" not in body + over and b"example.com" not in body + over
    # The signature is right; only the clock of this test stands in another year.
    signed = Webhook(watched.desk.secret("ops"))
    at = datetime.fromtimestamp(int(first["webhook-timestamp"]), UTC)
    assert signed.sign(first["webhook-id"], at, body.decode()) in first["webhook-signature"].split()


async def test_a_test_message_is_really_sent_and_what_came_of_it_is_said(watched):
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        assert (await asyncio.to_thread(watched.desk.test, "mail")).ok
        box.say = "554 no"
        failed = await asyncio.to_thread(watched.desk.test, "mail")
    assert len(box.mails) == 1 and "Test of the route mail" in box.mails[0]["subject"]
    assert not failed.ok and "554" in failed.steps[0].message and failed.steps[0].remedy
    with pytest.raises(PerkstarError):
        watched.desk.test("terminal")


def test_the_terminal_rings_for_what_is_critical_and_not_in_quiet_hours(watched):
    watched.fail()
    watched.alerter.look()
    assert [one.kind for one in watched.desk.rung()] == ["error"]
    watched.desk.edit("terminal", {"quiet": "11:00-13:00"})
    assert watched.desk.rung() == []
    watched.desk.edit("terminal", {"break_through": "yes", "bell": "no"})
    assert len(watched.desk.rung()) == 1 and watched.desk.ways() == (False, True)
    watched.desk.edit("terminal", {"enabled": "no"})
    assert watched.desk.rung() == [] and len(watched.desk.shown()) == 1


async def test_a_check_that_breaks_leaves_the_others_theirs_and_its_own_standing(watched):
    working = True

    def gather(bench: Any) -> list[str]:
        if not working:
            raise ValueError("Ann Lee")
        return ["cus_1"]

    @register("pairs", "Pairs", gather)
    def pairs(seen: Any) -> list[Condition]:
        now = datetime(2026, 11, 1, tzinfo=UTC)
        return [
            Condition("pairs", one, "Customers", "notice", "Two.", "Look.", now, now)
            for one in seen.more["pairs"]
        ]

    try:
        await watched.turn(seconds=1)
        assert [one.kind for one in watched.desk.page().items] == ["pairs"]
        working = False
        watched.fail()
        for _ in range(3):
            await watched.turn(minutes=1)
        assert {one.kind for one in watched.desk.page().items} == {"pairs", "error"}
    finally:
        del KINDS["pairs"]
    lines = [line.message for line in watched.hub.log().items]
    assert len(lines) == 1 and "pairs" in lines[0] and "ValueError at" in lines[0] and "Ann" not in lines[0]


async def test_the_evaluator_outlives_a_database_that_is_away_for_a_moment(watched, monkeypatch):
    monkeypatch.setattr(alerter, "REST_S", 0.01)
    look, broken = Alerter.look, [OSError("away"), OSError("away")]

    def looking(self: Alerter) -> int:
        if broken:
            raise broken.pop()
        return look(self)

    monkeypatch.setattr(Alerter, "look", looking)
    watched.fail()
    ending = asyncio.Event()
    task = asyncio.create_task(Alerter(watched.hub.bench).serve(ending))
    for _ in range(400):
        if watched.desk.page().total:
            break
        await asyncio.sleep(0.01)
    ending.set()
    await task
    assert watched.desk.page().total == 1 and not broken


@pytest.mark.long
async def test_it_is_the_same_on_postgresql(on_postgres):
    watched = on_postgres
    with postbox() as box:
        watched.desk.add("mail", None, mail_to(box))
        watched.fail()
        for _ in range(3):
            await watched.turn(minutes=10)
        (alert,) = watched.desk.page().items
        assert (alert.kind, alert.told, [one.sent for one in watched.desk.routes()]) == (
            "error",
            ("mail",),
            [0, 0, 1],
        )
        watched.desk.ack(alert.id)
        watched.desk.set_limits({"held": "5", "customer_limit": "10"})
        watched.mend()
        await watched.turn(minutes=10)
        assert [mail["subject"].partition("] ")[2][:5] for mail in box.mails] == ["The t", "Over:"]
        box.say = "554 no"
        watched.fail()
        await watched.turn(minutes=10)
        await watched.turn(minutes=10)
        box.say = "250 taken"
        watched.desk.edit("mail", {"level": "critical"})
        assert await watched.turn(minutes=1) == 1
    assert watched.hub.health("int_1").health.word == "Degraded"
    watched.desk.remove("mail")
    assert watched.desk.page(state="all", level="warning", kind="error", name_or_id="int_1").total == 1
