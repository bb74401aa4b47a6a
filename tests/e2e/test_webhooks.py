"""Endpoints of one's own: told by signed deliveries until they take them, and a way in for JSON of any form."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from endpoint import Listening, Told, endpoint
from eventually import eventually
from program import PERKSTAR, Program
from shop import Shop, sandbox
from standardwebhooks import Webhook

from perkstar_tui.model.clock import SystemClock

PEOPLE = [{"first_name": "Ann", "email": "ann@shop.uk"}, {"first_name": "Bob", "email": "bob@shop.uk"}]


@pytest.fixture
def listening() -> Iterator[Listening]:
    with endpoint() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Program:
    """A home with an account of its own, without the cloud."""
    made = Program(tmp_path / "home", inside=True)
    made.well("login", "--local", "Corner shop")
    return made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the program's time on."""
    ahead = timedelta()

    def move(**by: float) -> None:
        nonlocal ahead
        ahead += timedelta(**by)

    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + ahead)
    return move


def bring(home: Program, *people: dict[str, str]) -> None:
    home.well("customers", "import", "-", stdin=orjson.dumps(people).decode())


def many(count: int) -> list[dict[str, str]]:
    return [{"first_name": f"No{n}", "email": f"no{n}@shop.uk"} for n in range(count)]


def create(home: Program, url: str, *more: str) -> dict[str, Any]:
    return dict(home.well("webhooks", "create", url, *more))


def sync(home: Program) -> dict[str, Any]:
    _, answer = home.run("sync", "webhook", "--wait")
    assert "outcome" in answer, answer
    return dict(answer)


def deliveries(home: Program, state: str = "") -> list[dict[str, Any]]:
    only = ("--state", state) if state else ()
    return list(home.well("webhooks", "deliveries", "webhook", "--limit", "1000", *only)["items"])


# -- out -------------------------------------------------------------------------------------------------------


def test_what_happens_is_told_once_and_the_specifications_library_accepts_it(
    home: Program, listening: Listening
) -> None:
    made = create(home, listening.url)
    bring(home, *PEOPLE)
    first = sync(home)
    assert first["outcome"] == "succeeded" and first["outward"]["created"] == 2
    assert [said["type"] for said in listening.checked(made["secret"])][1:] == ["customer.created"] * 2
    assert {one.said["data"]["email"] for one in listening.told()} == {"ann@shop.uk", "bob@shop.uk"}
    assert sync(home)["outward"]["read"] == 0 and len(listening.told()) == 2
    bring(home, {"email": "ann@shop.uk", "first_name": "Anna"})
    assert sync(home)["outward"]["updated"] == 1
    changed = listening.told()[-1].said
    assert changed["type"] == "customer.updated" and changed["data"]["first_name"] == "Anna"
    assert changed["data"]["version"] == 2
    assert len({one.id for one in listening.came}) == len(listening.came)


def test_what_was_there_before_is_told_only_where_that_is_wanted(home: Program, listening: Listening) -> None:
    bring(home, *PEOPLE)
    create(home, listening.url)
    assert home.well("preview", "webhook")["outward"]["create_total"] == 0
    assert sync(home)["outward"]["created"] == 0 and not listening.told()
    # Who was known before has not been made since.
    bring(home, {"email": "bob@shop.uk", "first_name": "Robert"}, {"email": "cid@shop.uk"})
    sync(home)
    assert sorted(one.type for one in listening.told()) == ["customer.created", "customer.updated"]


def test_everything_is_told_where_history_is_wanted_as_the_preview_says(
    home: Program, listening: Listening
) -> None:
    bring(home, *many(200))
    create(home, listening.url)
    home.well("edit", "webhook", "--set", "history=yes")
    assert home.well("preview", "webhook")["outward"]["create_total"] == 200
    assert not listening.told()
    assert sync(home)["outward"]["created"] == 200
    assert len({one.said["data"]["email"] for one in listening.told()}) == 200


def test_names_stay_here_where_the_admin_says_so(home: Program, listening: Listening) -> None:
    create(home, listening.url)
    home.well("edit", "webhook", "--set", "personal=no")
    bring(home, {"first_name": "Ann", "last_name": "Smith", "email": "ann@shop.uk", "phone": "+447700900001"})
    sync(home)
    (told,) = listening.told()
    assert told.said["data"]["id"]
    assert not any(word in told.body for word in (b"Ann", b"Smith", b"shop.uk", b"7700900001"))


def test_a_failed_delivery_comes_again_under_its_id_and_is_given_up_in_the_end(
    home: Program, listening: Listening, later: Any
) -> None:
    create(home, listening.url)
    bring(home, PEOPLE[0])
    listening.say(500)
    attempts = 0
    for _ in range(40):
        sync(home)
        attempts = deliveries(home)[0]["attempts"]
        if deliveries(home)[0]["state"] == "dead":
            break
        due = datetime.fromisoformat(deliveries(home)[0]["next_attempt"])
        later(seconds=(due - SystemClock().now()).total_seconds() + 1)
    (given_up,) = deliveries(home, "dead")
    assert attempts == len(listening.told()) == 10 and given_up["answer"] == "thanks"
    assert {one.id for one in listening.told()} == {given_up["id"]}
    (line,) = [line for line in home.well("logs")["items"] if "given up" in line["message"]]
    assert "redeliver" in line["remedy"]
    listening.say(200)
    sync(home)
    assert len(listening.told()) == 10
    assert home.well("webhooks", "redeliver", "webhook", "--dead") == {"redelivered": 1}
    assert sync(home)["outward"]["created"] == 1
    assert listening.told()[-1].id == given_up["id"] and not deliveries(home, "dead")


def test_attempts_lie_ever_further_apart_within_three_days(
    home: Program, listening: Listening, later: Any
) -> None:
    create(home, listening.url)
    bring(home, PEOPLE[0])
    listening.say(503)
    waits = []
    for _ in range(9):
        sync(home)
        due = datetime.fromisoformat(deliveries(home)[0]["next_attempt"])
        waits.append((due - SystemClock().now()).total_seconds())
        # The schedule itself brings it up, not only a run by hand.
        assert home.well("show", "webhook")["next_sync"] <= deliveries(home)[0]["next_attempt"]
        later(seconds=waits[-1] + 1)
    assert waits == sorted(waits) and waits[0] < 6 and 3 * 86400 < sum(waits) < 4 * 86400


def test_an_endpoint_that_is_down_is_not_told_everything_that_waits(
    home: Program, listening: Listening
) -> None:
    create(home, listening.url)
    bring(home, *many(100))
    listening.say(503)
    run = sync(home)
    assert run["outcome"] == "failed" and run["error"]["code"] == "service_unavailable"
    assert len(listening.told()) == 8 and len(deliveries(home, "pending")) == 100
    sync(home)
    assert len(listening.told()) == 8


def test_one_that_is_refused_keeps_no_other_back(home: Program, listening: Listening) -> None:
    create(home, listening.url)
    bring(home, *many(30))

    def choosy(told: Told) -> tuple[int, dict[str, str]]:
        return (422 if told.said.get("data", {}).get("first_name") == "No7" else 200), {}

    listening.answer = choosy
    run = sync(home)
    assert (run["outcome"], run["outward"]["created"], run["outward"]["failed"]) == ("partly", 29, 1)
    (waits,) = deliveries(home, "pending")
    assert waits["status"] == 422 and "refused" in waits["problem"]


def test_an_endpoint_that_asks_for_time_gets_it(home: Program, listening: Listening, later: Any) -> None:
    create(home, listening.url)
    bring(home, PEOPLE[0])
    listening.say(429, retry_after="600")
    sync(home)
    due = datetime.fromisoformat(deliveries(home)[0]["next_attempt"])
    assert 590 < (due - SystemClock().now()).total_seconds() < 610
    view = home.well("show", "webhook")
    assert view["status"] == "active" and "Waits" in view["status_reason"]


