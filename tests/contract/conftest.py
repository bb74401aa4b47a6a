"""A sandbox for each file of contracts, and a judge over all that is sent to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from description import described
from door import Door
from places import BY_FILES, CATALOG, Place, QuickClock

from perkstar_tui.model.enums import DataType
from perkstar_tui.sandbox.server import Sandbox


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    QuickClock.ahead = 0.0
    with Sandbox.start(customers=230, seed=11, limits=False) as running:
        yield running


PEOPLE = sorted(name for name, manifest in CATALOG.items() if manifest.read_by_calls)
"""Those whose people can be read; what only tells is in `test_telling.py`, what only takes in `test_taking.py`."""
EXPORTS = {name: export for name in PEOPLE if (export := CATALOG[name].data[DataType.CUSTOMERS].export)}
BOTH_WAYS = [name + BY_FILES for name, export in EXPORTS.items() if export.above is not None]
"""Those whose many people come in files and whose few in pages."""


@pytest.fixture(params=[*PEOPLE, *BOTH_WAYS])
def place(request: pytest.FixtureRequest, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    found = Place(box, request.param.removesuffix(BY_FILES))
    if request.param != found.name:
        for spec in found.manifest.data.values():
            if spec.export is not None:
                monkeypatch.setitem(spec.export.__dict__, "above", 0)
                monkeypatch.setitem(spec.__dict__, "page_size", 10)
    found.faults()
    yield found
    found.faults()
    judge = described(found.name)
    if judge is None:
        request.node.user_properties.append(("judged", (found.name, 0, 0)))
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
        name = str(params.get("place") or params.get("platform")).removesuffix(BY_FILES)
        if not all(mark.args[0](CATALOG[name], params) for mark in marks):
            left.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
