"""A sandbox for each file of contracts, and a judge over all that is sent to it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import pytest
from description import described
from door import Door
from places import CATALOG, Place, QuickClock

from perkstar_tui.sandbox.server import Sandbox


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    QuickClock.ahead = 0.0
    with Sandbox.start(customers=230, seed=11, limits=False) as running:
        yield running


PEOPLE = sorted(name for name, manifest in CATALOG.items() if manifest.read_by_calls)
"""Those whose people can be read; what only tells is in `test_telling.py`, what only takes in `test_taking.py`."""


@pytest.fixture(params=PEOPLE)
def place(request: pytest.FixtureRequest, box: Sandbox) -> Iterator[Place]:
    found = Place(box, request.param)
    found.faults()
    yield found
    found.faults()
    judge = described(found.name)
    if judge is None:
        return
    wrong = [
        problem
        for sent in found.transport.sent
        for problem in judge.problems(
            sent.method,
            sent.url.path,
            sent.url.query.decode(),
            sent.content,
            sent.headers.get("content-type", ""),
        )
    ]
    for answer in found.transport.answered:
        wrong += judge.untrue(
            answer.request.method, answer.request.url.path, answer.status_code, answer.content
        )
    judged = (found.name, len(found.transport.sent), len(found.transport.answered))
    request.node.user_properties.append(("judged", judged))
    assert not wrong, "\n".join(dict.fromkeys(wrong))


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/1"
    async with server:
        yield found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a platform does not have: `where` says of a manifest whether a contract is about it."""
    left: list[pytest.Item] = []
    for item in items:
        marks = list(item.iter_markers("where"))
        params = getattr(getattr(item, "callspec", None), "params", {})
        name = params.get("place") or params.get("platform")
        if not all(mark.args[0](CATALOG[name], params) for mark in marks):
            left.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was held against each vendor's description, and how much of each platform is manifest or Python."""
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "teardown":
                continue
            for name, value in report.user_properties:
                if name == "judged":
                    counted[value[0]][0] += value[1]
                    counted[value[0]][1] += value[2]
    if counted:
        terminalreporter.write_line(f"{'held against its description':<30}{'requests':>10}{'answers':>10}")
        for name, (sent, answered) in sorted(counted.items()):
            terminalreporter.write_line(f"{name:<30}{sent:>10}{answered:>10}")
        left = sorted(set(PEOPLE) - counted.keys())
        terminalreporter.write_line(f"without a description, or not run: {', '.join(left) or 'none'}")
    sizes = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "size"
    ]
    if sizes:
        terminalreporter.write_line(f"{'lines of':<30}{'manifest':>10}{'Python':>10}")
        for row in sorted(sizes):
            terminalreporter.write_line(str(row))
