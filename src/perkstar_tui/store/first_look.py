"""The rows of the screen's first paint, read from the store's file by sqlite3 alone.

It needs nothing that takes time to load, so that the table stands with the frame; the whole store opens behind it.
"""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_TIMES = {
    "created_at", "activated_at", "last_sync", "last_success", "next_run_at", "failing_since", "disconnected_at",
    "started", "ended", "expires_at", "key_added", "key_worked", "progress_at",
}  # fmt: skip
_JSON = {"config", "scopes", "error", "kinds"}


def read(file: Path) -> SimpleNamespace | None:
    """What the main screen is made of, by name; None where there is no store."""
    if not file.exists():
        return None
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=0.2) as connection:
            connection.row_factory = sqlite3.Row
            return _rows(connection)
    except sqlite3.Error:
        # Tables of another version, or a file that is busy: the store itself will say so, or wait.
        return None


def _rows(connection: sqlite3.Connection) -> SimpleNamespace:
    def all_of(query: str, *values: Any) -> list[SimpleNamespace]:
        return [_row(row) for row in connection.execute(query, values)]

    integrations = all_of("SELECT * FROM integration ORDER BY id")
    last_runs = (
        "SELECT outcome, started, ended, throttled_ms, error FROM sync_run"
        " WHERE integration_id = ? AND ended IS NOT NULL ORDER BY id DESC LIMIT 20"
    )
    return SimpleNamespace(
        accounts=all_of("SELECT * FROM account"),
        tiers=all_of("SELECT * FROM plan_tier ORDER BY position"),
        integrations=integrations,
        runs={row.id: all_of(last_runs, row.id) for row in integrations},
        links=all_of(
            "SELECT integration_id, state, code, count(*) AS number FROM record_link"
            " GROUP BY integration_id, state, code"
            # Who only waits for another record's decision is no decision of its own.
            " UNION ALL SELECT integration_id, 'held', 'duplicate', -count(*) FROM record_link"
            " WHERE integration_id IN (SELECT id FROM integration) AND state = 'held' AND code = 'duplicate'"
            " AND reason LIKE 'it may be the record%' GROUP BY integration_id"
            " UNION ALL SELECT integration_id, 'linked', NULL, count(*) FROM sent_row GROUP BY integration_id"
        ),
        expiries={
            row.owner_id: row.expires_at for row in all_of("SELECT owner_id, expires_at FROM credential")
        },
        heard={
            row.id
            for row in all_of("SELECT integration_id AS id FROM webhook_subscription WHERE remote_id != ''")
        },
        views={
            row.name: json.loads(row.value)
            for row in all_of("SELECT * FROM setting WHERE name LIKE 'view:%'")
        },
        alerts=all_of("SELECT kind, level FROM alert WHERE state = 'open'"),
        app=all_of("SELECT level, kinds FROM alert_route WHERE name = 'app'")[0],
        calls=all_of("SELECT hour, calls FROM api_call WHERE name = 'perkstar' ORDER BY hour DESC LIMIT 24"),
    )


def _row(row: sqlite3.Row) -> SimpleNamespace:
    values: dict[str, Any] = dict(row)
    for name in values.keys() & _TIMES:
        if values[name] is not None:
            values[name] = datetime.fromtimestamp(values[name] / 1000, UTC)
    for name in values.keys() & _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    return SimpleNamespace(**values)
