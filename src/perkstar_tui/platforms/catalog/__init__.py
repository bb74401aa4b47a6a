"""The catalog: a manifest per working platform, and the names of all platforms there are to be."""

import tomllib
from functools import cache
from pathlib import Path

from perkstar_tui.platforms.manifest import Manifest, Planned, PlannedFile

FOLDER = Path(__file__).parent
"""Where the manifests lie, one file a platform."""


@cache
def load_catalog(*, drafts: bool = False) -> dict[str, Manifest]:
    """Every manifest of the catalog, by platform name; `drafts` too, for those who work on them."""
    manifests = {}
    for file in sorted(FOLDER.glob("*.toml")):
        if file.stem.startswith("_"):
            continue
        text = file.read_text()
        # Told from the text: what is not shown need not be understood at every start.
        if drafts or "\ndraft = true\n" not in text:
            manifests[file.stem] = Manifest.model_validate(tomllib.loads(text))
    return manifests


def _planned() -> tuple[Planned, ...]:
    return PlannedFile.model_validate(tomllib.loads((FOLDER / "_planned.toml").read_text())).platform


PLANNED = _planned()
