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