def test_an_endpoint_that_is_gone_for_good_is_asked_for_and_may_have_moved(
    home: Program, listening: Listening
) -> None:
    made = create(home, listening.url)
    bring(home, PEOPLE[0])
    listening.say(410)
    sync(home)
    assert home.well("show", "webhook")["status"] == "reconnect_required"
    with endpoint() as moved:
        home.well("reconnect", "webhook", "--credentials-stdin", stdin={"url": moved.url})
        assert home.well("webhooks", "secret", "webhook") == {"secret": made["secret"]}
        waits = deliveries(home, "pending")
        home.well("webhooks", "redeliver", "webhook", waits[0]["id"])
        assert sync(home)["outward"]["created"] == 1
        assert [one.id for one in moved.told()] == [waits[0]["id"]]
        moved.checked(made["secret"])


def test_a_run_that_is_killed_in_the_middle_of_it_loses_nothing_and_tells_nothing_new(
    home: Program, listening: Listening
) -> None:
    create(home, listening.url)
    bring(home, *many(40))

    over = threading.Event()

    def stuck(told: Told) -> tuple[int, dict[str, str]]:
        if len(listening.told()) > 16:
            over.wait(60)
        return 200, {}

    listening.answer = stuck
    process = subprocess.Popen(
        [*PERKSTAR, "sync", "webhook", "--wait"],
        env=home.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: len(listening.told()) > 16)
    process.send_signal(signal.SIGKILL)
    process.wait()
    over.set()
    before = {one.id for one in listening.told()}
    listening.say(200)
    assert sync(home)["outcome"] == "succeeded"
    ids = {one.id for one in listening.told()}
    assert before < ids and len(ids) == 40
    assert len({one.said["data"]["email"] for one in listening.told()}) == 40
    assert len(deliveries(home, "delivered")) == 40


def test_a_worker_tells_of_a_change_at_once(home: Program, listening: Listening) -> None:
    create(home, listening.url)
    sync(home)
    process = subprocess.Popen(
        [*PERKSTAR, "worker"], env=home.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        bring(home, PEOPLE[0])
        eventually(lambda: [one.type for one in listening.told()] == ["customer.created"], 30)
    finally:
        process.terminate()
        process.wait()


# -- the commands ----------------------------------------------------------------------------------------------


def test_an_endpoint_is_tried_before_it_is_kept(home: Program, listening: Listening) -> None:
    listening.say(404)
    code, answer = home.run("webhooks", "create", listening.url)
    assert code == 2 and "no endpoint at this address" in answer["error"]["message"]
    assert home.well("webhooks")["total"] == 0
    listening.say(200)
    made = create(home, listening.url, "--name", "Warehouse")
    (listed,) = home.well("webhooks")["items"]
    assert (listed["name"], listed["url"], listed["status"]) == ("Warehouse", listening.url, "active")
    assert "secret" not in listed and made["secret"].startswith("whsec_")
    assert home.well("webhooks", "test", "Warehouse")["ok"]
    listening.say(401)
    code, found = home.run("webhooks", "test", "Warehouse")
    assert code == 1 and "signature" in found["steps"][-1]["message"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/hook", "without encryption"),
        ("ftp://example.com/hook", "no address that can be told"),
        ("https://user:word@example.com/hook", "An address with a user"),
        ("example.com", "no address that can be told"),
    ],
)
def test_an_address_that_may_not_be_told_is_refused_with_the_reason(
    home: Program, url: str, words: str
) -> None:
    code, answer = home.run("webhooks", "create", url)
    assert code == 2 and words in answer["error"]["message"] and answer["error"]["remedy"]
    assert home.well("webhooks")["total"] == 0


def test_a_secret_that_signs_nothing_is_refused(home: Program, listening: Listening) -> None:
    code, answer = home.run("webhooks", "create", listening.url, "--secret-stdin", stdin="hunter2\n")
    assert code == 2 and "secret" in answer["error"]["message"] and "hunter2" not in str(answer)
    assert not listening.came


