"""Every platform's guide says how a deletion there is learnt, and what becomes of whoever was deleted."""

import pytest

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.guide import KEPT, guide_of

WORKING = {name: manifest for name, manifest in load_catalog(drafts=True).items() if manifest.data}
SYNCED = sorted(
    (name, data.value) for name, manifest in WORKING.items() if not manifest.system for data in manifest.data
)
"""Each platform with each data type that it has."""


def line(name: str, data: str) -> str:
    """What the guide says of a data type."""
    return next(row for row in guide_of(WORKING[name]).splitlines() if row.startswith(f"- **{data}**"))


def test_no_platform_is_left_out() -> None:
    assert len({name for name, _ in SYNCED}) >= 24


@pytest.mark.parametrize(("name", "data"), SYNCED)
def test_it_says_how_a_deletion_is_learnt_and_what_is_done(name: str, data: str) -> None:
    spec = WORKING[name].data[DataType(data)]
    said = line(name, data)
    assert len(spec.deletes.split()) > 4 and spec.deletes in said
    assert (KEPT in said) == (data == "customers" and spec.to_perkstar)


@pytest.mark.parametrize("name", [name for name, data in SYNCED if data == "customers"])
def test_when_it_is_learnt_is_when_it_can_be(name: str) -> None:
    """By a read of everything, where only changes are told; with the next sync, where all is read or gone ones too."""
    spec = WORKING[name].data[DataType.CUSTOMERS]
    if spec.complete_only and spec.to_perkstar:
        assert "next sync, which reads all" in spec.deletes
    elif "full compare" in spec.deletes:
        assert spec.by_change and spec.match_keys
    elif spec.by_change:
        assert "told with the next sync" in spec.deletes
