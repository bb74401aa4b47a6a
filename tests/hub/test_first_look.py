"""The look before the hub is open shows what the hub will show."""

import subprocess
import sys

from perkstar_tui.hub.alerts.alerter import Alerter
from perkstar_tui.hub.first_look import first_look
from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings


def test_it_is_the_same_as_the_hubs_own_reading(tmp_path):
    from sqlalchemy import insert

    from perkstar_tui.sync.context import INTEGRATION, LINK, RUN

    hub = Hub(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file"))
    hub.attach_local("Bean & Leaf")
    now = hub.bench.clock.now()
    with hub.bench.store.write() as connection:
        connection.execute(
            insert(INTEGRATION).values(
                id="int_1", name="HubSpot", platform="hubspot", kind="prebuilt", status="error",
                status_reason="It broke.", created_at=now, activated_at=now, last_success=now,
                config={"frequency": "hourly", "data": ["customers"], "match": ["email"]}, config_version=1,
                scopes=["a"], form="oauth", remote_account_name="Shop", failures=3, previewed=True, paused_by="",
                disconnect_reason="", owner="", purpose="",
            )
        )  # fmt: skip
        for number, (state, code) in enumerate(
            [("linked", None), ("held", "record_rejected"), ("held", "duplicate")]
        ):
            connection.execute(
                insert(LINK).values(
                    integration_id="int_1",
                    data="customers",
                    remote_id=f"r{number}",
                    state=state,
                    code=code,
                    base={},
                )
            )
        connection.execute(
            insert(RUN).values(
                id="run_1", integration_id="int_1", trigger="manual", started=now, ended=now, outcome="failed",
                inward={}, outward={}, api_calls=1, bytes=1, throttled_ms=0, config_version=1,
            )
        )  # fmt: skip
    hub.remember("sort.integrations", "name down")
    Alerter(hub.bench).look()
    look = first_look(tmp_path)
    assert look is not None
    assert look.account == hub.account()
    assert look.alerts == len(hub.alerts.shown()) == 2
    hub.alerts.edit("app", {"level": "critical"})
    assert [one.alerts for one in [first_look(tmp_path)] if one] == [len(hub.alerts.shown())] == [1]
    assert (look.plan, look.key) == (hub.plan(), hub.key())
    assert look.remembered == {"sort.integrations": "name down"}
    seen, shown = look.views[0], hub.integrations()[0]
    assert (seen.id, seen.status, seen.counts, seen.status_reason, seen.next_sync) == (
        shown.id,
        shown.status,
        shown.counts,
        shown.status_reason,
        shown.next_sync,
    )
    assert abs(seen.health.score - shown.health.score) <= 1
    hub.close()


def test_there_is_none_without_a_store_or_an_account(tmp_path):
    assert first_look(tmp_path) is None
    Hub(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file")).close()
    assert first_look(tmp_path) is None


def test_the_way_to_the_first_paint_loads_nothing_heavy():
    code = (
        "import sys, perkstar_tui.__main__, perkstar_tui.cli.screen, perkstar_tui.tui.app, perkstar_tui.hub.first_look;"
        "heavy = {'sqlalchemy', 'sqlmodel', 'httpx', 'pydantic', 'apscheduler', 'keyring', 'typer', 'phonenumbers'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_store_on_sqlite_loads_nothing_of_postgresql_and_one_in_memory_leaves_no_file(tmp_path):
    code = (
        "import sys, perkstar_tui.hub.hub;"
        "from perkstar_tui.store.database import Store;"
        "Store('sqlite://').engine.connect().close();"
        "print([name for name in sys.modules if 'postgresql' in name or 'psycopg' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []
