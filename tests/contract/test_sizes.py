"""How much of a platform is manifest and how much is Python of its own; and no vendor is named anywhere else."""

import ast
import re
import statistics
from pathlib import Path
from typing import Any

import perkstar_tui
from perkstar_tui.platforms.catalog import FOLDER, PLANNED, load_catalog

ROOT = Path(perkstar_tui.__file__).parent
HOOKS = ROOT / "platforms" / "hooks"
CATALOG = {name: m for name, m in load_catalog().of_vendors().items() if not m.system}
MODULES = sorted(file for file in ROOT.rglob("*.py") if "sandbox" not in file.relative_to(ROOT).parts)
FIRST = {"hubspot", "mailchimp", "square"}
KNOWN = {
    # The demo plays three vendors, by name as a person would type them.
    "cli/demo.py": FIRST,
    # Ways to sign and to tell that only one vendor has; manifests choose them by its name.
    "platforms/webhooks.py": FIRST,
    "platforms/manifest.py": FIRST,
}
"""Where vendors are named nevertheless, and which."""


def spelled(platform: str) -> re.Pattern[str]:
    """A vendor's name as code and as prose write it; what is a common word too counts as a title or between quotes."""
    title = re.escape(CATALOG[platform].title)
    if platform in ("square", "toast", "clover"):
        return re.compile(rf"\b{title}\b|[\"']{platform}[\"']|\b_?{platform}\(")
    words = {title, title.replace("\\ ", ""), platform, platform.replace("-", "_")}
    return re.compile(rf"(?<![a-z])(?:{'|'.join(sorted(words))})(?![a-z])", re.IGNORECASE)


def own_lines(platform: str) -> int:
    """Lines of Python, blank ones aside, of modules, classes and functions outside the sandbox that name the vendor."""
    name = re.compile(platform.replace("-", "_?"), re.IGNORECASE)
    found = 0
    for file in MODULES:
        text = file.read_text()
        lines = text.splitlines()
        if name.search(file.stem):
            found += sum(bool(line.strip()) for line in lines)
            continue
        taken: set[int] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and name.search(
                node.name
            ):
                taken.update(range(node.lineno - 1, node.end_lineno or node.lineno))
        found += sum(bool(lines[number].strip()) for number in taken)
    return found


def test_most_platforms_are_a_manifest_and_no_python(record_property: Any) -> None:
    sizes = {}
    for platform in CATALOG:
        manifest = len((FOLDER / f"{platform}.toml").read_text().splitlines())
        sizes[platform] = own_lines(platform)
        record_property("size", f"{platform:<30}{manifest:>10}{sizes[platform]:>10}")
    assert len(sizes) >= 24
    assert statistics.median(sizes.values()) <= 60


def test_every_platform_has_its_place_among_those_that_are_shown() -> None:
    shown = {one.name for one in PLANNED}
    every = load_catalog(drafts=True)
    assert {name for name, manifest in every.items() if not manifest.system} <= shown


def test_no_vendor_is_named_outside_its_manifest_and_its_hook() -> None:
    found = [
        f"{where}:{number}: {platform}"
        for file in MODULES
        if not file.is_relative_to(HOOKS)
        for where in [str(file.relative_to(ROOT))]
        for number, line in enumerate(file.read_text().splitlines(), 1)
        for platform in CATALOG
        if platform not in KNOWN.get(where, ()) and spelled(platform).search(line)
    ]
    assert found == []
