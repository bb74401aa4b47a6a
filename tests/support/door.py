"""A door on loopback that takes deliveries as they are."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Door:
    """What came: headers and raw bodies, in order, each answered with the status that `judge` gives it."""

    url: str = ""
    judge: Callable[[dict[str, str], bytes], int] = lambda headers, body: 200
    got: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status = self.judge(headers, body)
        writer.write(b"HTTP/1.1 %d -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()
        if head[0].startswith("POST"):
            self.got.put_nowait((headers, body))
