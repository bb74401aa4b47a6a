"""HubSpot's search: filters, one sort rule, at most 10,000 results."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import parse_ms
from ..conditions import Conditions, marks, ordered
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .kinds import CREATED, MODIFIED

if TYPE_CHECKING:
    from .vendor import HubSpot

OPERATORS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
MOST_RESULTS = 10_000


class Search(Resource):
    """Finds CRM objects by their properties."""

    vendor: "HubSpot"

    def route(self, routes: Routes) -> None:
        """The path of the search of each kind."""
        routes.add("POST", "/crm/v3/objects/{kind}/search", self.search)

    def search(self, call: Call) -> Answer:
        """Filters, one sort rule, at most 10,000 results; what was written a moment ago isn't found yet."""
        kind = self.vendor.kind_of(call)
        given = call.json()
        groups = given.get("filterGroups") or []
        if len(groups) > 5 or sum(len(item.get("filters", [])) for item in groups) > 18:
            raise self.vendor.invalid("Too many filters: at most 5 groups and 18 filters", "TOO_MANY_FILTERS")
        limit = int(given.get("limit") or 10)
        start = int(given.get("after") or 0)
        if not 1 <= limit <= 200:
            raise self.vendor.invalid("Invalid limit: must be from 1 to 200", "INVALID_LIMIT")
        if start + limit > MOST_RESULTS:
            raise self.vendor.invalid("The maximum number of results is 10000", "PAGING_TOO_DEEP")
        conditions = self.asked_for(kind, groups, given.get("query"))
        where, values = conditions.where, conditions.values
        total = self.kind(kind).count(where, values)
        rows = self.kind(kind).rows(
            where, (*values, limit, start), f"{self.order(kind, given)} LIMIT ? OFFSET ?"
        )
        body: dict[str, Any] = {
            "total": total,
            "results": [self.vendor.objects.shape(kind, r, given.get("properties")) for r in rows],
        }
        if start + limit < total:
            body["paging"] = {"next": {"after": str(start + limit)}}
        return reply(body, records=len(rows))

    def asked_for(self, kind: str, groups: list[dict[str, Any]], text: object) -> Conditions:
        """The filters and the text of a search, for records that it can see already."""
        conditions = Conditions("state = 0")
        asked = {str(one.get("propertyName")) for item in groups for one in item.get("filters", [])}
        self.vendor.add_search_lag(conditions, not asked.isdisjoint(MODIFIED))
        if groups:
            choices, values = [], list[object]()
            for item in groups:
                parts = [self.condition(kind, one, values) for one in item.get("filters", [])] or ["1"]
                choices.append("(" + " AND ".join(parts) + ")")
            conditions.add("(" + " OR ".join(choices) + ")", *values)
        if text:
            pattern = f"%{str(text).lower()}%"
            conditions.add("(email LIKE ? OR phone LIKE ? OR lower(body) LIKE ?)", pattern, pattern, pattern)
        return conditions

    def column(self, kind: str, name: str) -> tuple[str, str]:
        """What a property is in SQL, and the way its values are compared: text, number, or moment."""
        if name in CREATED:
            return "created", "moment"
        if name in MODIFIED:
            return "updated", "moment"
        if name == "hs_object_id":
            return "seq", "number"
        meta = self.vendor.properties.known[kind].get(name)
        if name == "hs_searchable_calculated_phone_number":
            return "phone", "text"
        if meta is None or not re.fullmatch(r"\w+", name):
            raise self.vendor.invalid(
                f"There was a problem with the request: unknown property {name}", "INVALID_PROPERTY", name
            )
        if name == "email" and kind == "contacts":
            return "email", "text"
        column = f"json_extract(body, '$.properties.{name}')"
        if meta["type"] == "number":
            return f"CAST({column} AS REAL)", "number"
        return f"lower({column})", "text"

    def condition(self, kind: str, given: dict[str, Any], values: list[object]) -> str:
        """One filter as SQL; what it compares with is put behind `values`."""
        column, way = self.column(kind, str(given["propertyName"]))
        operator = given["operator"]

        def bound(value: object) -> object:
            return self.compared(value, way, str(given["propertyName"]))

        if operator in OPERATORS:
            values.append(bound(given["value"]))
            missing = f" OR {column} IS NULL" if operator == "NEQ" else ""
            return f"({column} {OPERATORS[operator]} ?{missing})"
        if operator == "BETWEEN":
            values += [bound(given["value"]), bound(given["highValue"])]
            return f"{column} BETWEEN ? AND ?"
        if operator in ("IN", "NOT_IN"):
            many = [bound(value) for value in given["values"]]
            values += many
            return f"{column} {'NOT ' if operator == 'NOT_IN' else ''}IN ({marks(len(many))})"
        if operator == "HAS_PROPERTY":
            return f"{column} IS NOT NULL"
        if operator == "NOT_HAS_PROPERTY":
            return f"{column} IS NULL"
        if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
            values.append("%" + str(given["value"]).lower().replace("*", "%") + "%")
            return f"{column} {'NOT ' if operator.startswith('NOT') else ''}LIKE ?"
        raise self.vendor.invalid(f"Unknown operator {operator}", "INVALID_OPERATOR")

    def compared(self, value: object, way: str, name: str) -> object:
        """A value of a filter in the way that its property is compared."""
        if way == "moment":
            moment = parse_ms(str(value))
            if moment is None:
                raise self.vendor.invalid(f"Invalid date: {value}", "INVALID_DATE", name)
            return moment
        if way == "number":
            return float(str(value))
        return str(value).lower()

    def order(self, kind: str, given: dict[str, Any]) -> str:
        """The one sort rule; by id where there is none."""
        sorts = given.get("sorts") or []
        if len(sorts) > 1:
            raise self.vendor.invalid("Only one sort rule is possible", "TOO_MANY_SORTS")
        if not sorts:
            return "ORDER BY seq"
        rule = sorts[0]
        if isinstance(rule, str):
            name, down = rule.lstrip("-"), rule.startswith("-")
        else:
            name, down = str(rule["propertyName"]), str(rule.get("direction", "")).upper().startswith("DESC")
        return ordered(self.column(kind, name)[0], down)
