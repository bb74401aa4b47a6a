"""The tables that the program uses are those that are declared, and a start declares none."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from perkstar_tui.store import models, tables

ROOT = Path(__file__).resolve().parents[2]


def described(metadata: MetaData, dialect: Any) -> dict[str, list[str]]:
    """Each table with its indexes as a database would be told them."""
    return {
        table.name: [
            str(CreateTable(table).compile(dialect=dialect)),
            *sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes),
        ]
        for table in metadata.sorted_tables
    }


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
def test_the_drawn_tables_are_the_declared_ones(dialect: Any) -> None:
    assert described(tables.METADATA, dialect) == described(models.SQLModel.metadata, dialect)


def test_what_is_not_given_is_filled_as_declared() -> None:
    def filled(metadata: MetaData) -> dict[str, Any]:
        return {
            f"{table.name}.{column.name}": given.arg if given.is_scalar else given.arg(None)
            for table in metadata.sorted_tables
            for column in table.columns
            if (given := column.default) is not None
        }

    assert filled(tables.METADATA) == filled(models.SQLModel.metadata)


def test_names_of_columns_are_plain_text_so_that_rows_can_be_written_as_json() -> None:
    assert {type(c.name) for table in tables.METADATA.tables.values() for c in table.columns} == {str}


def test_the_drawn_page_is_current() -> None:
    argv = [sys.executable, str(ROOT / ".ci" / "tables.py"), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_start_declares_no_models() -> None:
    asked = (
        "import sys, perkstar_tui.hub.hub; print(sorted({'sqlmodel', 'sqlalchemy.orm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
