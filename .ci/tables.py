"""Writes `store/tables.py` from `store/models.py`: `python .ci/tables.py`, or `--check` in a test.

A table of the library's core is made in a fiftieth of the time that declaring it as a model takes, and the program
never needs more.
"""

import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, Index, Table, UniqueConstraint
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from perkstar_tui.store import models

PAGE = Path(models.__file__).with_name("tables.py")
HEAD = '''"""The tables, drawn from `models.py` by `.ci/tables.py`: what they mean stands there."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .types import Provenance, UtcTime, column

METADATA = MetaData()
'''


quoted = json.dumps


def kind(column: Column[Any]) -> str:
    """A column's type as it is written."""
    its = column.type
    if isinstance(its, AutoString):
        return "String"
    if isinstance(its, JSON) and its.none_as_null:
        return "JSON(none_as_null=True)"
    variants = [
        f'.with_variant({type(one).__name__}, "{name}")' for name, one in its._variant_mapping.items()
    ]
    return type(its).__name__ + ("()" if variants else "") + "".join(variants)


def default(column: Column[Any]) -> str | None:
    """What stands there where nothing is given, as it is written."""
    given: Any = column.default
    if given is None:
        return None
    if given.is_scalar:
        return quoted(given.arg) if isinstance(given.arg, str) else repr(given.arg)
    return str(given.arg.__wrapped__.__name__)


def drawn_column(column: Column[Any]) -> str:
    """A column as it is written; ids that the database counts up are told so."""
    parts = [quoted(column.name), kind(column)]
    if column.primary_key:
        parts.append("primary_key=True")
    elif not column.nullable:
        parts.append("nullable=False")
    if column.autoincrement is not None and column.autoincrement != "auto":
        parts.append(f"autoincrement={column.autoincrement}")
    if column.index:
        parts.append("index=True")
    if column.unique:
        parts.append("unique=True")
    filled = default(column)
    if filled is not None:
        parts.append(f"default={filled}")
    return f"column({', '.join(parts)})"


def drawn_index(index: Index) -> str:
    """An index over several columns, or one of some rows."""
    parts = [quoted(index.name), *(quoted(column.name) for column in index.columns)]
    if index.unique:
        parts.append("unique=True")
    for database in ("sqlite", "postgresql"):
        where = index.dialect_options[database].get("where")
        if where is not None:
            parts.append(f"{database}_where=text({quoted(str(where))})")
    return f"Index({', '.join(parts)})"


def drawn(name: str, table: Table) -> str:
    """A table as it is written."""
    alone = {f"ix_{table.name}_{column.name}" for column in table.columns if column.index}
    lines = [quoted(table.name), "METADATA", *(drawn_column(column) for column in table.columns)]
    for constraint in sorted(
        (one for one in table.constraints if isinstance(one, UniqueConstraint)),
        key=lambda one: str(one.columns),
    ):
        names = [column.name for column in constraint.columns]
        if len(names) > 1:
            lines.append(f"UniqueConstraint({', '.join(map(quoted, names))})")
    lines += [
        drawn_index(index)
        for index in sorted(table.indexes, key=lambda one: str(one.name))
        if index.name not in alone
    ]
    lines += [f"{name}={value!r}" for name, value in sorted(table.kwargs.items())]
    inner = "\n".join(f"    {line}," for line in lines)
    return f"{name} = Table(\n{inner}\n)\n"


def page() -> str:
    """The whole module, in the order of the models."""
    found = {
        name: one for name, one in vars(models).items() if isinstance(one, type) and issubclass(one, SQLModel)
    }
    made = {name: one.__table__ for name, one in found.items() if hasattr(one, "__table__")}
    return HEAD + "\n" + "\n".join(drawn(name, table) for name, table in made.items())


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        print("store/tables.py is not what store/models.py says: python .ci/tables.py")
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
