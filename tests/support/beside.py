"""Where the vendors' own descriptions lie, if they do: beside the project, never in it."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