def test_an_endpoint_moves_and_its_secret_is_replaced_while_both_are_good(
    home: Program, listening: Listening
) -> None:
    old = create(home, listening.url)["secret"]
    with endpoint() as moved:
        home.well("webhooks", "move", "webhook", moved.url)
        new = home.well("webhooks", "rotate", "webhook")["secret"]
        moved.came.clear()
        bring(home, PEOPLE[0])
        sync(home)
        assert new != old and moved.checked(old) == moved.checked(new) != []
        assert home.well("webhooks", "rotate", "webhook", "--done") == {"secret": new}
        assert home.well("webhooks", "secret", "webhook") == {"secret": new}
        assert home.run("webhooks", "rotate", "webhook", "--done")[0] == 2
        assert home.well("webhooks", "show", "webhook")["items"][0]["url"] == moved.url


def test_a_delivery_is_shown_and_told_again_by_its_id_alone(home: Program, listening: Listening) -> None:
    create(home, listening.url)
    bring(home, PEOPLE[0])
    sync(home)
    (told,) = deliveries(home)
    assert home.well("webhooks", "show", told["id"])["body"]["type"] == "customer.created"
    assert home.well("webhooks", "redeliver", told["id"]) == {"redelivered": 1}
    sync(home)
    assert [one.id for one in listening.told()] == [told["id"]] * 2


def test_two_secrets_are_both_good_while_one_takes_the_others_place(
    home: Program, listening: Listening
) -> None:
    old = create(home, listening.url)["secret"]
    new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    home.well("reconnect", "webhook", "--credentials-stdin", stdin={"secret": f"{old} {new}"})
    listening.came.clear()
    bring(home, PEOPLE[0])
    sync(home)
    assert listening.checked(old) == listening.checked(new) != []


def test_what_waits_for_an_endpoint_that_is_deleted_is_given_up_and_stays_readable(
    home: Program, listening: Listening
) -> None:
    create(home, listening.url)
    bring(home, PEOPLE[0])
    listening.say(500)
    sync(home)
    (waits,) = deliveries(home)
    code, answer = home.run("webhooks", "delete", "webhook")
    assert code == 2 and "--yes" in answer["error"]["remedy"]
    assert home.well("webhooks", "delete", "webhook", "--yes")["status"] == "disconnected"
    assert home.well("webhooks")["total"] == 0
    assert home.well("webhooks", "show", waits["id"])["state"] == "dead"


def test_acts_on_what_is_no_endpoint_are_refused_with_the_reason(home: Program) -> None:
    for arguments in (("secret", "nobody"), ("show", "msg_none"), ("deliveries", "nobody"), ("fetch",)):
        code, answer = home.run("webhooks", *arguments)
        assert code == 2 and answer["error"]["remedy"], arguments


# -- in --------------------------------------------------------------------------------------------------------


class WayIn:
    """Somebody who posts JSON to the address of a webhook."""

    def __init__(self, home: Program, address: str, secret: str) -> None:
        self.home = home
        self.address = address
        self.secret = secret
        self.answer = ""
        """What was said to the last post."""

    def post(self, body: Any, id_: str = "", secret: str = "", at: datetime | None = None) -> int:
        """Post it signed by the specification's own library; answers the status."""
        text = body.decode() if isinstance(body, bytes) else orjson.dumps(body).decode()
        when = at or datetime.now(UTC)
        id_ = id_ or f"msg_{time.time_ns()}"
        signature = Webhook(secret or self.secret).sign(msg_id=id_, timestamp=when, data=text)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(when.timestamp())),
            "webhook-signature": signature,
        }
        with httpx.Client(trust_env=False) as client:
            answer = client.post(self.address, content=text, headers=headers)
        self.answer = answer.text
        return answer.status_code

    def bare(self, body: Any) -> int:
        """Post it without a signature."""
        with httpx.Client(trust_env=False) as client:
            return client.post(self.address, json=body).status_code

    def names(self) -> list[str]:
        items = self.home.well("customers", "list", "--limit", "1000")["items"]
        return sorted(item["fields"].get("first_name", "") for item in items)


