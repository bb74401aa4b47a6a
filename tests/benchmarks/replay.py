"""Records what a server answers, and answers the same bytes again without thinking: `python replay.py FILE`.

The recorder is a proxy on loopback; the player holds each answer ready to be sent, so a client's speed is its own.
"""

import asyncio
import http.client
import pickle
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

Key = tuple[str, str, bytes]


class Recorder:
    """A proxy before one server; `recorded` maps (method, target, body) to the whole answer."""

    def __init__(self, upstream: str) -> None:
        self.recorded: dict[Key, bytes] = {}
        host = urlsplit(upstream)
        recorded = self.recorded

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream = http.client.HTTPConnection(host.hostname or "", host.port, timeout=60)
                skipped = ("host", "connection", "accept-encoding")
                headers = {k: v for k, v in self.headers.items() if k.lower() not in skipped}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                data = answer.read()
                kept = [(k, v) for k, v in answer.getheaders() if k.lower() in ("content-type", "link")]
                head = f"HTTP/1.1 {answer.status} OK\r\ncontent-length: {len(data)}\r\n"
                head += "".join(f"{k}: {v}\r\n" for k, v in kept) + "\r\n"
                whole = head.encode() + data
                recorded[(self.command, self.path, body)] = whole
                self.wfile.write(whole)
                upstream.close()

            do_GET = do_POST = do_PUT = do_PATCH = _pass

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def save(self, file: Path) -> None:
        self._server.shutdown()
        file.write_bytes(pickle.dumps(self.recorded))


class Player(asyncio.Protocol):
    """Answers from the recording; what was never asked before is a 404 that says so."""

    answers: dict[Key, bytes] = {}

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            first, _, rest = head.partition(b"\r\n")
            length = 0
            at = rest.lower().find(b"content-length:")
            if at >= 0:
                length = int(rest[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            method, target, _ = first.decode().split(" ")
            answer = self.answers.get((method, target, body))
            if answer is None:
                sys.stderr.write(f"never recorded: {method} {target} {body[:200]!r}\n")
                answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(answer)  # type: ignore[attr-defined]


async def play(file: Path) -> None:
    Player.answers = pickle.loads(file.read_bytes())
    server = await asyncio.get_running_loop().create_server(Player, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(play(Path(sys.argv[1])))
