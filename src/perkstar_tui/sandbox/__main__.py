"""`python -m perkstar_tui.sandbox`: the sandbox without the rest of the program."""

import argparse
import asyncio

from .faults import PROFILES
from .server import Wish, say_ready, serve


def main() -> None:
    """Read the flags and play until told to stop."""
    parser = argparse.ArgumentParser(prog="perkstar sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--faults", choices=list(PROFILES), default="calm")
    parser.add_argument("--only", default="")
    parser.add_argument("--no-limits", action="store_true")
    given = parser.parse_args()
    only = tuple(name for name in given.only.split(",") if name)
    wish = Wish(given.customers, given.seed, given.faults, only, not given.no_limits, given.port)
    try:
        wish.check()
    except ValueError as problem:
        parser.error(str(problem))
    asyncio.run(serve(wish, say_ready, with_parent=True))


if __name__ == "__main__":
    main()
