"""Rows by the hundred: an INSERT that is compiled once, past the work that each statement usually costs.

Values are brought into the database's form by the same types as everywhere else; only the way is shorter. Half of a
first sync's time in the store went into binding parameters before.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Table, bindparam, insert, literal_column, text, update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect

Bind = Callable[[Any], Any]

_STANDARD = DefaultDialect()
"""Writes literals as standard SQL has them; a database's own sign for parameters is escaped by its compiler."""


class _Compiled:
    """The statement for one table, choice of columns and database; values that all rows share stand in it."""

    def __init__(
        self,
        target: Table,
        columns: tuple[str, ...],
        dialect: Dialect,
        same: Mapping[str, Any] = {},
    ) -> None:
        values: dict[str, Any] = {name: bindparam(name) for name in columns}
        for name, value in same.items():
            shown = target.c[name].type.dialect_impl(_STANDARD).literal_processor(_STANDARD)
            assert shown is not None, name
            values[name] = literal_column(shown(value))
        compiled = insert(target).values(values).compile(dialect=dialect)
        self.sql = str(compiled)
        self.positional = bool(compiled.positional)
        self.names = tuple(compiled.positiontup or ()) if self.positional else columns
        self.binds: dict[str, Bind] = {}
        for name in self.names:
            bind = target.c[name].type.dialect_impl(dialect).bind_processor(dialect)
            if bind is not None:
                self.binds[name] = bind

    def rows(self, values: Mapping[str, Sequence[Any]], written: Container[str]) -> list[Any]:
        """The parameters of each row, from its columns."""
        columns = [
            _bound(values[name], self.binds[name])
            if name in self.binds and name not in written
            else values[name]
            for name in self.names
        ]
        whole = list(zip(*columns, strict=True))
        if self.positional:
            return whole
        return [dict(zip(self.names, row, strict=True)) for row in whole]


def _bound(values: Sequence[Any], bind: Bind) -> list[Any]:
    """Each in the database's form; one that several rows share is worked out once (times, provenance)."""
    shown: dict[int, Any] = {}
    found = []
    for value in values:
        # Two values cannot have one address, since `values` keeps them all.
        address = id(value)
        if address not in shown:
            shown[address] = bind(value)
        found.append(shown[address])
    return found


@lru_cache(maxsize=64)
def _compiled(target: Table, columns: tuple[str, ...], dialect: Dialect) -> _Compiled:
    return _Compiled(target, columns, dialect)


def insert_rows(
    connection: Connection,
    target: Table,
    rows: Sequence[Mapping[str, Any]],
    columns: tuple[str, ...] | None = None,
) -> None:
    """Insert rows that all have the same columns (or those named); the others become NULL."""
    if not rows:
        return
    names = columns or tuple(rows[0])
    # Turned to columns by the interpreter's own loops, since a page has tens of thousands of values; the last one
    # twice, for a getter of a single name would give no row.
    by_column = zip(*map(itemgetter(*names, names[-1]), rows), strict=True)
    insert_columns(connection, target, dict(zip(names, by_column, strict=False)))


def insert_columns(
    connection: Connection,
    target: Table,
    columns: Mapping[str, Sequence[Any]],
    *,
    same: Mapping[str, Any] | None = None,
    written: Container[str] = (),
) -> None:
    """Insert rows given by their columns, all of the same length.

    A column that no row has a value for is left out, which is the same, and spares the work for each row; so does one
    whose values are all the `same`. `written` are columns of JSON that is text already (`json_text`).
    """
    filled = {name: column for name, column in columns.items() if column.count(None) < len(column)}
    if not filled:
        return
    if same:
        # Not kept: the next page has other times.
        compiled = _Compiled(target, tuple(filled), connection.dialect, same)
    else:
        compiled = _compiled(target, tuple(filled), connection.dialect)
    connection.exec_driver_sql(compiled.sql, compiled.rows(filled, written))


def one_of(connection: Connection, column: Column[Any]) -> Any:
    """The condition that a text column has one of many values, given as the single parameter `values`.

    However many there are, the statement stays the same one; see `values_of`.
    """
    if connection.dialect.name == "sqlite":
        return column.in_(text("SELECT value FROM json_each(:values)").bindparams(bindparam("values")))
    from sqlalchemy import Text, any_
    from sqlalchemy.dialects.postgresql import ARRAY

    return column == any_(bindparam("values", type_=ARRAY(Text)))


def values_of(connection: Connection, values: Sequence[str]) -> dict[str, Any]:
    """The parameter for `one_of`."""
    given = list(values)
    return {"values": orjson.dumps(given).decode() if connection.dialect.name == "sqlite" else given}


def update_rows(connection: Connection, target: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change rows by their `id`, given as `b_id`; those with the same columns go in one statement."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row)), []).append(row)
    for columns, same in groups.items():
        statement = update(target).where(target.c.id == bindparam("b_id"))
        named: dict[str, Any] = {name: bindparam(name) for name in columns if name != "b_id"}
        connection.execute(statement.values(named), same)
