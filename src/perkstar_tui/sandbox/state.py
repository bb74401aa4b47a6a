"""What a vendor knows: one temporary SQLite file, one table per kind, records kept as the vendor's own JSON.

Conditions come from the vendors' own modules and table names from their lists of kinds; values are always bound.
The columns beside the JSON are what lists, searches and duplicate checks go by, so that a page, a search by
address and "changed since" stay quick with a million records.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import orjson

NOT_DIGITS = re.compile(r"[^0-9]+")
LIVE, ARCHIVED, MERGED = 0, 1, 2

Cell: TypeAlias = tuple[int | None, str, str | None, str | None, str | None, int, int, int, str]
COLUMNS = "seq,id,email,phone,ref,created,updated,state,body"


@dataclass(slots=True)
class Row:
    """One record: the columns that are searched by, and its JSON as a dictionary."""

    seq: int | None
    id: str
    email: str | None
    phone: str | None
    ref: str | None
    created: int
    updated: int
    state: int
    body: dict[str, Any]

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """The record that a cell holds."""
        return cls(*cell[:8], orjson.loads(cell[8]))

    def touch(self, now: int) -> None:
        """Move the time of change to now, and always past what it was: two changes in one millisecond differ."""
        self.updated = max(now, self.updated + 1)


def normal_email(text: object) -> str | None:
    """An address as it is compared: trimmed and in lower case; None for nothing."""
    if not isinstance(text, str):
        return None
    return text.strip().lower() or None


def normal_phone(text: object) -> str | None:
    """A number as it is compared: digits with the country code, national spellings read as British."""
    if not isinstance(text, str):
        return None
    plus = text.strip().startswith("+")
    digits = NOT_DIGITS.sub("", text.replace("(0)", ""))
    if not digits:
        return None
    if plus:
        return digits
    if digits.startswith("00"):
        return digits[2:]
    if digits.startswith("0"):
        return "44" + digits[1:]
    return digits


class Kind:
    """The records of one kind at one vendor."""

    def __init__(self, store: "Store", name: str) -> None:
        self.store = store
        self.name = name
        self.table = f"k_{name}"
        self._live = 0
        self._counts: dict[tuple[str, tuple[object, ...]], int] = {}
        store.db.execute(
            f"CREATE TABLE {self.table} (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, email TEXT, phone TEXT,"
            " ref TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, state INTEGER NOT NULL,"
            " body TEXT NOT NULL)"
        )

    def load(self, cells: Iterable[Cell]) -> None:
        """Put many records in at once; the indexes come afterwards, see `Store.index`."""
        self.store.db.executemany(f"INSERT INTO {self.table} ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", cells)  # noqa: S608

    def index(self) -> None:
        """Build the indexes, once, after the seed is loaded, and count what is there."""
        sql = f"SELECT COUNT(*) FROM {self.table} WHERE state = 0"  # noqa: S608
        self._live = self.store.db.execute(sql).fetchone()[0]
        self.store.db.execute(f"CREATE UNIQUE INDEX {self.table}_id ON {self.table}(id)")
        for column in ("email", "phone", "ref"):
            self.store.db.execute(
                f"CREATE INDEX {self.table}_{column} ON {self.table}({column}) WHERE {column} IS NOT NULL"
            )
        self.store.db.execute(f"CREATE INDEX {self.table}_updated ON {self.table}(updated)")
        self.store.db.execute(f"CREATE INDEX {self.table}_created ON {self.table}(created)")

    def rows(self, where: str = "1", values: Sequence[object] = (), tail: str = "ORDER BY seq") -> list[Row]:
        """Whole records that fit a condition."""
        cursor = self.store.db.execute(f"SELECT {COLUMNS} FROM {self.table} WHERE {where} {tail}", values)  # noqa: S608
        return [
            Row(seq, identifier, email, phone, ref, created, updated, state, orjson.loads(body))
            for seq, identifier, email, phone, ref, created, updated, state, body in cursor
        ]

    def raw(
        self, where: str = "1", values: Sequence[object] = (), tail: str = "ORDER BY seq"
    ) -> list[tuple[int, int, int, bytes]]:
        """(seq, created, updated, JSON) of records that fit a condition, the JSON untouched."""
        sql = f"SELECT seq, created, updated, CAST(body AS BLOB) FROM {self.table} WHERE {where} {tail}"  # noqa: S608
        return self.store.db.execute(sql, values).fetchall()

    def first(self, where: str, *values: object) -> Row | None:
        """One record that fits a condition, the oldest."""
        found = self.rows(where, values, "ORDER BY seq LIMIT 1")
        return found[0] if found else None

    def longest_unchanged(self) -> Row | None:
        """The record whose last change lies furthest back."""
        found = self.rows("state = 0", (), "ORDER BY updated, seq LIMIT 1")
        return found[0] if found else None

    def get(self, identifier: str) -> Row | None:
        """A record by its id, in whatever state."""
        found = self.rows("id = ?", (identifier,), "LIMIT 1")
        return found[0] if found else None

    def live(self, identifier: str) -> Row | None:
        """A record by its id, unless it was archived or merged away."""
        row = self.get(identifier)
        return row if row is not None and row.state == LIVE else None

    def count(self, where: str = "state = 0", values: Sequence[object] = ()) -> int:
        """How many records fit a condition; the answer is kept until the next write."""
        if where == "state = 0":
            return self._live
        key = (where, tuple(values))
        found = self._counts.get(key)
        if found is None:
            sql = f"SELECT COUNT(*) FROM {self.table} WHERE {where}"  # noqa: S608
            found = self._counts[key] = self.store.db.execute(sql, values).fetchone()[0]
        return found

    def next_seq(self) -> int:
        """The number the next new record gets."""
        found: int | None = self.store.db.execute(f"SELECT MAX(seq) FROM {self.table}").fetchone()[0]  # noqa: S608
        return (found or 0) + 1

    def put(self, row: Row) -> Row:
        """Write a record, new or known (by `seq`)."""
        known = f"SELECT COUNT(*) FROM {self.table} WHERE (seq = ? OR id = ?) AND state = 0"  # noqa: S608
        replaced: int = self.store.db.execute(known, (row.seq, row.id)).fetchone()[0]
        self._live += (row.state == LIVE) - replaced
        body = orjson.dumps(row.body).decode()
        cells = (row.seq, row.id, row.email, row.phone, row.ref, row.created, row.updated, row.state, body)
        sql = f"INSERT OR REPLACE INTO {self.table} ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)"  # noqa: S608
        cursor = self.store.db.execute(sql, cells)
        if row.seq is None:
            row.seq = cursor.lastrowid
        self.store.writes += 1
        self._counts.clear()
        return row

    def delete(self, identifier: str) -> bool:
        """Remove a record for good; False when there was none."""
        known = f"SELECT COUNT(*) FROM {self.table} WHERE id = ? AND state = 0"  # noqa: S608
        self._live -= self.store.db.execute(known, (identifier,)).fetchone()[0]
        gone = self.store.db.execute(f"DELETE FROM {self.table} WHERE id = ?", (identifier,)).rowcount > 0  # noqa: S608
        self.store.writes += gone
        self._counts.clear()
        return gone

    def move_oldest_to_end(self) -> None:
        """Let the oldest live record be the newest, so that everything after it shifts by one place."""
        row = self.first("state = 0")
        if row is not None:
            self.delete(row.id)
            row.seq = None
            self.put(row)

    def duplicates(self) -> list[list[str]]:
        """Groups of live records with the same address, or the same phone and no differing address."""
        db = self.store.db
        groups: list[list[str]] = []
        grouped: set[frozenset[str]] = set()
        found = db.execute(
            f"SELECT json_group_array(id) FROM {self.table} WHERE state = 0 AND email IS NOT NULL"  # noqa: S608
            " GROUP BY email HAVING COUNT(*) > 1"
        ).fetchall()
        for (text,) in found:
            group = sorted(orjson.loads(text))
            groups.append(group)
            grouped.add(frozenset(group))
        found = db.execute(
            f"SELECT json_group_array(id), json_group_array(email) FROM {self.table}"  # noqa: S608
            " WHERE state = 0 AND phone IS NOT NULL GROUP BY phone HAVING COUNT(*) > 1"
        ).fetchall()
        for ids_text, emails_text in found:
            pairs = list(zip(orjson.loads(ids_text), orjson.loads(emails_text), strict=True))
            if len({email for _, email in pairs if email}) > 1:
                pairs = [pair for pair in pairs if not pair[1]]
            group = sorted(identifier for identifier, _ in pairs)
            if len(group) > 1 and frozenset(group) not in grouped:
                groups.append(group)
        return groups


class Store:
    """A vendor's file: kinds of records, and a count of the writes so far."""

    def __init__(self, path: Path, kinds: Iterable[str]) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-32000"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute("PRAGMA temp_store=MEMORY")
        self.writes = 0
        self.kinds = {name: Kind(self, name) for name in kinds}

    def __getitem__(self, kind: str) -> Kind:
        return self.kinds[kind]

    def begin(self) -> None:
        """Gather the writes that follow into one transaction."""
        self.db.execute("BEGIN")

    def commit(self) -> None:
        """End what `begin` began."""
        self.db.execute("COMMIT")

    def index(self) -> None:
        """Index every kind, after the seed is loaded."""
        for kind in self.kinds.values():
            kind.index()

    def close(self) -> None:
        """Let go of the file and remove it."""
        self.db.close()
        self.path.unlink(missing_ok=True)
