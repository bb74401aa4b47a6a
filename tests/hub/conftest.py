"""A hub with one integration, however that stands."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.reading import SUBSCRIPTION
from perkstar_tui.hub.settings import Settings
from perkstar_tui.sync.context import INTEGRATION


@pytest.fixture
def hub_of(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Makes it: of a platform, reached at `public`, its deliveries taken at `address`; `row` and `config` on top."""
    made: list[Hub] = []

    def make(
        platform: str, public: str | None = None, address: str = "", row: dict[str, Any] | None = None, **config: Any
    ) -> Hub:  # fmt: skip
        database = f"sqlite:///{tmp_path / 'perkstar.db'}"
        hub = Hub(Settings(home=tmp_path, database_url=database, vault="file", public_url=public))
        made.append(hub)
        hub.attach_local("Bean & Leaf")
        now = hub.bench.clock.now()
        values: dict[str, Any] = {
            "id": "int_1", "name": "The books", "platform": platform, "kind": hub.bench.catalog[platform].kind.value,
            "status": "active", "created_at": now, "activated_at": now, "last_success": now, "last_sync": now,
            "config": {"frequency": "realtime", "data": ["customers"], "direction": "both"} | config,
            "config_version": 1, "scopes": [], "form": "oauth", "remote_account_name": "Shop", "failures": 0,
            "previewed": True, "paused_by": "", "status_reason": "", "disconnect_reason": "", "owner": "",
            "purpose": "",
        }  # fmt: skip
        with hub.bench.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**(values | (row or {}))))
            if address:
                hooks = insert(SUBSCRIPTION).values(
                    integration_id="int_1", remote_id="by hand", url=address, at=now
                )
                connection.execute(hooks)
        return hub

    yield make
    for hub in made:
        hub.close()