@pytest.fixture(scope="module")
def way_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    """A webhook that only takes, and the worker that listens for it."""
    home = Program(Path(tmp_path_factory.mktemp("in")) / "home", inside=True)
    home.well("login", "--local", "Corner shop")
    made = create(home, "-")
    assert made["direction"] == "to-perkstar"
    process = subprocess.Popen(
        [*PERKSTAR, "worker"], env=home.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = eventually(lambda: home.well("webhooks")["items"][0]["address"])
        yield WayIn(home, address, made["secret"])
    finally:
        process.terminate()
        process.wait()


def customer(id_: str, **fields: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"type": "customer.updated", "timestamp": now, "data": {"id": id_, **fields}}


def test_customers_come_in_and_change(way_in: WayIn) -> None:
    assert way_in.post(customer("c1", first_name="Zoe", email="zoe@shop.uk")) == 200
    eventually(lambda: "Zoe" in way_in.names())
    assert way_in.post(customer("c1", first_name="Zoey", email="zoe@shop.uk")) == 200
    eventually(lambda: "Zoey" in way_in.names() and "Zoe" not in way_in.names())


def test_what_is_forged_unsigned_or_too_old_is_refused(way_in: WayIn) -> None:
    forged = customer("f1", first_name="Forged", email="forged@shop.uk")
    assert way_in.post(forged, secret="whsec_" + "A" * 32) == 401
    assert way_in.bare(forged) == 401
    assert way_in.post(forged, at=datetime.now(UTC) - timedelta(hours=1)) == 401
    assert way_in.post(customer("s1", first_name="Signed", email="signed@shop.uk")) == 200
    eventually(lambda: "Signed" in way_in.names())
    assert "Forged" not in way_in.names()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "customer.updated", "data": {"email": "no-id@shop.uk"}}, "no id at 'id'"),
        ({"type": "customer.updated", "customer": {"id": "1"}}, "no record at 'data'"),
        (
            {"type": "sale.created", "data": {"id": "x", "at": "2026-11-24T12:00:00Z", "amount": "12,50"}},
            "'12,50' at",
        ),
        (
            {"type": "sale.created", "data": {"id": "x", "at": "2026-11-24T12:00:00Z", "total": 5}},
            "no amount at",
        ),
        ({"type": "sale.created", "data": {"id": "x", "at": "yesterday", "amount": 5}}, "no moment at 'at'"),
        (
            {"type": "refund.created", "data": {"id": "x", "at": "2026-11-24T12:00:00Z", "amount": 5}},
            "no sale at",
        ),
        (b"not what was agreed", "cannot be read"),
        ([1, 2], "no record at 'data'"),
    ],
)
def test_what_can_not_be_used_is_refused_with_the_reason_which_stands_in_the_log(
    way_in: WayIn, body: Any, words: str
) -> None:
    before = way_in.home.well("transactions")["total"]
    assert way_in.post(body) == 400 and words in way_in.answer
    assert any(words in line["message"] for line in way_in.home.well("logs")["items"])
    assert way_in.home.well("transactions")["total"] == before


def test_an_older_telling_that_comes_late_or_twice_changes_nothing(way_in: WayIn) -> None:
    new, old = (
        customer("o1", first_name="Newer", email="o@shop.uk"),
        customer("o1", first_name="Older", email="o@shop.uk"),
    )
    old["timestamp"] = "2020-01-01T00:00:00Z"
    assert way_in.post(new, id_="msg_same") == 200
    eventually(lambda: "Newer" in way_in.names())
    assert [way_in.post(old), way_in.post(new, id_="msg_same")] == [200, 200]
    assert way_in.post(customer("o2", first_name="Last", email="last@shop.uk")) == 200
    eventually(lambda: "Last" in way_in.names())
    assert way_in.names().count("Newer") == 1 and "Older" not in way_in.names()


