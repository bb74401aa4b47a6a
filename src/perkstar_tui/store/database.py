"""The store: opening it, and the two kinds of transaction there are.

SQLite runs in WAL mode and write transactions begin IMMEDIATE, since a read transaction that turns into a writer
fails at once. On PostgreSQL the revision counter's row lock puts writers in the same order.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, create_engine, event, select, text, update
from sqlalchemy.exc import DBAPIError

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from . import tables as t


class LeaseLostError(Exception):
    """Another owner has taken the lease: whatever this transaction was about to write is no longer its to write."""


def json_text(value: Any) -> str:
    """A value as the store keeps it in its columns of JSON."""
    return orjson.dumps(value).decode()


def _make_private(file: Path) -> None:
    """A new database is nobody else's to read; what SQLite lays beside it takes over its rights."""
    with contextlib.suppress(FileExistsError, FileNotFoundError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


PATIENCE_S = 30.0
"""How long a transaction waits for another program that holds the store."""

_TROUBLES = (
    (("SQLITE_BUSY", "SQLITE_LOCKED"), "Another program holds the store and does not let go.",
     "End the program that holds it (a backup, a database browser), then try again."),
    (("SQLITE_FULL",), "The disk that the store lies on is full.", "Free some space there, then try again."),
    (("SQLITE_IOERR",), "The disk that the store lies on cannot be read or written; it may be full.",
     "Look at the disk and its free space, then try again."),
    (("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH"), "The store's file cannot be written.",
     "Look at the rights of the home directory (`perkstar where`)."),
)  # fmt: skip
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def _trouble(error: DBAPIError) -> PerkstarError | None:
    """What kept the database from its work, in words; None for what is a fault of ours."""
    name = str(getattr(error.orig, "sqlite_errorname", "") or "")
    for names, message, remedy in _TROUBLES:
        if name.startswith(names):
            return PerkstarError(ErrorKind.STORE_UNAVAILABLE, message, remedy=remedy)
    if name.startswith(_DAMAGED):
        return PerkstarError(ErrorKind.STORE_DAMAGED, "The store's file is damaged.")
    if error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "AdminShutdown"):
        if name:
            return None
        return PerkstarError(
            ErrorKind.STORE_UNAVAILABLE,
            "The database server cannot be reached, or ended the connection.",
            remedy="Look whether it runs and whether PERKSTAR_DATABASE_URL is right, then try again.",
        )
    return None


@contextmanager
def _told_in_words() -> Iterator[None]:
    """Troubles of the database become errors that a person understands; nothing else is touched."""
    try:
        yield
    except DBAPIError as error:
        told = _trouble(error)
        if told is None:
            raise
        raise told from error


