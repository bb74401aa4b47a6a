"""Peak memory of a first inward sync and an unchanged run, at 10,000 and at 200,000 customers.

    uv run python tests/benchmarks/memory.py [SMALL LARGE]

Prints the ratio of the peaks (at most 1.3), and what a run with nothing to do costs: requests and CPU.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from program import PERKSTAR, Program
from shop import sandbox


def measured(program: Program, *arguments: str) -> tuple[dict, int, float]:
    """Answer, peak memory in KiB and CPU seconds of a command."""
    process = subprocess.Popen([*PERKSTAR, *arguments, "--json"], stdout=subprocess.PIPE, env=program.env)
    assert process.stdout is not None
    out = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return json.loads(out), usage.ru_maxrss, usage.ru_utime + usage.ru_stime


def peak(customers: int) -> int:
    with (
        tempfile.TemporaryDirectory() as place,
        sandbox("--no-limits", "--only", "mailchimp", customers=customers) as box,
    ):
        program = Program(Path(place) / "home", box.endpoints)
        program.well("login", "--local", "Bench")
        program.well(
            "connect", "mailchimp", "--credentials-stdin", "--data", "customers", "--direction", "to-perkstar",
            stdin=box.credentials("mailchimp"),
        )  # fmt: skip
        run, first, cpu = measured(program, "sync", "mailchimp", "--wait")
        assert run["outcome"] == "succeeded", run
        again, second, idle = measured(program, "sync", "mailchimp", "--wait")
        baseline = measured(program, "version")[2]
        beyond = max(0.0, idle - baseline)
        print(
            f"{customers:>8} customers: first {first / 1024:.0f} MiB, {cpu:.1f} s CPU; unchanged "
            f"{second / 1024:.0f} MiB, {again['api_calls']} calls, {beyond:.2f} s CPU beyond the program's start"
        )
        return first


def main() -> None:
    small, large = (int(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (10_000, 200_000)
    first, second = peak(small), peak(large)
    print(f"ratio: {second / first:.2f} (at most 1.3)")


if __name__ == "__main__":
    main()
