"""Renew the pins in pyproject.toml: resolve afresh, then write every version as a constraint.

Run `python .ci/pin.py`. A lock file would record the hosts that packages came from, so uv.lock stays out of
git and the versions, indirect ones too, stand in `[tool.uv] constraint-dependencies`.
"""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"constraint-dependencies = \[\n.*?\]\n", re.S)


def main() -> None:
    project = ROOT / "pyproject.toml"
    bare = BLOCK.sub("constraint-dependencies = [\n]\n", project.read_text())
    project.write_text(bare)
    lock = ROOT / "uv.lock"
    lock.unlink(missing_ok=True)
    subprocess.run(["uv", "lock"], cwd=ROOT, check=True)  # noqa: S607
    lines = set()
    for package in tomllib.loads(lock.read_text())["package"]:
        if "registry" not in package.get("source", {}):
            continue
        markers = package.get("resolution-markers", [])
        if markers:
            lines.update(f"{package['name']}=={package['version']} ; {marker}" for marker in markers)
        else:
            lines.add(f"{package['name']}=={package['version']}")
    block = "".join(f'  "{line.replace(chr(34), chr(39))}",\n' for line in sorted(lines))
    project.write_text(BLOCK.sub(lambda _: f"constraint-dependencies = [\n{block}]\n", bare))


if __name__ == "__main__":
    main()
