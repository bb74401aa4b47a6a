"""The program as a process of its own, in a home of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PERKSTAR = [sys.executable, "-m", "perkstar_tui"]


@dataclass
class Program:
    """Runs commands with `--json` in one home; `endpoints` is the sandbox's file, if one plays."""

    home: Path
    endpoints: str | None = None
    more: dict[str, str] = field(default_factory=dict)
    inside: bool = False

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PERKSTAR_")}
        # Each start would compile the program anew otherwise.
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        own = {"PERKSTAR_HOME": str(self.home), "PERKSTAR_VAULT": "file", **self.more}
        return {**kept, **own, **({"PERKSTAR_ENDPOINTS": self.endpoints} if self.endpoints else {})}

    def start(self, *arguments: str, stdin: str | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*PERKSTAR, *arguments, "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
        )
        if process.stdin is not None:
            process.stdin.write(stdin or "")
            process.stdin.close()
            process.stdin = None
        return process

    def run(self, *arguments: str, stdin: Any = None, seconds: float = 120) -> tuple[int, Any]:
        """Exit code and JSON answer of a command; `stdin` is text or something that becomes JSON.

        In this process where `inside` says so: the same door, without the second that a start of Python takes.
        """
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        if self.inside:
            return self._run_inside(arguments, text or "")
        process = self.start(*arguments, stdin=text)
        out, err = process.communicate(timeout=seconds)
        assert out or process.returncode, err
        return process.returncode, json.loads(out) if out else {"stderr": err}

    def _run_inside(self, arguments: tuple[str, ...], text: str) -> tuple[int, Any]:
        from perkstar_tui.cli.app import execute

        out, err = io.StringIO(), io.StringIO()
        kept = dict(os.environ), sys.stdin
        try:
            os.environ.clear()
            os.environ.update(self.env)
            sys.stdin = io.StringIO(text)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = execute([*arguments, "--json"])
        finally:
            os.environ.clear()
            os.environ.update(kept[0])
            sys.stdin = kept[1]
        said = out.getvalue()
        assert said or code, err.getvalue()
        return code, json.loads(said) if said else {"stderr": err.getvalue()}

    def well(self, *arguments: str, stdin: Any = None, seconds: float = 120) -> Any:
        """The answer of a command that must exit with 0."""
        code, answer = self.run(*arguments, stdin=stdin, seconds=seconds)
        assert code == 0, (code, answer)
        return answer
