"""Shopify's bulk operations: a query without pages that is worked off later, its answer a file with a record a line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_named_type,
    parse,
    validate,
)

from .clock import iso_utc
from .resource import Resource
from .wire import Answer, Call, Refused, Routes

if TYPE_CHECKING:
    from .shopify import Shopify

FILES = "/bulk-operation-outputs/"
MOST_UNDER_WAY = 5
"""Operations that a shop may have under way at once, since version 2026-01."""
MOST_CONNECTIONS, MOST_NESTED = 5, 2
ASKED_FOR = 2
"""How often an operation is asked for until it is done."""
LONGEST_S = 60.0
"""Seconds after which it is done though nobody asks."""
ENDED = ("COMPLETED", "FAILED", "CANCELED")


class Bulk(Resource):
    """The operations of one shop, and their files."""

    vendor: "Shopify"

    def __init__(self, vendor: "Shopify", schema: GraphQLSchema) -> None:
        super().__init__(vendor)
        self.schema = schema
        self.operations: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[bytes, int]] = {}

    def route(self, routes: Routes) -> None:
        """The files; all else comes in by GraphQL."""
        routes.add("GET", f"{FILES}{{name}}", self.file)

    def outside(self, call: Call) -> bool:
        """Whether a request is for a file: their addresses are signed, so they want no token."""
        return call.path.startswith(FILES)

    def file(self, call: Call) -> Answer:
        """What came of an operation."""
        found = self.files.get(call.params["name"])
        if found is None or not call.arg("Signature"):
            raise Refused(Answer(403, b"<Error><Code>AccessDenied</Code></Error>", {}, "application/xml"))
        return Answer(200, found[0], {}, "application/jsonl", records=found[1])

    # asking ----------------------------------------------------------------------------------------------------

    def one(self, info: Any, id: str) -> dict[str, Any] | None:
        """An operation, which gets on by being asked for."""
        found = self.operations.get(id)
        return None if found is None else self.asked(found)

    def current(self, info: Any, type: str = "QUERY") -> dict[str, Any] | None:
        """The one begun last, as it stands."""
        return list(self.operations.values())[-1] if self.operations and type == "QUERY" else None

    def asked(self, operation: dict[str, Any]) -> dict[str, Any]:
        """How an operation stands after it was asked for once more."""
        operation["asked"] += 1
        status = operation["status"]
        if status == "CANCELING":
            operation["status"] = "CANCELED"
        elif status not in ENDED:
            operation["status"] = "RUNNING"
            if operation["asked"] >= ASKED_FOR:
                self.end(operation)
        return operation

    def end(self, operation: dict[str, Any]) -> None:
        """The file is there, or it has failed."""
        operation["completedAt"] = iso_utc(self.clock.ms())
        if operation["fails"]:
            operation |= {"status": "FAILED", "errorCode": operation["fails"]}
            return
        content, roots = operation["made"]
        lines = content.count(b"\n")
        operation |= {"status": "COMPLETED", "objectCount": str(lines), "rootObjectCount": str(roots)}
        if lines:
            name = f"bulk-{operation['id'].rpartition('/')[2]}.jsonl"
            self.files[name] = content, roots
            signed = (
                f"Expires={round(self.clock.now()) + 604_800}&Signature={self.chance.getrandbits(64):016x}"
            )
            operation |= {"url": f"{self.vendor.url}{FILES}{name}?{signed}", "fileSize": str(len(content))}

    def cancel(self, info: Any, id: str) -> dict[str, Any]:
        """Stop one that is under way."""
        found = self.operations.get(id)
        if found is None or found["status"] in ENDED:
            words = "Bulk operation does not exist" if found is None else "It has ended already"
            return {"bulkOperation": found, "userErrors": [{"field": ["id"], "message": words}]}
        found["status"] = "CANCELING"
        return {"bulkOperation": found, "userErrors": []}

    # beginning -------------------------------------------------------------------------------------------------

    def run(self, info: Any, query: str, groupObjects: bool = False) -> dict[str, Any]:
        """A new operation; its file has what is there now."""
        long_ago = self.clock.now() - LONGEST_S
        for operation in self.operations.values():
            if operation["status"] not in ENDED and operation["since"] < long_ago:
                self.end(operation)
        if sum(o["status"] not in ENDED for o in self.operations.values()) >= MOST_UNDER_WAY:
            return refused("LIMIT_REACHED", "Too many bulk operations are in progress for this app and shop")
        try:
            field = self.checked(query)
        except GraphQLError as error:
            return refused("INVALID", f"Invalid bulk query: {error.message}")
        self.vendor.number += 1
        id_ = f"gid://shopify/BulkOperation/{self.vendor.number}"
        made = self.operations[id_] = {
            "id": id_, "status": "CREATED", "type": "QUERY",
            "query": query, "createdAt": iso_utc(self.clock.ms()), "objectCount": "0", "rootObjectCount": "0",
            "asked": 0, "since": self.clock.now(), "fails": self.vendor.faults.failing(),
            "made": self.content(query, field, grouped=groupObjects),
        }  # fmt: skip
        self.vendor.store.writes += 1
        return {"bulkOperation": dict(made), "userErrors": []}

    def checked(self, query: str) -> FieldNode:
        """The one connection that a query asks for; raises `GraphQLError` for what is not taken."""
        document = parse(query)
        mistakes = validate(self.schema, document)
        if mistakes:
            raise mistakes[0]
        [operation, *more] = document.definitions
        if more or not isinstance(operation, OperationDefinitionNode):
            raise GraphQLError("only one operation, without fragments, is played here")
        [field, *others] = operation.selection_set.selections
        if operation.operation is not OperationType.QUERY or others or not isinstance(field, FieldNode):
            raise GraphQLError("there must be one top-level field of a query")
        assert self.schema.query_type is not None
        kind = kind_of(self.schema.query_type, field)
        if not is_connection(kind):
            raise GraphQLError("there must be at least one connection")
        if self.counted(kind, field, 0) > MOST_CONNECTIONS:
            raise GraphQLError("there are more than five connections")
        return field

    def counted(self, kind: GraphQLNamedType, field: FieldNode, depth: int) -> int:
        """How many connections a connection and what lies in it are."""
        if depth > MOST_NESTED:
            raise GraphQLError("connections are nested more than two levels deep")
        node, chosen = node_of(kind, field)
        inner = [(kind_of(node, part), part) for part in chosen]
        nested = [(of, part) for of, part in inner if is_connection(of)]
        if nested and not any(part.name.value == "id" and part.alias is None for part in chosen):
            raise GraphQLError("the parent of a nested connection must select 'id' without an alias")
        return 1 + sum(self.counted(of, part, depth + 1) for of, part in nested)

    def content(self, query: str, field: FieldNode, *, grouped: bool) -> tuple[bytes, int]:
        """The file, and how many records stand at the root."""
        assert self.schema.query_type is not None
        self.vendor.at_large = True
        try:
            done: Any = execute(self.schema, parse(query), root_value=self.vendor.root())
        finally:
            self.vendor.at_large = False
        if done.errors:
            raise done.errors[0]
        kind = kind_of(self.schema.query_type, field)
        lines = list(lines_of(kind, field, done.data[name_of(field)], None))
        if not grouped:
            lines.sort(key=lambda line: "__parentId" in line)
        roots = sum("__parentId" not in line for line in lines)
        return b"".join(orjson.dumps(line) + b"\n" for line in lines), roots


def refused(code: str, message: str) -> dict[str, Any]:
    """Why no operation was begun."""
    return {
        "bulkOperation": None,
        "userErrors": [{"code": code, "field": ["query"], "message": message}],
    }


def name_of(field: FieldNode) -> str:
    """What a field is called in an answer."""
    return field.alias.value if field.alias else field.name.value


def kind_of(parent: GraphQLObjectType, field: FieldNode) -> GraphQLNamedType:
    """The type of a field."""
    found: GraphQLNamedType = get_named_type(parent.fields[field.name.value].type)
    return found


def is_connection(kind: GraphQLNamedType) -> bool:
    """Whether a type is a list in pages."""
    return kind.name.endswith("Connection")


def chosen_in(field: FieldNode) -> list[FieldNode]:
    """The fields that are asked for in a field."""
    chosen = field.selection_set.selections if field.selection_set else ()
    if not all(isinstance(part, FieldNode) for part in chosen):
        raise GraphQLError("fragments are not played here")
    return [part for part in chosen if isinstance(part, FieldNode)]


def node_of(kind: GraphQLNamedType, field: FieldNode) -> tuple[GraphQLObjectType, list[FieldNode]]:
    """The type of a connection's records, and what is asked for of them."""
    for part in chosen_in(field):
        inner = (
            [part] if part.name.value == "nodes" else chosen_in(part) if part.name.value == "edges" else []
        )
        for node in inner:
            if node.name.value in ("node", "nodes"):
                assert isinstance(kind, GraphQLObjectType)
                found = get_named_type(kind.fields["nodes"].type)
                assert isinstance(found, GraphQLObjectType)
                return found, chosen_in(node)
    raise GraphQLError("a connection must select its nodes")


def lines_of(kind: GraphQLNamedType, field: FieldNode, answer: Any, parent: str | None) -> Iterator[Any]:
    """The records of a connection, each with those of its own connections below it."""
    node, chosen = node_of(kind, field)
    below = [(kind_of(node, part), part) for part in chosen if is_connection(kind_of(node, part))]
    names = {name_of(part) for _, part in below}
    records = answer["nodes"] if "nodes" in answer else [edge["node"] for edge in answer["edges"]]
    for record in records:
        line = {name: value for name, value in record.items() if name not in names}
        yield line if parent is None else {**line, "__parentId": parent}
        for of, part in below:
            yield from lines_of(of, part, record[name_of(part)], record["id"])
