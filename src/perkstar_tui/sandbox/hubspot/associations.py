"""Associations between HubSpot's CRM objects."""

from typing import TYPE_CHECKING, Any

from ..resource import Resource
from ..state import LIVE, Row
from ..wire import Answer, Call, Routes, reply
from .kinds import NAMES, TYPES

if TYPE_CHECKING:
    from .vendor import HubSpot

NUMBERS = {("orders", "contacts"): 507, ("contacts", "orders"): 508, ("deals", "contacts"): 3,
           ("contacts", "deals"): 4}  # fmt: skip
"""The numbers of the usual associations, by the two kinds; any other has the number 1."""
OTHER_KIND = {number: other for (_, other), number in NUMBERS.items()}


def association_type(kind: str, other: str) -> int:
    """The number of the usual association between two kinds."""
    return NUMBERS.get((kind, other), 1)


def other_kind(number: object, kind: str) -> str:
    """The kind at the other end of an association that is named by its number."""
    usual = "contacts" if kind != "contacts" else "orders"
    return OTHER_KIND.get(number, usual) if isinstance(number, int) else usual


class Associations(Resource):
    """Ties between two records, kept once from each side."""

    vendor: "HubSpot"

    def route(self, routes: Routes) -> None:
        """The paths of one record's ties, and of batches of pairs."""
        links = "/crm/v4/objects/{from}/{id}/associations"
        routes.add("PUT", f"{links}/default/{{to}}/{{other}}", self.associate_default)
        routes.add("GET", f"{links}/{{to}}", self.associated)
        routes.add("PUT", f"{links}/{{to}}/{{other}}", self.associate)
        routes.add("DELETE", f"{links}/{{to}}/{{other}}", self.dissociate)
        pairs = "/crm/v4/associations/{from}/{to}/batch"
        routes.add("POST", f"{pairs}/associate/default", self.batch_associate_default)
        routes.add("POST", f"{pairs}/create", self.batch_associate)
        routes.add("POST", f"{pairs}/read", self.batch_associated)
        routes.add("POST", f"{pairs}/archive", self.batch_dissociate)

    def links(self, kind: str, identifier: str, other: str) -> list[Row]:
        """What a record is tied to."""
        return self.kind("associations").rows("ref = ?", (f"{kind}/{identifier}/{other}",))

    def link(self, kind: str, identifier: str, other: str, to: str) -> None:
        """Tie two records, seen from both."""
        found = self.vendor.objects.found
        if found(kind, identifier) is None or found(other, to) is None:
            raise self.vendor.not_found()
        now = self.clock.ms()
        for one, a, two, b in ((kind, identifier, other, to), (other, to, kind, identifier)):
            key = f"{one}/{a}/{two}/{b}"
            if self.kind("associations").get(key) is None:
                self.kind("associations").put(
                    Row(None, key, None, None, f"{one}/{a}/{two}", now, now, LIVE, {"to": b})
                )

    def untie(self, kind: str, one: str, other: str, two: str) -> None:
        """Untie two records, seen from both."""
        self.kind("associations").delete(f"{kind}/{one}/{other}/{two}")
        self.kind("associations").delete(f"{other}/{two}/{kind}/{one}")

    def pair(self, call: Call) -> tuple[str, str]:
        """The two kinds that a path names."""
        return self.vendor.kind_of(call, "from"), self.vendor.kind_of(call, "to")

    def tied(self, kind: str, identifier: str, other: str) -> list[dict[str, Any]]:
        number = association_type(kind, other)
        return [
            {
                "toObjectId": row.body["to"],
                "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": number}],
            }
            for row in self.links(kind, identifier, other)
        ]

    def add_to(self, kind: str, shown: list[dict[str, Any]], words: list[str]) -> None:
        """Let records that are shown tell what they are tied to, of the kinds that were asked for."""
        for word in words:
            self.add_kind(kind, shown, NAMES.get(word, word))

    def add_kind(self, kind: str, shown: list[dict[str, Any]], other: str) -> None:
        for record in shown:
            ids = [link.body["to"] for link in self.links(kind, record["id"], other)]
            if ids:
                word = f"{kind[:-1]}_to_{other[:-1]}"
                record.setdefault("associations", {})[other] = {
                    "results": [{"id": i, "type": word} for i in ids]
                }

    def default_result(self, kind: str, one: str, other: str, two: str) -> list[dict[str, Any]]:
        self.link(kind, one, other, two)
        return [
            {"from": {"id": a}, "to": {"id": b},
             "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}}
            for a, b, number in ((one, two, association_type(kind, other)),
                                 (two, one, association_type(other, kind)))
        ]  # fmt: skip

    def associate_default(self, call: Call) -> Answer:
        """Tie two records in the usual way."""
        kind, other = self.pair(call)
        return self.vendor.batches.answer(
            self.default_result(kind, call.params["id"], other, call.params["other"]), [], 200
        )

    def batch_associate_default(self, call: Call) -> Answer:
        """Tie many in the usual way."""
        kind, other = self.pair(call)
        results = []
        for item in call.json()["inputs"]:
            results += self.default_result(kind, str(item["from"]["id"]), other, str(item["to"]["id"]))
        return self.vendor.batches.answer(results, [], 200)

    def labels(self, kind: str, one: str, other: str, two: str) -> dict[str, Any]:
        self.link(kind, one, other, two)
        return {"fromObjectTypeId": TYPES[kind], "fromObjectId": one, "toObjectTypeId": TYPES[other],
                "toObjectId": two, "labels": []}  # fmt: skip

    def associate(self, call: Call) -> Answer:
        """Tie two records."""
        kind, other = self.pair(call)
        return reply(self.labels(kind, call.params["id"], other, call.params["other"]), 201)

    def batch_associate(self, call: Call) -> Answer:
        """Tie many."""
        kind, other = self.pair(call)
        inputs = call.json()["inputs"]
        results = [self.labels(kind, str(i["from"]["id"]), other, str(i["to"]["id"])) for i in inputs]
        return self.vendor.batches.answer(results, [], 201)

    def associated(self, call: Call) -> Answer:
        """What a record is tied to."""
        kind, other = self.pair(call)
        return reply({"results": self.tied(kind, call.params["id"], other)})

    def batch_associated(self, call: Call) -> Answer:
        """What many are tied to."""
        kind, other = self.pair(call)
        ids = [str(item["id"]) for item in call.json()["inputs"]]
        results = [{"from": {"id": i}, "to": self.tied(kind, i, other)} for i in ids]
        return self.vendor.batches.answer(results, [], 200)

    def dissociate(self, call: Call) -> Answer:
        """Untie two records."""
        kind, other = self.pair(call)
        self.untie(kind, call.params["id"], other, call.params["other"])
        return Answer(204)

    def batch_dissociate(self, call: Call) -> Answer:
        """Untie many."""
        kind, other = self.pair(call)
        for item in call.json()["inputs"]:
            for to in item["to"]:
                self.untie(kind, str(item["from"]["id"]), other, str(to["id"]))
        return Answer(204)
