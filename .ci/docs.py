"""Writes the pages of `docs/` that are drawn from the program: `python .ci/docs.py`, or `--check` in a test."""

import json
import sys
from pathlib import Path

from perkstar_tui.platforms.authored import schema
from perkstar_tui.platforms.catalog import PLANNED, load_catalog
from perkstar_tui.platforms.guide import guide_of

DOCS = Path(__file__).resolve().parent.parent / "docs"


def platforms() -> str:
    """Every guide in the catalog's order, and the platforms that are to come."""
    catalog = load_catalog()
    working = [catalog[one.name] for one in PLANNED if one.name in catalog]
    coming = [one for one in PLANNED if one.name not in catalog]
    parts = [
        "# Platforms",
        "Drawn from the manifests by `.ci/docs.py`; `perkstar catalog show NAME` gives the same.",
        *(guide_of(manifest).replace("\n## ", "\n### ").replace("# ", "## ", 1) for manifest in working),
    ]
    if coming:
        names = "\n".join(f"- {one.title} ({one.category})" for one in coming)
        parts.append(f"## Planned\n\n{names}")
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """The pages by name."""
    return {
        "platforms.md": platforms(),
        "manifest.schema.json": json.dumps(schema(), indent=1, ensure_ascii=False) + "\n",
    }


def stale() -> list[str]:
    """Names of pages that are not what the program would write."""
    return [
        name
        for name, text in pages().items()
        if not (DOCS / name).exists() or (DOCS / name).read_text() != text
    ]


def main() -> int:
    if "--check" in sys.argv[1:]:
        for name in stale():
            print(f"docs/{name} is not current: python .ci/docs.py")
        return bool(stale())
    DOCS.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
