"""The last line: the keys that work now, the most used first, as many as fit."""

from rich.cells import cell_len

from ..signs import Line, Piece
from .painted import Painted, app_of, on_width


class KeyLine(Painted):
    """Shows keys as `key label`; anything that does not fit stays in `?` and the palette."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._pairs: tuple[tuple[str, str], ...] = ()

    def offer(self, pairs: tuple[tuple[str, str], ...]) -> None:
        """Show these (key, label) pairs."""
        self._pairs = pairs
        self._draw()

    def on_mount(self) -> None:
        super().on_mount()
        on_width(self, self._draw)

    def _draw(self) -> None:
        width = self.size.width - 1
        if width < 10:
            return
        last = [pair for pair in self._pairs if pair[1] in ("palette", "help")]
        rest = [pair for pair in self._pairs if pair not in last]
        room = width - sum(cell_len(k) + cell_len(t) + 3 for k, t in last)
        line: list[Piece] = [(" " if app_of(self).wide else "", "")]
        for key, label in rest:
            size = cell_len(key) + cell_len(label) + 3
            if size > room:
                continue
            line += [(key, "key"), (f" {label}  ", "dim")]
            room -= size
        for key, label in last:
            line += [(key, "key"), (f" {label}  ", "dim")]
        self.paint(_trimmed(line))


def _trimmed(line: list[Piece]) -> Line:
    text, tone = line[-1]
    return (*line[:-1], (text.rstrip(), tone))
