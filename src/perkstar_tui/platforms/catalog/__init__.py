"""The catalog: a manifest per working platform, and the names of all platforms there are to be."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from perkstar_tui.model.enums import Kind
from perkstar_tui.platforms.manifest import Manifest, Planned, PlannedFile

FOLDER = Path(__file__).parent
"""Where the manifests lie, one file a platform."""


class Catalog(Mapping[str, Manifest]):
    """Manifests by platform name. Each file is understood when it is first asked for: a command wants one or two."""

    def __init__(self, files: Mapping[str, Path], own: Mapping[str, Manifest] | None = None) -> None:
        self._files = files
        self._own = own or {}
        self._names = list(dict.fromkeys((*self._own, *files)))

    def __getitem__(self, name: str) -> Manifest:
        file = self._files.get(name)
        return _understood(file) if file is not None else self._own[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def with_own(self, own: Mapping[str, Manifest]) -> "Catalog":
        """This catalog and an admin's own manifests; a name that both have is the catalog's."""
        return Catalog(self._files, own)

    def of_vendors(self) -> "Catalog":
        """Those of vendors, without what anybody may be at the other end of (webhooks)."""
        return Catalog(
            {name: file for name, file in self._files.items() if _understood(file).kind is not Kind.WEBHOOK}
        )


@cache
def _understood(file: Path) -> Manifest:
    return Manifest.model_validate(tomllib.loads(file.read_text()))


@cache
def load_catalog(*, drafts: bool = False) -> Catalog:
    """Every manifest of the catalog, by platform name; `drafts` too, for those who work on them."""
    return Catalog(
        {
            file.stem: file
            for file in sorted(FOLDER.glob("*.toml"))
            # Told from the text: what is not shown need not be understood.
            if not file.stem.startswith("_") and (drafts or "\ndraft = true\n" not in file.read_text())
        }
    )


def _planned() -> tuple[Planned, ...]:
    return PlannedFile.model_validate(tomllib.loads((FOLDER / "_planned.toml").read_text())).platform


PLANNED = _planned()
