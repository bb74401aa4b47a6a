"""Mailchimp's batches: many operations in one request, their answers fetched later as a packed archive."""

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from ..clock import iso_s
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply

if TYPE_CHECKING:
    from .vendor import Mailchimp


def packed(identifier: str, answers: list[dict[str, Any]]) -> bytes:
    """Answers as the gzipped archive that Mailchimp keeps them in."""
    content = orjson.dumps(answers)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(f"{identifier}.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


class Batches(Resource):
    """Batches and their packed answers, by id."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.batches: dict[str, dict[str, Any]] = {}
        self.results: dict[str, bytes] = {}

    def route(self, routes: Routes) -> None:
        """The paths of `/batches`, and of the answers."""
        routes.add("GET", "/batches", self.listed)
        routes.add("POST", "/batches", self.start)
        routes.add("GET", "/batches/{id}", lambda call: reply(self.found(call)))
        routes.add("DELETE", "/batches/{id}", self.delete)
        routes.add("GET", "/batch-results/{id}", self.result)

    def start(self, call: Call) -> Answer:
        """Do many operations; the answers are fetched later, as a packed archive."""
        operations = call.json()["operations"]
        if not isinstance(operations, list) or not 0 < len(operations) <= 1000:
            raise self.vendor.invalid("operations", "A batch holds 1 to 1000 operations.")
        identifier = f"{self.chance.getrandbits(40):010x}"
        answers = [self.operate(item, call) for item in operations]
        failed = sum(item["status_code"] >= 400 for item in answers)
        self.results[identifier] = packed(identifier, answers)
        now = iso_s(self.clock.ms())
        self.batches[identifier] = {
            "id": identifier, "status": "pending", "total_operations": len(operations), "finished_operations": 0,
            "errored_operations": failed, "submitted_at": now, "completed_at": now,
            "response_body_url": f"{call.base}/batch-results/{identifier}",
        }  # fmt: skip
        return reply(self.batches[identifier] | {"errored_operations": 0})

    def operate(self, item: dict[str, Any], outer: Call) -> dict[str, Any]:
        """One operation, as the one who sent the batch would do it."""
        body = str(item.get("body") or "").encode()
        query = {name: [str(value)] for name, value in (item.get("params") or {}).items()}
        path, _, more = str(item["path"]).partition("?")
        inner = Call(
            str(item["method"]).upper(), path, query | parse_qs(more), outer.headers, body, outer.base
        )
        answer = self.vendor.answer(inner)
        return {"status_code": answer.status, "operation_id": item.get("operation_id"),
                "response": answer.body.decode()}  # fmt: skip

    def found(self, call: Call) -> dict[str, Any]:
        """A batch; it is finished when it is looked at."""
        found = self.batches.get(call.params["id"])
        if found is None:
            raise self.vendor.not_found()
        found |= {"status": "finished", "finished_operations": found["total_operations"]}
        return found

    def listed(self, call: Call) -> Answer:
        """Every batch."""
        return reply({"batches": list(self.batches.values()), "total_items": len(self.batches)})

    def delete(self, call: Call) -> Answer:
        """Forget a batch."""
        identifier = self.found(call)["id"]
        self.batches.pop(identifier)
        self.results.pop(identifier)
        return Answer(204)

    def result(self, call: Call) -> Answer:
        """The packed answers of a batch."""
        found = self.results.get(call.params["id"])
        if found is None:
            raise self.vendor.not_found()
        return Answer(200, found, {}, "application/gzip")
