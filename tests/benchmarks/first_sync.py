"""First full inward sync against a hand-written httpx + sqlite3 loop, both from the same recorded bytes.

    uv run python tests/benchmarks/first_sync.py [RECORDS]

No limits, pages of 100 as the vendor serves them; the best of three rounds each, wall seconds and client CPU. The
loop only reads and keeps; ours maps, matches, compares, links and keeps the cursor as well.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from program import PERKSTAR, Program
from replay import Recorder
from shop import Box, sandbox

LOOP = """
import json, sqlite3, sys, httpx
base, calls, file, token = sys.argv[1:]
kept = sqlite3.connect(file)
kept.execute("PRAGMA journal_mode=WAL")
kept.execute("CREATE TABLE customer (id TEXT PRIMARY KEY, email TEXT, first TEXT, last TEXT, phone TEXT)")
count = 0
with httpx.Client(base_url=base, headers={"authorization": "Bearer " + token}, trust_env=False) as client:
    for method, target, body in json.load(open(calls)):
        answer = client.request(method, target, content=body, headers={"content-type": "application/json"}).json()
        rows = [
            (c["id"], c.get("email_address"), c.get("given_name"), c.get("family_name"), c.get("phone_number"))
            for c in answer.get("customers", ())
        ]
        with kept:
            kept.executemany("INSERT OR REPLACE INTO customer VALUES (?,?,?,?,?)", rows)
        count += len(rows)
print(count)
"""


def timed(argv: list[str], env: dict[str, str]) -> tuple[float, float, str]:
    """Seconds, CPU seconds and output of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    out = subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, out


def connected(home: Path, url: str, credentials: dict) -> Program:
    endpoints = home.with_suffix(".json")
    endpoints.write_text(json.dumps({"square": {"url": url, "limits": False}}))
    program = Program(home, str(endpoints))
    program.well("login", "--local", "Bench")
    program.well(
        "connect", "square", "--credentials-stdin", "--data", "customers", "--direction", "to-perkstar",
        stdin=credentials,
    )  # fmt: skip
    return program


def record(box: Box, folder: Path) -> tuple[Path, Path, dict]:
    """Let one first sync go through the recorder; answers the recording, the reading calls in order, credentials."""
    recorder = Recorder(str(box.line["platforms"]["square"]["url"]))
    credentials = {"access_token": box.credentials("square")["access_token"]}
    program = connected(folder / "recording", recorder.url, credentials)
    program.well("sync", "square", "--wait", seconds=900)
    file, calls = folder / "recording.pickle", folder / "calls.json"
    recorder.save(file)
    reading = [
        (m, t, b.decode()) for (m, t, b), answer in recorder.recorded.items() if b'"customers":[' in answer
    ]
    calls.write_text(json.dumps(reading))
    return file, calls, credentials


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with sandbox("--no-limits", "--only", "square", customers=count) as box:
            file, calls, credentials = record(box, folder)
        player = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("replay.py")), str(file)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert player.stdout is not None
        url = player.stdout.readline().strip()
        ours, theirs = [], []
        try:
            for number in range(3):
                argv = [sys.executable, "-c", LOOP, url, str(calls), str(folder / f"loop{number}.db")]
                theirs.append(timed([*argv, credentials["access_token"]], dict(os.environ)))
                program = connected(folder / f"home{number}", url, credentials)
                ours.append(timed([*PERKSTAR, "sync", "square", "--wait", "--json"], program.env))
        finally:
            player.terminate()
        read = json.loads(ours[0][2])["inward"]["read"]
        # Bare profiles that Square makes of card payments are left out by ours.
        assert 0.99 * int(theirs[0][2]) <= read <= int(theirs[0][2]), (read, theirs[0][2])
        (wall, cpu), (their_wall, their_cpu) = (
            (min(r[0] for r in rounds), min(r[1] for r in rounds)) for rounds in (ours, theirs)
        )
        print(f"records {read}  ours {wall:.2f} s ({read / wall:,.0f}/s), CPU {cpu:.2f} s")
        print(f"by hand {their_wall:.2f} s ({read / their_wall:,.0f}/s), CPU {their_cpu:.2f} s")
        print(f"ratio: time {wall / their_wall:.2f}, CPU {cpu / their_cpu:.2f} (at most 2.5)")


if __name__ == "__main__":
    main()
