"""What the screen can do, commands can do too: no act is locked behind a key, and each answers in JSON."""

import ast
from pathlib import Path

import pytest
import typer

import perkstar_tui.cli
import perkstar_tui.hub.door
from perkstar_tui.cli.app import app, execute

CLI = Path(str(perkstar_tui.cli.__file__)).parent
DOOR = ast.parse(Path(str(perkstar_tui.hub.door.__file__)).read_text())

ANOTHER_WAY = {
    "account": "plan",
    "state": "integrations",
    "next_error": "logs",
    "queue_item": "queue",
    "mapping_choices": "mapping",
    "keep_plan": "preview",
    "drop_draft": "disconnect",
}
"""What only the screen asks for in this way, and the command that gives the same."""

OF_THE_SCREEN = {"recall", "remember"}
"""How the screen was left."""


def names_in_the_door() -> set[str]:
    """Everything that the screen can ask of the hub."""
    doors = [one for one in DOOR.body if isinstance(one, ast.ClassDef) and one.name == "HubDoor"]
    return {
        one.name
        for door in doors
        for one in door.body
        if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
    }


def asked_by_commands() -> set[str]:
    """Everything that a command asks of the hub."""
    return {
        node.attr
        for file in CLI.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hub"
    }


def commands() -> set[str]:
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_every_act_of_the_screen_is_a_command_too() -> None:
    assert len(names_in_the_door()) > 60
    assert names_in_the_door() - asked_by_commands() - OF_THE_SCREEN <= set(ANOTHER_WAY)
    assert set(ANOTHER_WAY.values()) <= commands()


@pytest.mark.parametrize("name", sorted(commands() - {"sandbox", "demo", "worker", "web"}))
def test_every_command_takes_json_and_fails_in_json(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    monkeypatch.setenv("PERKSTAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PERKSTAR_VAULT", "file")
    code = execute([name, "--no-such-option", "--json"])
    assert code == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"]["code"] == "usage" and answer["error"]["remedy"]
