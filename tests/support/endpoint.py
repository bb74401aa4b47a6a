"""An endpoint of somebody's own: takes deliveries on a free port, and answers as a test wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from standardwebhooks import Webhook


@dataclass
class Told:
    """One delivery as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body))

    @property
    def type(self) -> str:
        return str(self.said["type"])


@dataclass
class Listening:
    """What came, and how it is answered: `answer` gives a status and headers, or waits."""

    url: str = ""
    came: list[Told] = field(default_factory=list)
    answer: Callable[[Told], tuple[int, dict[str, str]]] = lambda told: (200, {})

    def say(self, status: int, **headers: str) -> None:
        """Answer everything so from now on."""
        self.answer = lambda told: (
            status,
            {name.replace("_", "-"): value for name, value in headers.items()},
        )

    def told(self, *, trials: bool = False) -> list[Told]:
        """What came so far, without the trials by which endpoints are tried."""
        return [one for one in self.came if trials or one.type != "webhook.test"]

    def checked(self, secret: str) -> list[Any]:
        """Everything that came, as the specification's own library gives it: it raises if a signature is wrong."""
        library = Webhook(secret)
        return [library.verify(one.body, one.headers) for one in self.came]


@contextmanager
def endpoint() -> Iterator[Listening]:
    """An endpoint that listens until the end."""
    listening = Listening()

    class Taking(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if len(body) < int(self.headers["content-length"]):
                # The sender was killed in the middle of it.
                self.close_connection = True
                return
            told = Told({name.lower(): value for name, value in self.headers.items()}, body)
            listening.came.append(told)
            status, headers = listening.answer(told)
            self.send_response(status)
            for name, value in {**headers, "content-length": "6"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *given: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *given: Any) -> None:
            """A client that went away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Taking)
    listening.url = f"http://127.0.0.1:{server.server_port}/hooks/perkstar"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield listening
    finally:
        server.shutdown()
        server.server_close()
