"""HubSpot's batches: up to a hundred inputs, each done or told among the errors."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..clock import iso_ms
from ..resource import Resource
from ..wire import Answer, Call, Refused, Routes, reply

if TYPE_CHECKING:
    from .vendor import HubSpot

BATCH = 100


class Batches(Resource):
    """The form of a batch, and the batches of CRM objects."""

    vendor: "HubSpot"

    def route(self, routes: Routes) -> None:
        """The paths of `/crm/v3/objects/{kind}/batch`."""
        for word, handler in (("read", self.read), ("create", self.create), ("update", self.update),
                              ("upsert", self.upsert), ("archive", self.archive)):  # fmt: skip
            routes.add("POST", f"/crm/v3/objects/{{kind}}/batch/{word}", handler)

    def inputs(self, call: Call) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
        """Kind, inputs and the whole body of a batch."""
        given = call.json()
        inputs = given["inputs"]
        if not isinstance(inputs, list) or not inputs:
            raise self.vendor.invalid("inputs: must not be empty", "EMPTY_INPUTS")
        if len(inputs) > BATCH:
            raise self.vendor.invalid(f"inputs: at most {BATCH} records in a batch", "BATCH_SIZE_EXCEEDED")
        return self.vendor.kind_of(call), inputs, given

    def answer(self, results: list[Any], errors: list[Any], status: int) -> Answer:
        """The answer of a batch, 207 where it has errors."""
        now = iso_ms(self.clock.ms())
        body: dict[str, Any] = {"status": "COMPLETE", "results": results, "requestedAt": now, "startedAt": now,
                                "completedAt": now}  # fmt: skip
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return reply(body, 207 if errors else status, records=len(results))

    def told(
        self, category: str, message: str, context: dict[str, list[str]], errors: list[Any]
    ) -> dict[str, Any]:
        """One error of a batch."""
        return {"status": "error", "category": category, "message": message, "context": context, "errors": errors,
                "links": {}}  # fmt: skip

    def each(self, call: Call, status: int, act: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Answer:
        """Do a batch one by one; what is refused stands among the errors, with the input's trace id."""
        kind, inputs, _ = self.inputs(call)
        results, errors = [], []
        for item in inputs:
            try:
                results.append(act(kind, item))
            except Refused as refused:
                said = refused.answer.json()
                trace = item.get("objectWriteTraceId")
                context = {"objectWriteTraceId": [str(trace)]} if trace else {}
                if "id" in item:
                    context["ids"] = [str(item["id"])]
                errors.append(self.told(said["category"], said["message"], context, said.get("errors", [])))
        return self.answer(results, errors, status)

    def traced(self, shown: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
        """The record with the trace id of its input."""
        if item.get("objectWriteTraceId"):
            shown["objectWriteTraceId"] = str(item["objectWriteTraceId"])
        return shown

    # CRM objects

    def read(self, call: Call) -> Answer:
        """Up to a hundred records by id or by a unique property; 207 where some are unknown."""
        kind, inputs, given = self.inputs(call)
        rows, lost = [], []
        archived = call.arg("archived") == "true"
        for item in inputs:
            row = self.vendor.objects.found(kind, str(item["id"]), given.get("idProperty") or "", archived)
            if row is None:
                lost.append(str(item["id"]))
            else:
                rows.append(row)
        wanted, history = given.get("properties"), given.get("propertiesWithHistory")
        results = [self.vendor.objects.shape(kind, row, wanted, history) for row in rows]
        errors = []
        if lost:
            message = f"Could not get some {kind.upper()} objects, they may be deleted or not exist."
            errors = [self.told("OBJECT_NOT_FOUND", message, {"ids": lost}, [])]
        return self.answer(results, errors, 200)

    def create(self, call: Call) -> Answer:
        """Up to a hundred new records."""

        def act(kind: str, item: dict[str, Any]) -> dict[str, Any]:
            row = self.vendor.objects.insert(kind, self.vendor.values.checked(kind, item))
            return self.traced(self.vendor.objects.shape(kind, row, list(item["properties"])), item)

        return self.each(call, 201, act)

    def update(self, call: Call) -> Answer:
        """Change up to a hundred records."""

        def act(kind: str, item: dict[str, Any]) -> dict[str, Any]:
            row = self.vendor.objects.found(kind, str(item["id"]), item.get("idProperty") or "")
            if row is None:
                raise self.vendor.not_found()
            row = self.vendor.objects.alter(kind, row, self.vendor.values.checked(kind, item))
            return self.traced(self.vendor.objects.shape(kind, row, list(item["properties"])), item)

        return self.each(call, 200, act)

    def upsert(self, call: Call) -> Answer:
        """Make or change up to a hundred records by a property with unique values."""

        def act(kind: str, item: dict[str, Any]) -> dict[str, Any]:
            by = item.get("idProperty") or ""
            properties = self.vendor.values.checked(kind, item)
            row = self.vendor.objects.found(kind, str(item["id"]), by)
            if row is None and not by:
                raise self.vendor.not_found()
            new = row is None
            if row is None:
                row = self.vendor.objects.insert(kind, {by: str(item["id"])} | properties)
            else:
                row = self.vendor.objects.alter(kind, row, properties)
            return self.traced(self.vendor.objects.shape(kind, row, list(properties)) | {"new": new}, item)

        return self.each(call, 200, act)

    def archive(self, call: Call) -> Answer:
        """Put up to a hundred records into the bin."""
        kind, inputs, _ = self.inputs(call)
        for item in inputs:
            row = self.vendor.objects.found(kind, str(item["id"]))
            if row is not None:
                self.vendor.objects.put_away(kind, row)
        return Answer(204)
