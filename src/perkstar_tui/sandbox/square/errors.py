"""Errors in Square's form."""

from ..wire import Answer, Refused, reply


def error(status: int, category: str, code: str, detail: str, field: str = "") -> Answer:
    """An error of any category."""
    entry = {"category": category, "code": code, "detail": detail} | ({"field": field} if field else {})
    return reply({"errors": [entry]}, status)


def invalid(code: str, detail: str, field: str = "", status: int = 400) -> Refused:
    """A wrong request."""
    return Refused(error(status, "INVALID_REQUEST_ERROR", code, detail, field))


def not_found(detail: str, field: str = "") -> Refused:
    """404 for a record."""
    return invalid("NOT_FOUND", detail, field, 404)


def conflict(field: str = "version", detail: str = "Version mismatch.") -> Refused:
    """409 for a write to an older version."""
    return invalid("CONFLICT", detail, field, 409)
