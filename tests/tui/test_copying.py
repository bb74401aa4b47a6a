"""Copying goes the way that reaches the person's clipboard, and says which it was."""

import base64
import os
import stat

import pytest

from perkstar_tui.tui import clipboard


def tool(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder of our own tools, the only ones found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv(
        "PATH", f"{folder}:/bin:/usr/bin" if not os.path.exists("/usr/bin/tmux") else f"{folder}"
    )
    return folder


def written(sent):
    """The text that a terminal would take from what was sent to it."""
    (sequence,) = sent
    assert sequence.startswith("\x1b]52;c;") and sequence.endswith("\a")
    return base64.b64decode(sequence[7:-1]).decode()


def test_over_ssh_it_goes_by_the_terminal_whatever_tools_there_are(tools):
    tool(tools, "xclip", "exit 0")
    sent = []
    result = clipboard.copy("int_1", "the id", sent.append, {"SSH_CONNECTION": "a b"})
    assert (result.done, result.way) == (True, "terminal")
    assert written(sent) == "int_1"
    assert "OSC 52" in result.sentence and "v shows it" in result.sentence


def test_inside_tmux_it_goes_by_tmux_even_over_ssh(tools, tmp_path):
    kept = tmp_path / "kept"
    tool(tools, "tmux", f'[ "$1 $2 $3" = "load-buffer -w -" ] && /bin/cat > {kept}')
    sent = []
    result = clipboard.copy("int_1", "the id", sent.append, {"TMUX": "/tmp/x,1,0", "SSH_CONNECTION": "a b"})
    assert (result.way, sent, kept.read_text()) == ("tmux", [], "int_1")
    assert "by tmux" in result.sentence


def test_a_tmux_that_fails_falls_back_to_the_terminal(tools):
    tool(tools, "tmux", "exit 1")
    sent = []
    assert clipboard.copy("x", "it", sent.append, {"TMUX": "1"}).way == "terminal"
    assert written(sent) == "x"


def test_on_the_machine_itself_its_own_clipboard_is_used(monkeypatch):
    import pyperclip

    kept = []
    monkeypatch.setattr(pyperclip, "copy", kept.append)
    sent = []
    assert clipboard.copy("x", "it", sent.append, {}).way == "machine"
    assert (kept, sent) == (["x"], [])


def test_a_machine_without_a_clipboard_uses_the_terminal_at_last(monkeypatch):
    import pyperclip

    def none(_text):
        raise pyperclip.PyperclipException("no clipboard")

    monkeypatch.setattr(pyperclip, "copy", none)
    sent = []
    assert clipboard.copy("x", "it", sent.append, {}).way == "terminal"
    assert written(sent) == "x"


def test_a_text_too_long_is_offered_as_a_file_only_its_owner_reads(tmp_path):
    sent = []
    result = clipboard.copy("x" * 70_001, "the log", sent.append, {"SSH_CONNECTION": "a"})
    assert (result.done, result.way, sent) == (False, "file", [])
    path = clipboard.to_file("x" * 70_001, str(tmp_path))
    assert os.stat(path).st_mode & 0o077 == 0
    assert os.path.getsize(path) == 70_001
