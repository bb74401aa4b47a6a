"""The commands' contract: JSON shapes and exit codes, through the program's own door."""

import json

import pytest

from perkstar_tui.cli.app import execute
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
