"""A first sync whose export fails: the run says why, and the next one goes on where the pages stood."""

from pathlib import Path

import pytest
from shop import Shop, sandbox

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog

SPEC = load_catalog().of_vendors()["shopify"].data[DataType.CUSTOMERS]
PAGE = 7


def test_a_run_after_a_failed_export_goes_on_by_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SPEC.export is not None
    monkeypatch.setitem(SPEC.__dict__, "page_size", PAGE)
    monkeypatch.setitem(SPEC.export.__dict__, "above", 0)
    with sandbox("--no-limits", "--only", "shopify", customers=30) as box:
        there = len(box.records("shopify", "customers"))
        shop = Shop(box, tmp_path / "home", inside=True)
        shop.connect("shopify", "--data", "customers", "--direction", "to-perkstar")
        box.faults("shopify", rules=[{"effect": "fail-job", "reason": "TIMEOUT"}])
        failed = shop.sync("shopify")
        assert failed["outcome"] == "failed" and "TIMEOUT" in str(failed), failed
        assert failed["inward"]["read"] == PAGE
        asked = len(box.requests("shopify"))
        again = shop.sync("shopify")
        assert again["outcome"] == "succeeded" and again["inward"]["read"] == there - PAGE
        # By the pages behind the first one, whatever else proves who one is.
        assert len(box.requests("shopify")) - asked <= -(-there // PAGE)
        verdict = box.check()["platforms"]["shopify"]
        assert verdict["linked"] == verdict["equal"] == there, verdict
