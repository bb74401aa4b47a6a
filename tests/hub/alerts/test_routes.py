"""Routes are checked before they are kept, and their secrets lie in the vault."""

from pathlib import Path

import pytest

from perkstar_tui.hub.reading import CREDENTIAL
from perkstar_tui.model.errors import PerkstarError

MAIL = {"to": "sam@shop.example,kim@shop.example", "from": "alerts@shop.example", "host": "smtp.shop.example"}


def test_a_route_of_mail_has_good_defaults(watched):
    made = watched.desk.add("Mail", None, MAIL)
    values = {one.name: one.value for one in made.settings}
    assert (made.name, made.kind, made.level, made.kinds, made.quiet) == ("mail", "email", "warning", (), "")
    assert (values["security"], values["every_minutes"], values["resolved"], values["remind_hours"]) == (
        "starttls", "15", "yes", "24",
    )  # fmt: skip


BAD = (
    ("to", {"to": "sam"}),
    ("to", {"to": ""}),
    ("to", {"to": "sam@shop.example,\r\nBcc: eve@x.example"}),
    ("from", {"from": ""}),
    ("host", {"host": "smtp shop"}),
    ("port", {"port": "70000"}),
    ("security", {"security": "maybe"}),
    ("level", {"level": "loud"}),
    ("kinds", {"kinds": "error,nonsense"}),
    ("quiet", {"quiet": "22-7"}),
    ("every_minutes", {"every_minutes": "-1"}),
    ("password", {"user": "sam"}),
    ("password", {"password": "in the open"}),
    ("subject", {"subject": "x"}),
)


def test_a_bad_setting_is_refused_by_its_name_and_nothing_is_kept(watched):
    for field, given in BAD:
        with pytest.raises(PerkstarError) as caught:
            watched.desk.add("mail", "email", {**MAIL, **given})
        assert (given, caught.value.field) == (given, field) and caught.value.remedy
    assert [one.name for one in watched.desk.routes()] == ["app", "terminal"]


def test_a_password_never_goes_out_in_the_open(watched):
    exposed = {**MAIL, "user": "sam", "security": "none"}
    with pytest.raises(PerkstarError) as caught:
        watched.desk.add("mail", None, exposed, "open sesame")
    assert caught.value.field == "security"
    assert watched.desk.add("mail", None, {**exposed, "host": "127.0.0.1"}, "open sesame").name == "mail"


def test_a_password_lies_only_in_the_vault(watched, tmp_path: Path):
    watched.desk.add("mail", None, {**MAIL, "user": "sam"}, "open sesame")
    assert {one.name: one.value for one in watched.desk.route("mail").settings}["password"] == "••••••••"
    watched.desk.edit("mail", {"level": "critical"})
    watched.hub.bench.store.engine.dispose()
    assert not any(b"open sesame" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    with watched.hub.bench.store.read() as connection:
        assert [row.owner_id for row in connection.execute(CREDENTIAL.select())] == ["route:mail"]
    watched.desk.remove("mail")
    with watched.hub.bench.store.read() as connection:
        assert connection.execute(CREDENTIAL.select()).all() == []


def test_a_webhook_is_given_a_secret_and_goes_only_where_it_is_encrypted(watched):
    watched.desk.add("ops", None, {"url": "https://ops.example/hooks"})
    assert watched.desk.secret("ops").startswith("whsec_")
    for bad in ("http://ops.example/hooks", "ftp://x", "https://sam:pw@ops.example/"):
        with pytest.raises(PerkstarError) as caught:
            watched.desk.add("more", None, {"url": bad})
        assert caught.value.field == "url" and "pw" not in caught.value.message
    with pytest.raises(PerkstarError):
        watched.desk.add("more", None, {"url": "https://ops.example"}, "short")


def test_the_app_and_the_terminal_are_always_there(watched):
    for name in ("app", "terminal"):
        with pytest.raises(PerkstarError):
            watched.desk.remove(name)
    with pytest.raises(PerkstarError):
        watched.desk.edit("app", {"quiet": "22:00-07:00"})
    assert watched.desk.edit("app", {"level": "critical"}).level == "critical"
    for name in ("mail", ""):
        with pytest.raises(PerkstarError):
            watched.desk.edit(name, {"level": "critical"})
