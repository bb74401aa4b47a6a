"""One of several people at work on a store: random commands in one process, one after another, until time is up.

python clerk.py SEED SECONDS CREDENTIALS_FILE < nothing > lines of {"argv", "code", "said"}
"""

import contextlib
import io
import json
import random
import sys
import time
from pathlib import Path


def acts(chance: random.Random, given: dict) -> tuple[list[str], str]:
    """One command with its standard input, as somebody might give it just then.

    Platforms without credentials in `given` are left connected, so that each use of their token is the program's own.
    """
    name = chance.choice([*given])
    joining = chance.choice([one for one, credentials in given.items() if credentials])
    person = chance.randrange(10_000)
    people = json.dumps(
        [{"first_name": f"Clerk{n}", "email": f"clerk{n}@example.com"} for n in range(person, person + 3)]
    )
    return chance.choices(
        [
            (["integrations", "list"], ""),
            (["plan", "show"], ""),
            (["logs", name, "--limit", "20"], ""),
            (["runs", name], ""),
            (["sync", name], ""),
            (["sync", name, "--wait"], ""),
            (["pause", name], ""),
            (["resume", name], ""),
            (["edit", name, "--set", f"frequency={chance.choice(['realtime', 'hourly'])}"], ""),
            (["edit", name, "--set", f"source_of_truth={chance.choice(['perkstar', 'newest'])}"], ""),
            (["retry", name], ""),
            (["preview", name], ""),
            (["test", name], ""),
            (["customers", "import", "-"], people),
            (["customers", "list", "--search", "Clerk"], ""),
            (["connect", joining, "--credentials-stdin", "--data", "customers"], json.dumps(given[joining])),
            (["disconnect", joining, "--yes"], ""),
        ],
        weights=[4, 4, 2, 2, 8, 6, 3, 6, 2, 1, 2, 1, 1, 4, 2, 3, 1],
    )[0]


def main() -> None:
    from perkstar_tui.cli.app import execute

    chance = random.Random(int(sys.argv[1]))
    end = time.monotonic() + float(sys.argv[2])
    given = json.loads(Path(sys.argv[3]).read_text())
    while time.monotonic() < end:
        argv, text = acts(chance, given)
        out, err = io.StringIO(), io.StringIO()
        sys.stdin = io.StringIO(text)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = execute([*argv, "--json"])
        said = (out.getvalue() if code not in (0, 1) else "") + err.getvalue()
        print(json.dumps({"argv": argv, "code": code, "said": said[-2000:]}), flush=True)


if __name__ == "__main__":
    main()
