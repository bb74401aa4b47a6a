"""A million people at Mailchimp, and a Square that takes as many: pages made as they are asked for, the rest from the
sandbox. Run by `million.py`.

    python crowd.py PEOPLE MAILCHIMP_URL SQUARE_URL > {"url": ...}
"""

import asyncio
import json
import math
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first one subscribed; then one a second."""
FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jon", "Kim", "Leo", "Mia", "Ned")
LAST = (
    "Abbot",
    "Baker",
    "Clark",
    "Dyer",
    "Ellis",
    "Frost",
    "Grant",
    "Hayes",
    "Irwin",
    "Jones",
    "Kerr",
    "Lloyd",
)


def member(n: int) -> dict[str, Any]:
    """A subscriber as Mailchimp shows one, with what is asked for in `fields`."""
    return {
        "id": f"{n:032x}",
        "email_address": f"u{n}@crowd.example",
        "unique_email_id": f"{n:010x}",
        "contact_id": f"{n:032x}",
        "status": "subscribed",
        "language": "",
        "merge_fields": {
            "FNAME": FIRST[n % 14], "LNAME": LAST[n // 14 % 12], "PHONE": f"+4474{n:08}", "BIRTHDAY": "",
            "ADDRESS": "",
        },
        "last_changed": (BEGUN + timedelta(seconds=n)).isoformat(),
        "tags": [],
    }  # fmt: skip


class Crowd:
    def __init__(self, people: int, mailchimp: str, square: str) -> None:
        self.people = people
        self.homes = {"/3.0": mailchimp, "/v2": square, "/oauth2": square}
        self.made = 0
        self.calls = 0
        self.client = httpx.AsyncClient(trust_env=False, timeout=60)

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.calls += 1
        if path == "/crowd":
            return Response(orjson.dumps({"made": self.made, "calls": self.calls}))
        if request.method == "GET" and re.fullmatch(r"/3\.0/lists/[^/]+/members", path):
            return Response(self.page(request.query_params), media_type="application/json")
        if path == "/v2/customers/bulk-create":
            return Response(self.create(await request.body()), media_type="application/json")
        if path == "/v2/customers" and request.method == "GET":
            return Response(b"{}", media_type="application/json")
        home = next(url for start, url in self.homes.items() if path.startswith(start))
        headers = {
            n: v for n, v in request.headers.items() if n not in ("host", "content-length", "accept-encoding")
        }
        told = await self.client.request(
            request.method, f"{home}{path}?{request.url.query}", content=await request.body(), headers=headers
        )
        return Response(told.content, told.status_code, media_type=told.headers.get("content-type"))

    def page(self, asked: Any) -> bytes:
        start, count = int(asked.get("offset", 0)), int(asked.get("count", 10))
        if asked.get("since_last_changed"):
            since = datetime.fromisoformat(asked["since_last_changed"]) - BEGUN
            start += min(self.people, max(0, math.ceil(since.total_seconds())))
        last = min(self.people, start + count)
        members = [member(n) for n in range(start, last)]
        return orjson.dumps({"members": members, "total_items": self.people - start})

    def create(self, body: bytes) -> bytes:
        answers = {}
        for key, given in orjson.loads(body)["customers"].items():
            self.made += 1
            stamp = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "version": 0}
            answers[key] = {"customer": {"id": f"C{self.made:025}", **given, **stamp}}
        return orjson.dumps({"responses": answers})


async def main() -> None:
    crowd = Crowd(int(sys.argv[1]), sys.argv[2], sys.argv[3])
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", crowd.answer, methods=methods)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main())
