"""One listening port: HTTP/1.1 as the vendors' clients speak it, with answers that can be cut off or drip.

Small on purpose: requests with a length or in chunks, connections kept open, one answer at a time per connection.
"""

import asyncio
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs, unquote

from .wire import Answer, Call

LONGEST_HEAD = 65_536
LONGEST_BODY = 64 * 1024 * 1024
PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Outlet(Protocol):
    """Where an answer goes out, whole or in pieces."""

    def whole(self, answer: Answer) -> None:
        """Send the answer."""

    def head(self, answer: Answer, length: int) -> None:
        """Send only the head, with the length that it announces."""

    def piece(self, data: bytes) -> None:
        """Send a part of the body."""

    def cut(self) -> None:
        """Drop the connection at once, without an orderly end."""


class Site(Protocol):
    """What is served at a port."""

    def quick(self, call: Call) -> Answer | None:
        """The answer, where nothing has to be waited for; else None, and `slow` is asked."""

    async def slow(self, call: Call, outlet: Outlet) -> None:
        """Answer through the outlet, waiting where that is called for."""


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._told_to_go_on = False
        self._last = False
        self._bodiless = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._work()

    def _work(self) -> None:
        while self._task is None and self._transport is not None and not self._transport.is_closing():
            try:
                call = self._next()
            except ValueError as problem:
                self._last = True
                self.whole(Answer(400, str(problem).encode(), content_type="text/plain"))
                return
            if call is None:
                return
            answer = self._site.quick(call)
            if answer is not None:
                self.whole(answer)
                continue
            self._task = asyncio.get_running_loop().create_task(self._site.slow(call, self))
            self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        if task.exception() is not None:
            self.cut()
            return
        self._work()

    def _next(self) -> Call | None:
        """The next request if it is complete; raises `ValueError` for what is no HTTP."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise ValueError("head too long")
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        target, _, version = rest.rpartition(" ")
        if not target or not version.startswith("HTTP/1."):
            raise ValueError("not an HTTP/1.1 request")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError("a header without a colon")
            headers[name.lower()] = value.strip()
        found = self._body(headers, end + 4)
        if found is None:
            if headers.get("expect", "").lower() == "100-continue" and not self._told_to_go_on:
                self._told_to_go_on = True
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body, used = found
        del self._buffer[:used]
        self._told_to_go_on = False
        self._last = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
        self._bodiless = method == "HEAD"
        if "://" in target[:8]:
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        return Call(
            "GET" if self._bodiless else method,
            unquote(path),
            parse_qs(query, keep_blank_values=True) if query else {},
            headers,
            body,
            f"http://{headers.get('host', '127.0.0.1')}",
            target=target,
        )

    def _body(self, headers: dict[str, str], start: int) -> tuple[bytes, int] | None:
        """The body and where the request ends; None while some of it is still to come."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks(start)
        text = headers.get("content-length", "0")
        if not text.isdigit() or int(text) > LONGEST_BODY:
            raise ValueError("wrong content-length")
        end = start + int(text)
        if len(self._buffer) < end:
            return None
        return bytes(self._buffer[start:end]), end

    def _chunks(self, start: int) -> tuple[bytes, int] | None:
        body, at = bytearray(), start
        while True:
            line = self._buffer.find(b"\r\n", at)
            if line < 0:
                return None
            size = int(bytes(self._buffer[at:line]).partition(b";")[0] or b"x", 16)
            at = line + 2
            if size == 0:
                tail = self._buffer.find(b"\r\n", at)
                while tail > at:
                    at = tail + 2
                    tail = self._buffer.find(b"\r\n", at)
                return None if tail < 0 else (bytes(body), tail + 2)
            if len(self._buffer) < at + size + 2:
                return None
            body += self._buffer[at : at + size]
            at += size + 2
            if len(body) > LONGEST_BODY:
                raise ValueError("body too long")

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _head(self, answer: Answer, length: int) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Unknown')}"]
        if answer.status != 204:
            lines += [f"content-type: {answer.content_type}", f"content-length: {length}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if self._last:
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def whole(self, answer: Answer) -> None:
        """Send the answer."""
        body = b"" if self._bodiless or answer.status == 204 else answer.body
        self._write(self._head(answer, len(answer.body)) + body)
        if self._last and self._transport is not None:
            self._transport.close()

    def head(self, answer: Answer, length: int) -> None:
        """Send only the head, with the length that it announces."""
        self._write(self._head(answer, length))

    def piece(self, data: bytes) -> None:
        """Send a part of the body."""
        self._write(data)

    def cut(self) -> None:
        """Drop the connection at once, without an orderly end."""
        if self._transport is not None:
            # What was handed over should still leave, so the end comes a moment later.
            asyncio.get_running_loop().call_later(0.02, self._transport.abort)
