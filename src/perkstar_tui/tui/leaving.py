"""How a screen is left: once, and it alone. Textual's own way takes whatever screen is on top by then. And how it waits
while another stands over it: without painting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen

R = TypeVar("R")

if TYPE_CHECKING:
    Base = Screen[R]
else:
    # Beside a screen class in the bases of another; Textual looks for its own classes there.
    class Base(Generic[R]):
        """Nothing of its own."""


class Leaving(Base[R]):
    """Mixed into a screen class, before it."""

    @property
    def is_current(self) -> bool:
        """Whether what changes here is painted: not under a sheet, where each change of a cell would have the whole
        terminal painted again. What the sheet lets through stays as it was when that opened; only a new layout, after
        which the old picture would name parts that are gone, is carried out there too.
        """
        return self.is_active or (self._layout_required and super().is_current)

    def dismiss(self, result: R | None = None) -> AwaitComplete:
        """Leave this screen; nothing when it has been left, or when another stands over it, as it does for a key that
        was on its way when that one opened.
        """
        if not self.is_active:
            return AwaitComplete()
        return super().dismiss(result)