def test_sales_and_refunds_come_in_once_with_their_amounts(way_in: WayIn) -> None:
    way_in.post(customer("b1", first_name="Buyer", email="buyer@shop.uk"))
    eventually(lambda: "Buyer" in way_in.names())
    now = datetime.now(UTC).isoformat()
    sale = {"id": "s1", "at": now, "amount": 12.5, "currency": "EUR", "customer": "b1"}
    back = {"id": "r1", "sale": "s1", "at": now, "amount": 2.5, "currency": "EUR"}
    for _ in range(2):
        assert way_in.post({"type": "sale.created", "timestamp": now, "data": sale}) == 200
    assert way_in.post({"type": "refund.created", "timestamp": now, "data": back}) == 200

    def ledger() -> list[tuple[str, str, int, str]]:
        items = way_in.home.well("transactions")["items"]
        return sorted((i["kind"], i["remote_id"], abs(i["total_minor"]), i["currency"]) for i in items)

    eventually(lambda: len(ledger()) == 2)
    assert ledger() == [("refund", "r1", 250, "EUR"), ("sale", "s1", 1250, "EUR")]


def test_json_of_another_form_is_mapped_by_its_paths(way_in: WayIn) -> None:
    home = way_in.home
    paths = {
        "events_at": "batch.items",
        "record_at": ".",
        "id_at": "key",
        "type_at": "what",
        "signature": "no",
    }
    before = home.well("show", "webhook")["options"]
    home.well(
        "edit", "webhook", *(word for name, value in paths.items() for word in ("--set", f"{name}={value}"))
    )
    for field, path in (("email", "contact.mail"), ("first_name", "contact.given")):
        home.well("mapping", "webhook", "set", path, "--instead-of", field)
    people = [
        {"what": "person", "key": f"k{n}", "contact": {"mail": f"k{n}@shop.uk", "given": f"Key{n}"}}
        for n in (1, 2)
    ]
    assert way_in.bare({"batch": {"items": people}}) == 200
    eventually(lambda: {"Key1", "Key2"} <= set(way_in.names()))
    assert before.get("signature", "yes") == "yes"


def test_the_address_is_the_same_after_a_restart_even_if_something_was_refused_before(tmp_path: Path) -> None:
    home = Program(tmp_path / "home", inside=True)
    home.well("login", "--local", "Corner shop")
    secret = create(home, "-")["secret"]
    found = []
    for number in range(2):
        process = subprocess.Popen(
            [*PERKSTAR, "worker"], env=home.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            found.append(eventually(lambda: home.well("webhooks")["items"][0]["address"]))
            way_in = WayIn(home, found[-1], secret)
            # It may be that the second worker does not listen yet.
            eventually(partial(_reached, way_in, number))
            assert way_in.bare(customer("x", email="x@shop.uk")) == 401
        finally:
            process.terminate()
            process.wait()
    assert found[0] == found[1]


def _reached(way_in: WayIn, number: int) -> bool:
    try:
        return way_in.post(customer(f"r{number}", first_name=f"R{number}", email=f"r{number}@shop.uk")) == 200
    except httpx.TransportError:
        return False


def test_without_an_address_nothing_can_be_told_and_that_is_said(home: Program) -> None:
    code, answer = home.run("webhooks", "create", "-", "--direction", "both")
    assert code == 2 and "to-perkstar" in answer["error"]["remedy"]


def test_who_was_in_the_cloud_before_is_no_news(tmp_path: Path, listening: Listening) -> None:
    with sandbox("--no-limits", "--only", "square", customers=10) as box:
        shop = Shop(box, tmp_path / "home", inside=True)
        create(shop.program, listening.url)
        assert sync(shop.program)["outward"]["created"] == 0 and not listening.told()
        fresh = box.ask("/perkstar/records/customers:generate", {"count": 1})["ids"]
        assert sync(shop.program)["outward"]["created"] == len(fresh) == 1
        assert [one.type for one in listening.told()] == ["customer.created"]