class Store:
    """One database. Safe to use from several threads; each transaction has a connection of its own."""

    def __init__(self, url: str, *, read_only: bool = False, patience_s: float = PATIENCE_S) -> None:
        self.url = url
        self.read_only = read_only
        self.sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"json_serializer": json_text, "json_deserializer": orjson.loads}
        if self.sqlite:
            options["connect_args"] = {"timeout": patience_s, "check_same_thread": False}
        self.engine = create_engine(url, **options)
        if self.sqlite:
            file = self.engine.url.database
            # A store in memory has no file.
            if not read_only and file and file != ":memory:":
                _make_private(Path(file))
            event.listen(self.engine, "connect", self._prepare_sqlite)
            event.listen(self.engine, "begin", self._begin_sqlite)
        self._watch_lock = threading.Lock()
        self._watch: Any = None
        self._changes = 0
        self._seen_version: int | None = None

    @staticmethod
    def at(home: Path, *, read_only: bool = False) -> "Store":
        """The default store of a home directory."""
        return Store(f"sqlite:///{home / 'perkstar.db'}", read_only=read_only)

    def _prepare_sqlite(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            # Of a new file only: half as many pages to look up and to write for the same rows.
            "page_size=8192",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "cache_size=-65536",
            "wal_autocheckpoint=8000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if self.read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @staticmethod
    def _begin_sqlite(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; nothing may be written in it. Raises PerkstarError STORE_UNAVAILABLE."""
        with _told_in_words(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, fence: "tuple[str, int] | None" = None, *, durable: bool = False) -> Iterator[Connection]:
        """One write transaction: all or nothing. With `fence` (lease name, number) it holds only for that owner.

        `durable` waits until the disk has it, for intents (a crash of the machine must not forget them).
        Raises LeaseLostError, or PerkstarError: NOT_ALLOWED when opened read-only, STORE_UNAVAILABLE when the disk is
        full, another program holds the store, or its server is away.
        """
        if self.read_only:
            raise PerkstarError(
                ErrorKind.NOT_ALLOWED, "The store is open read-only, so nothing can be changed."
            )
        with _told_in_words(), self.engine.connect().execution_options(writes=True) as connection:
            if durable and self.sqlite:
                connection.connection.dbapi_connection.execute("PRAGMA synchronous=FULL")  # type: ignore[union-attr]
            try:
                with connection.begin():
                    if fence is not None:
                        lease = t.Lease
                        found = connection.execute(
                            select(lease.c.fence).where(lease.c.name == fence[0])
                        ).scalar()
                        if found != fence[1]:
                            raise LeaseLostError(fence[0])
                    yield connection
                    if not self.sqlite:
                        connection.execute(text("NOTIFY perkstar"))
            finally:
                if durable and self.sqlite:
                    connection.connection.dbapi_connection.execute(  # type: ignore[union-attr]
                        "PRAGMA synchronous=NORMAL"
                    )

    def next_revisions(self, connection: Connection, count: int) -> int:
        """Take `count` numbers of the store-wide counter; answers the first. Call it before reading hub rows."""
        counter = t.RevisionCounter
        statement = (
            update(counter).where(counter.c.id == 1).values(n=counter.c.n + count).returning(counter.c.n)
        )
        last: int = connection.execute(statement).scalar_one()
        return last - count + 1

    def changes(self) -> int:
        """A number that grows when anything was committed, by this process or another; costs microseconds on
        SQLite and one round trip on PostgreSQL."""
        with self._watch_lock:
            if self._watch is None:
                self._watch = self.engine.raw_connection()
                if not self.sqlite:
                    self._watch.dbapi_connection.autocommit = True
                    self._watch.dbapi_connection.execute("LISTEN perkstar")
            if self.sqlite:
                version = self._watch.dbapi_connection.execute("PRAGMA data_version").fetchone()[0]
                if version != self._seen_version:
                    self._seen_version = version
                    self._changes += 1
            else:
                # A round trip first: what was notified before it has then arrived, so nothing committed is missed.
                self._watch.dbapi_connection.execute("SELECT 1")
                self._changes += sum(1 for _ in self._watch.dbapi_connection.notifies(timeout=0))
            return self._changes

    def upgrade(self) -> None:
        """Bring the tables to this program's version. Cheap when they are already there."""
        from .migrations.upgrade import upgrade

        with _told_in_words():
            upgrade(self)

    def get_setting(self, name: str, default: Any = None) -> Any:
        setting = t.Setting
        with self.read() as connection:
            row = connection.execute(select(setting.c.value).where(setting.c.name == name)).first()
        return default if row is None else row[0]

    def set_setting(self, name: str, value: Any) -> None:
        setting = t.Setting
        with self.write() as connection:
            if not connection.execute(
                update(setting).where(setting.c.name == name).values(value=value)
            ).rowcount:
                connection.execute(setting.insert().values(name=name, value=value))

    def close(self) -> None:
        with self._watch_lock:
            if self._watch is not None:
                if not self.sqlite:
                    self._watch.detach()
                self._watch.close()
                self._watch = None
        self.engine.dispose()


def ms(moment: datetime) -> int:
    """Milliseconds since 1970, as provenance keeps times."""
    return round(moment.timestamp() * 1000)
