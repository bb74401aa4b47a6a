"""One message by one route: handed to a mail server, or posted and signed. What came of it, and never an exception."""

import asyncio
import contextlib
from typing import Any

from perkstar_tui.http.posting import Poster
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.model.remote import Traffic
from perkstar_tui.platforms.delivering import checked, problem_of
from perkstar_tui.platforms.signing import headers_of

from ..bench import Bench
from .mail import Told, message, send
from .routes import EMAIL, option, recipients, secret_of, server_of


async def tell(bench: Bench, route: Any, id_: str, title: str, body: str, threads: list[str]) -> Told:
    """Make one attempt."""
    try:
        secret = await asyncio.to_thread(secret_of, bench, route)
        if route.kind == EMAIL:
            sender, to = option(route, "from"), recipients(route)
            mail = message(id_, sender, to, title, body, bench.clock.now(), threads)
            return await asyncio.to_thread(send, server_of(route, secret), mail, sender, to)
        return await _post(bench, route, id_, body.encode(), secret)
    except PerkstarError as error:
        return Told(False, f"{error.message} {error.remedy}", True)


async def _post(bench: Bench, route: Any, id_: str, body: bytes, secret: str) -> Told:
    poster = Poster(checked(option(route, "url")), bench.clock, Traffic())
    try:
        posted = await poster.post(body, headers_of(secret, id_, int(bench.clock.now().timestamp()), body))
    finally:
        with contextlib.suppress(Exception):
            await poster.close()
    problem = problem_of(posted)
    if problem is None:
        return Told(True)
    # What the other end says is its own affair, and may be anything: only its status is kept.
    gone = posted.status in (404, 405, 410)
    return Told(False, f"{problem.message} {problem.remedy}", gone)
