"""The commands' contract: JSON shapes and exit codes, through the program's own door."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from perkstar_tui.cli.app import app, execute
from perkstar_tui.model.errors import CATALOGUE
from perkstar_tui.platforms.catalog import PLANNED


@pytest.fixture
def perkstar(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PERKSTAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PERKSTAR_VAULT", "file")

    def run(*arguments):
        code = execute([*arguments, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


def test_a_local_account_has_a_plan_and_no_integrations(perkstar):
    assert perkstar("login", "--local", "Bean & Leaf")[0] == 0
    code, plan = perkstar("plan")
    assert code == 0
    assert plan["line"] == "Professional Plan: 0 of 10 integrations used"
    assert perkstar("integrations") == (0, {"items": [], "total": 0})


def test_an_unknown_integration_is_wrong_use_with_a_remedy(perkstar):
    perkstar("login", "--local", "Shop")
    code, answer = perkstar("show", "nobody")
    assert code == 2
    assert answer["error"]["code"] == "not_found"
    assert answer["error"]["remedy"]


def test_wrong_options_are_wrong_use(perkstar):
    code, answer = perkstar("runs", "--limit", "many")
    assert code == 2
    assert answer["error"]["code"] == "usage"


def test_read_only_refuses_to_change_anything(perkstar):
    perkstar("login", "--local", "Shop")
    code, answer = perkstar("--read-only", "plan", "set", "business")
    assert (code, answer["error"]["code"]) == (3, "not_allowed")


def test_doctor_says_where_the_vault_key_lies(perkstar):
    perkstar("login", "--local", "Shop")
    _, answer = perkstar("doctor")
    vault = next(check for check in answer["checks"] if check["name"] == "vault")
    assert vault["ok"] and "vault.key" in vault["message"]


def test_the_catalog_lists_all_24_platforms_and_the_custom_kinds(perkstar):
    code, answer = perkstar("catalog")
    kinds = [item["kind"] for item in answer["items"]]
    assert code == 0 and [item["name"] for item in answer["items"]] == [one.name for one in PLANNED]
    assert kinds.count("prebuilt") >= 24 and kinds[-2:] == ["api", "webhook"]


def test_a_damaged_store_is_what_a_check_answers_and_what_everything_else_fails_with(perkstar, tmp_path):
    perkstar("login", "--local", "Shop")
    for file in (tmp_path / "home").glob("perkstar.db*"):
        file.write_bytes(b"this was a list of customers once" * 200)
    code, answer = perkstar("db", "check")
    (found,) = answer["checks"]
    assert code == 1 and not answer["ok"] and found["name"] == "file" and "damaged" in found["message"]
    for command in (("db", "repair"), ("queue",)):
        code, failed = perkstar(*command)
        assert (code, failed["error"]["code"]) == (70, "store_damaged")
        assert failed["error"]["remedy"] == found["remedy"] and "copy of perkstar.db" in found["remedy"]
    assert named(found["remedy"]) <= COMMANDS


def named(words):
    """The commands that a text names."""
    return set(re.findall(r"`perkstar ([a-z]+)", words))


COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands}


def test_no_remedy_of_the_catalogue_names_a_command_that_there_is_not():
    for kind, facts in CATALOGUE.items():
        assert named(facts.remedy) <= COMMANDS, kind


def test_a_repair_that_leaves_something_says_what_and_is_not_well(perkstar, tmp_path):
    perkstar("login", "--local", "Shop")
    with closing(sqlite3.connect(tmp_path / "home" / "perkstar.db")) as store:
        store.execute(
            "INSERT INTO card (id, revision, customer_id, template_id, kind, balance, status, created_at, updated_at)"
            " VALUES ('crd_1', 1, 'cus_nobody', 'tpl_1', 'reward', 0, '', 0, 0)"
        )
        store.commit()
    code, answer = perkstar("db", "repair")
    sick = [check["message"] for check in answer["checks"] if not check["ok"]]
    assert code == 1 and not answer["ok"] and sick == ["1 card has no customer."]


@pytest.mark.parametrize(
    "command", [("alerts",), ("queue",), ("integrations",), ("db", "check"), ("--read-only", "catalog")]
)
def test_a_home_that_is_not_there_is_named_and_not_made(perkstar, tmp_path, command):
    code, answer = perkstar(*command, "--home", str(tmp_path / "typo"))
    assert code == 2 and answer["error"]["code"] == "not_found" and "typo" in answer["error"]["message"]
    assert not (tmp_path / "typo").exists()
    assert perkstar("doctor", "--home", str(tmp_path / "new"))[0] in (0, 1) and (tmp_path / "new").exists()
