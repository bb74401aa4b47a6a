"""A sandbox process and a home connected to it: the way outside checks use the program."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventually import eventually
from program import PERKSTAR, Program

PLATFORMS = ("hubspot", "mailchimp", "square")
KINDS = {"perkstar": "customers", "hubspot": "contacts", "mailchimp": "members", "square": "customers"}


class Box:
    """A sandbox: its first line, and its control address."""

    def __init__(self, line: dict[str, Any], pid: int) -> None:
        self.line = line
        self.pid = pid
        self.platform = ""
        """The platform that a file of tests is about, where it goes through several."""
        self.control = str(line["control"]).rstrip("/")
        self.endpoints = str(line["endpoints_file"])

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """A control answer; with a body it is a POST unless said otherwise."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.control + path, data=data, method=method, headers={"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:500]!r}") from None

    def credentials(self, platform: str) -> dict[str, Any]:
        return dict(self.line["platforms"][platform]["credentials"])

    def records(self, platform: str, kind: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        kind = kind or KINDS[platform]
        while True:
            page = self.ask(f"/{platform}/records/{kind}?limit=1000&offset={len(found)}")
            found += page["records"]
            if len(found) >= page["total"] or not page["records"]:
                return found

    def put(self, platform: str, kind: str, id_: str, **part: Any) -> Any:
        return self.ask(f"/{platform}/records/{kind}/{id_}", part, "PUT")

    def delete(self, platform: str, kind: str, id_: str) -> Any:
        return self.ask(f"/{platform}/records/{kind}/{id_}", method="DELETE")

    def faults(self, platform: str, profile: str = "calm", rules: list[dict[str, Any]] | None = None) -> None:
        self.ask(f"/{platform}/faults", {"rules": rules} if rules else {"profile": profile})

    def requests(self, platform: str) -> list[dict[str, Any]]:
        return list(self.ask(f"/{platform}/requests")["requests"])

    def check(self) -> dict[str, Any]:
        return dict(self.ask("/world/check"))

    def people(self) -> list[dict[str, Any]]:
        return list(self.ask("/world/people")["people"])


@contextmanager
def sandbox(*arguments: str, customers: int = 200, seed: int = 7) -> Iterator[Box]:
    """A sandbox in a process of its own, ended at the end; of the first three vendors, unless others are named."""
    if "--only" not in arguments:
        arguments = (*arguments, "--only", ",".join(PLATFORMS))
    process = subprocess.Popen(
        [*PERKSTAR, "sandbox", "--port", "0", "--customers", str(customers), "--seed", str(seed), *arguments],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the sandbox ended with {process.wait()}"
        yield Box(json.loads(line), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Shop:
    """A home attached to a sandbox's account."""

    def __init__(self, box: Box, home: Path, *, inside: bool = False, **more: str) -> None:
        self.box = box
        self.platform = box.platform
        self.program = Program(home, box.endpoints, more, inside)
        self.run, self.well = self.program.run, self.program.well
        self.well("login", "--api-key-stdin", stdin=box.line["perkstar"]["api_key"])

    def connect(self, platform: str, *arguments: str) -> dict[str, Any]:
        given = [*arguments]
        if "--direction" not in given:
            given += ["--direction", "both"]
        credentials = self.box.credentials(platform)
        return dict(self.well("connect", platform, "--credentials-stdin", *given, stdin=credentials))

    def connect_till(self) -> None:
        """Square, whose sales of before are credited too; read until nothing is left to read."""
        credit_from = self.box.ask("/world/sales")["credit_from"]
        self.connect("square", "--data", "customers,transactions", "--set", f"credit_from={credit_from}",
                     "--set", "issue_cards=sale")  # fmt: skip
        for _ in range(2):
            assert self.sync("square")["outcome"] == "succeeded"

    def sync(self, name: str, *arguments: str, seconds: float = 300) -> dict[str, Any]:
        code, answer = self.run("sync", name, "--wait", *arguments, seconds=seconds)
        assert "outcome" in answer, answer
        return {"code": code, **answer}


@contextmanager
def working(shop: Shop) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in the shop's home, ended at the end."""
    process = subprocess.Popen(
        [*PERKSTAR, "worker"], env=shop.program.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def told_by(platform: str, home: Path, *arguments: str, inside: bool = False) -> Iterator[Shop]:
    """A shop connected to a platform that only tells, its address entered there, and a worker that listens."""
    with sandbox("--no-limits", "--only", platform, customers=20) as box:
        box.platform = platform
        shop = Shop(box, home, inside=inside)
        shop.connect(platform, "--direction", "to-perkstar", "--frequency", "realtime", *arguments)
        with working(shop):
            url = eventually(lambda: shop.well("show", platform)["hook_address"])
            box.ask(f"/{platform}/webhooks", {"url": url})
            yield shop
