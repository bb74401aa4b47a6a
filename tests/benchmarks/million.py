"""A million customers: in from Mailchimp, out to Square, in a local account; next to the same with fewer.

    uv run python tests/benchmarks/million.py [FEW] [MANY]

Prints peak memory and time a record of each, as ratios of many to few, and what an unchanged run costs afterwards.
Vendors' limits are off; the answers are made as they are asked for, by a process whose work does not count.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from program import Program
from shop import Box, sandbox

RUN = """
import json, resource, sys, time
from perkstar_tui.cli.app import execute
cpu, start = time.process_time(), time.perf_counter()
code = execute(["sync", sys.argv[1], "--wait", "--json"])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"code": code, "cpu": time.process_time() - cpu, "s": time.perf_counter() - start, "mb": peak / 1024}))
"""


def run(program: Program, name: str) -> dict[str, Any]:
    """One sync in a process of its own: the run's own answer, and what it took."""
    out = subprocess.run(
        [sys.executable, "-c", RUN, name], env=program.env, capture_output=True, text=True, check=False
    ).stdout
    *answer, cost = out.strip().splitlines()
    return {**json.loads("".join(answer)), **json.loads(cost)}


def unchanged(home: Path, endpoints: str, name: str) -> tuple[int, float]:
    """Requests and CPU milliseconds of one more run, without the start of Python."""
    code = f"""
import os, time
from pathlib import Path
from perkstar_tui.hub.settings import Settings
from perkstar_tui.cli.app import execute
import contextlib, io, json
with contextlib.redirect_stdout(io.StringIO()):
    execute(["sync", "{name}", "--wait", "--json"])
    cpu = time.process_time()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        execute(["sync", "{name}", "--wait", "--json"])
    took = time.process_time() - cpu
run = json.loads(out.getvalue())
import sys
print(json.dumps([run["api_calls"], took * 1000]), file=sys.__stdout__)
"""
    program = Program(home, endpoints)
    out = subprocess.run(
        [sys.executable, "-c", code], env=program.env, capture_output=True, text=True, check=True
    )
    calls, took = json.loads(out.stdout.strip().splitlines()[-1])
    return calls, took


def measure(box: Box, people: int, folder: Path) -> dict[str, Any]:
    urls = json.loads(Path(box.endpoints).read_text())
    crowd = subprocess.Popen(
        [
            sys.executable, str(Path(__file__).parent / "crowd.py"), str(people), urls["mailchimp"]["url"],
            urls["square"]["url"],
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert crowd.stdout is not None
        url = json.loads(crowd.stdout.readline())["url"]
        endpoints = folder / "endpoints.json"
        endpoints.write_text(json.dumps({n: {"url": url, "limits": False} for n in ("mailchimp", "square")}))
        program = Program(folder / "home", str(endpoints))
        program.well("login", "--local", "Crowd")
        for name, way in (("mailchimp", "to-perkstar"), ("square", "both")):
            program.well(
                "connect", name, "--credentials-stdin", "--data", "customers", "--direction", way,
                "--frequency", "manual", stdin=box.credentials(name),
            )  # fmt: skip
        inward, outward = run(program, "mailchimp"), run(program, "square")
        assert inward["inward"]["created"] == people, inward
        assert outward["outward"]["created"] == people, outward
        quiet = {name: unchanged(folder / "home", str(endpoints), name) for name in ("mailchimp", "square")}
        size = os.stat(folder / "home" / "perkstar.db").st_size / 1e6
    finally:
        crowd.terminate()
        crowd.wait()
    return {"in": inward, "out": outward, "quiet": quiet, "size": size}


def main() -> None:
    few, many = (
        [int(n) for n in (*sys.argv[1:], 50_000, 1_000_000)[:2]]
        if len(sys.argv) < 3
        else map(int, sys.argv[1:3])
    )
    told = {}
    with sandbox("--no-limits", "--only", "mailchimp,square", customers=20) as box:
        for people in (few, many):
            with tempfile.TemporaryDirectory(prefix="million-") as folder:
                start = time.perf_counter()
                told[people] = found = measure(box, people, Path(folder))
                for way in ("in", "out"):
                    one = found[way]
                    print(
                        f"{people:>9,} {way:>3}: {one['s']:7.1f} s, {people / one['s']:9,.0f}/s, "
                        f"CPU {one['cpu']:6.1f} s, peak {one['mb']:5.0f} MB"
                    )
                for name, (calls, took) in found["quiet"].items():
                    print(f"{people:>9,} unchanged {name}: {calls} requests, {took:.0f} ms CPU")
                print(
                    f"{people:>9,} store {found['size']:,.0f} MB, {time.perf_counter() - start:.0f} s in all"
                )
    for way in ("in", "out"):
        one, other = told[few][way], told[many][way]
        print(
            f"{way}: peak memory {other['mb'] / one['mb']:.2f} times (at most 1.5), time a record "
            f"{other['s'] / many / (one['s'] / few):.2f} times (at most 1.3)"
        )


if __name__ == "__main__":
    main()
