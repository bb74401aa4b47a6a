"""A till of nobody's catalog: an HTTP server on loopback with people, for manifests that an admin writes."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

MANIFEST = Path(__file__).with_name("till.toml")
KEY = "till-secret"


class Till:
    """People by id, and the requests that came."""

    def __init__(self, count: int) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.port = 0
        self.refuse = ""
        """An address that is not taken."""
        for number in range(count):
            self.put(str(number), {"name": {"first": f"Ana{number}"}, "mail": f"ana{number}@shop-mail.com"})

    def put(self, id_: str, part: dict[str, Any]) -> dict[str, Any]:
        row = self.people.setdefault(id_, {"id": id_})
        row |= {**part, "name": {**row.get("name", {}), **part.get("name", {})}, "changed": int(time.time())}
        return row

    def answer(self, method: str, target: str, key: str | None, body: Any) -> tuple[int, Any]:
        parts = urlsplit(target)
        self.requests.append(f"{method} {parts.path}")
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if key != KEY:
            return 401, {"message": "who are you?"}
        if parts.path == "/me":
            return 200, {"shop": "corner"}
        id_ = parts.path.removeprefix("/people").strip("/")
        if method == "POST":
            if body.get("mail") == self.refuse:
                return 422, {"message": "mail is no address", "code": "bad", "field": "mail"}
            return 201, self.put(str(len(self.people)), body)
        if method == "PATCH":
            return (200, self.put(id_, body)) if id_ in self.people else (404, {"message": "no such person"})
        if id_:
            return (200, self.people[id_]) if id_ in self.people else (404, {"message": "no such person"})
        rows = [row for row in self.people.values() if given.get("mail") in (None, row.get("mail"))]
        rows = [row for row in rows if row["changed"] >= int(given.get("since", 0))]
        start, limit = int(given.get("offset", 0)), int(given.get("limit", 50))
        return 200, {"people": rows[start : start + limit], "total": len(rows)}


@contextmanager
def till(count: int) -> Iterator[Till]:
    """A till that listens until the end of the block."""
    shop = Till(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = shop.answer(self.command, self.path, self.headers.get("x-key"), body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _serve

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
