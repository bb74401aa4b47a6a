"""One sandbox for each file of tests, put back to its beginning before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Box, Shop, sandbox


@pytest.fixture(scope="module")
def one_box() -> Iterator[Box]:
    with sandbox("--no-limits", customers=60) as made:
        yield made


@pytest.fixture
def box(one_box: Box) -> Box:
    one_box.ask("/reset", {})
    return one_box


@pytest.fixture
def shop(box: Box, tmp_path: Path) -> Shop:
    """A home whose commands run in this process."""
    return Shop(box, tmp_path / "home", inside=True)


@pytest.fixture
def outside(box: Box, tmp_path: Path) -> Shop:
    """A home whose commands are processes of their own, as outside checks run them."""
    return Shop(box, tmp_path / "home")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table of what each platform took, where they were gone through."""
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "platform" and getattr(report, "when", "") == "call"
    ]
    if rows:
        head = ("platform", "records", "requests", "ideal", "ratio", "duplicates", "errors", "seconds")
        widths = (18, 8, 10, 8, 7, 12, 8, 9)
        first = f"{head[0]:<18}" + "".join(
            f"{name:>{width}}" for name, width in zip(head[1:], widths[1:], strict=True)
        )
        terminalreporter.write_line(first)
        for row in sorted(rows):
            terminalreporter.write_line(str(row))
