"""Mail by SMTP, against a real server on loopback."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postbox import made_up_certificate, postbox

from perkstar_tui.hub.alerts.mail import Server, message, parse_address, send
from perkstar_tui.model.errors import PerkstarError

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
FROM, TO = "alerts@shop.example", ["sam@shop.example", "kim@shop.example"]


def mail(title: str = "A title", body: str = "Text.\n", to: list[str] = TO):
    return message("msg_1", FROM, to, title, body, AT, ["alt_1"])


def test_a_mail_arrives_whole_with_an_id_that_stays() -> None:
    with postbox() as box:
        for _ in range(2):
            told = send(
                Server(box.host, box.port, "none"), mail("Kaffee & Tee – früh", "Grüße, 5 €\n"), FROM, TO
            )
            assert told.ok and not told.words
    first, second = box.mails
    assert (
        first["subject"] == "Kaffee & Tee – früh"
        and first.get_content().replace("\r\n", "\n") == "Grüße, 5 €\n"
    )
    assert first["from"] == "Perkstar <alerts@shop.example>" and first["to"] == ", ".join(TO)
    assert first["message-id"] == second["message-id"] == "<msg_1@shop.example>"
    assert first["references"] == "<alt_1@shop.example>" and first["auto-submitted"] == "auto-generated"
    assert first["date"].datetime == AT and first.get_content_type() == "text/plain"


def test_a_password_goes_only_through_starttls_and_a_certificate_is_believed_only_by_being_named(
    tmp_path: Path,
) -> None:
    certificate = made_up_certificate(tmp_path)
    with postbox(password="open sesame", certificate=certificate) as box:
        unknown = send(Server("localhost", box.port, "starttls", "sam", "open sesame"), mail(), FROM, TO)
        assert not unknown.ok and "certificate" in unknown.words and box.users == []
        known = Server("localhost", box.port, "starttls", "sam", "open sesame", str(certificate))
        assert send(known, mail(), FROM, TO).ok and box.tls == [True] and set(box.users) == {"sam"}
        wrong = send(
            Server("localhost", box.port, "starttls", "sam", "guess", str(certificate)), mail(), FROM, TO
        )
        assert not wrong.ok and wrong.final and "password" in wrong.words and "guess" not in wrong.words
    assert len(box.mails) == 1


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    certificate = made_up_certificate(tmp_path)
    with postbox(certificate=certificate, direct_tls=True) as box:
        assert send(Server("localhost", box.port, "tls", ca_file=str(certificate)), mail(), FROM, TO).ok
    assert box.tls == [True]


def test_without_starttls_nothing_is_sent_in_the_open() -> None:
    with postbox() as box:
        told = send(Server(box.host, box.port, "starttls"), mail(), FROM, TO)
    assert not told.ok and told.final and "STARTTLS" in told.words and box.mails == []


@pytest.mark.parametrize(("answer", "final"), [("550 no such box", True), ("450 busy", False)])
def test_a_refused_recipient_is_final_or_not_as_the_server_says(answer: str, final: bool) -> None:
    with postbox() as box:
        box.answers = dict.fromkeys(TO, answer)
        told = send(Server(box.host, box.port, "none"), mail(), FROM, TO)
    assert (told.ok, told.final) == (False, final) and answer[:3] in told.words and "box" not in told.words


def test_one_refused_recipient_does_not_keep_it_from_the_others() -> None:
    with postbox() as box:
        box.answers = {TO[0]: "550 no such box"}
        told = send(Server(box.host, box.port, "none"), mail(), FROM, TO)
    assert told.ok and told.words == "1 of 2 recipients was refused." and len(box.mails) == 1


@pytest.mark.parametrize(("say", "final"), [("554 spam", True), ("451 later", False)])
def test_a_refused_message(say: str, final: bool) -> None:
    with postbox() as box:
        box.say = say
        told = send(Server(box.host, box.port, "none"), mail(), FROM, TO)
    assert (told.ok, told.final) == (False, final) and say[:3] in told.words


def test_a_server_that_is_down_is_said_to_be_and_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = send(Server("127.0.0.1", port, "none"), mail(), FROM, TO)
    assert not told.ok and not told.final and f"127.0.0.1:{port}" in told.words


BAD = (
    "sam@shop.example\r\nBcc: eve@x.example", "sam", "@shop.example", "sam@", "a b@c.de",
    "sam@shop.example, eve@x.example", "<sam@shop.example>", "sam@shop", "", "sam@shop.example\x00",
    "a@b.c\u2028d",
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_nothing_smuggles_itself_in_by_an_address(bad: str) -> None:
    with pytest.raises(PerkstarError):
        parse_address(bad)


def test_nothing_smuggles_itself_in_by_a_name() -> None:
    evil = "The till\r\nBcc: eve@x.example\r\n\r\nBuy now"
    with postbox() as box:
        assert send(Server(box.host, box.port, "none"), mail(evil, ".\r\nMAIL FROM:<x@y.z>\n"), FROM, TO).ok
    (one,) = box.mails
    assert one["bcc"] is None and "Buy now" in one["subject"] and "MAIL FROM" in one.get_content()
