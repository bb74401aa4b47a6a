"""How much of a vendor's documented limit a first outward sync uses: records a second, with limits on.

    uv run python tests/benchmarks/outward_limit.py [RECORDS] [PLATFORM]...

The bare limit is what the vendor's documents allow: calls a second times records a call.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from program import Program
from shop import sandbox

ALLOWED = {"square": 20 * 100, "hubspot": 10 * 100}
"""Records a second: Square 20 calls of 100, HubSpot 100 calls in ten seconds, of 100."""


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    names = sys.argv[2:] or ["square", "hubspot"]
    people = [
        {"first_name": f"N{n}", "email": f"n{n}@limit.example", "phone": f"+4474{n:08}"}
        for n in range(records)
    ]
    for name in names:
        with (
            sandbox("--only", name, customers=10) as box,
            tempfile.TemporaryDirectory(prefix="limit-") as folder,
        ):
            program = Program(Path(folder) / "home", box.endpoints)
            program.well("login", "--local", "Limit")
            program.well("customers", "import", "-", stdin=people, seconds=900)
            program.well(
                "connect", name, "--credentials-stdin", "--data", "customers", "--direction", "both",
                "--frequency", "manual", stdin=box.credentials(name),
            )  # fmt: skip
            start = time.perf_counter()
            run = program.well("sync", name, "--wait", seconds=3600)
            took = time.perf_counter() - start
            slowed = sum(request["status"] == 429 for request in box.requests(name))
        made = run["outward"]["created"]
        allowed = ALLOWED[name]
        print(
            f"{name}: {made:,} created in {took:.1f} s, {made / took:,.0f}/s of {allowed:,}/s allowed: "
            f"{made / took / allowed:.0%} (at least 80 %); refused as too fast: {slowed}; "
            f"waited {run['throttled_ms'] / 1000:.1f} s"
        )
        assert made >= records * 0.99, json.dumps(run)


if __name__ == "__main__":
    main()
