"""How values of our own kinds lie in the database, and columns as the tables have them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, TypeDecorator
from sqlalchemy.engine import Dialect


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime kept as milliseconds since 1970 in UTC: the same bytes on both databases, fast to read."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


class Provenance(TypeDecorator[dict[str, list[Any]]]):
    """Who wrote each field and when, as {field: [origin, ms]}; kept by writer, [[origin, ms, "field field"], ...].

    Most fields of a customer were written together, so this is a third as long, and half of a customer's row was it.
    Rows of older versions, which kept it as it is read, are read as well.
    """

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: dict[str, list[Any]] | None, dialect: Dialect) -> Any:
        if not value:
            return []
        written: dict[tuple[Any, Any], list[str]] = {}
        for name, (origin, at) in value.items():
            written.setdefault((origin, at), []).append(name)
        return [[origin, at, " ".join(names)] for (origin, at), names in written.items()]

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, list[Any]]:
        if isinstance(value, dict):
            return value
        return {name: [origin, at] for origin, at, names in value or () for name in names.split(" ")}


def column(name: str, *kind: Any, **more: Any) -> Column[Any]:
    """A column whose name is plain text. Named at once it'd be of the library's own kind of text, by which no row that
    comes back could be written as JSON.
    """
    made: Column[Any] = Column(*kind, **more)
    made.name = made.key = name
    return made
