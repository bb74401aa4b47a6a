"""Lists of Perkstar: by page and size, in the envelope, records with their customers beside them."""

from typing import TYPE_CHECKING, Any

import orjson

from ..conditions import Conditions, marks
from ..wire import Answer, Call, Refused

if TYPE_CHECKING:
    from .vendor import Perkstar

LARGEST_PAGE = 1000
MOST_AT_ONCE = 500
"""How many customers are looked up in one query."""


class Lists:
    """Makes pages of stored records and of short lists."""

    def __init__(self, vendor: "Perkstar") -> None:
        self.vendor = vendor
        self.kind = vendor.kind

    def paged(self, call: Call) -> tuple[int, int]:
        """Page and size; 422 where they are out of range."""
        page, size = call.number("page", 1, 1), call.number("itemsPerPage", 30, 1)
        if size > LARGEST_PAGE:
            raise self.vendor.unprocessable("itemsPerPage", f"must be at most {LARGEST_PAGE}")
        return page, size

    def answer(self, page: int, size: int, total: int, bodies: list[bytes]) -> Answer:
        """A page in the envelope."""
        meta = f'{{"totalItems":{total},"itemsPerPage":{size},"currentPage":{page}}}'.encode()
        return Answer(
            200, self.vendor.envelope(200, b"[" + b",".join(bodies) + b"]", meta), records=len(bodies)
        )

    def listed(self, call: Call, items: list[dict[str, Any]]) -> Answer:
        """A page of a short list."""
        page, size = self.paged(call)
        part = items[(page - 1) * size : page * size]
        return self.answer(page, size, len(items), [orjson.dumps(item) for item in part])

    def stored(self, call: Call, kind: str, conditions: Conditions, *, join: bool) -> Answer:
        """A page of stored records; `join`: with their customers beside them."""
        page, size = self.paged(call)
        where, values = conditions.where, conditions.values
        total = self.kind(kind).count(where, values)
        rows = self.kind(kind).raw(where, (*values, size, (page - 1) * size), "ORDER BY seq LIMIT ? OFFSET ?")
        bodies = [row[3] for row in rows]
        return self.answer(page, size, total, self.joined_customers(bodies) if join else bodies)

    def joined_customers(self, bodies: list[bytes]) -> list[bytes]:
        """The records with the member `customer`."""
        owners = [orjson.loads(body)["customerId"] for body in bodies]
        known: dict[str, bytes] = {}
        unique = list(dict.fromkeys(owners))
        for start in range(0, len(unique), MOST_AT_ONCE):
            part = unique[start : start + MOST_AT_ONCE]
            for row in self.kind("customers").raw(f"id IN ({marks(len(part))})", part, ""):
                known[orjson.loads(row[3])["id"]] = row[3]
        return [
            body[:-1] + b',"customer":' + known[owner] + b"}" if owner in known else body
            for body, owner in zip(bodies, owners, strict=True)
        ]

    def among(self, items: list[dict[str, Any]], identifier: object) -> dict[str, Any]:
        """An item of a short list, else 404."""
        for item in items:
            if str(item["id"]) == str(identifier):
                return item
        raise Refused(self.vendor.refusal(404, f"{identifier} not found"))
