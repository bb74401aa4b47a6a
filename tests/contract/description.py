"""The vendors' own API descriptions as a judge of what we send: path, query and body of a request."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import orjson
import yaml
from graphql import OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from jsonschema import Draft202012Validator

SHARED = Path(__file__).resolve().parents[3] / "shared"
SPECS = SHARED / "specs"
FILES: dict[str, list[tuple[Path, str]]] = {
    "perkstar": [(SHARED / "perkstar" / "api-v2.openapi.yaml", "")],
    "hubspot": [(SPECS / "hubspot" / "openapi.json", "")],
    "mailchimp": [(SPECS / "mailchimp" / "marketing.json", "/3.0")],
    "square": [(SPECS / "square" / "openapi.json", "")],
    "pipedrive": [
        (SPECS / "pipedrive" / "openapi-v2.json", "/api/v2"),
        (SPECS / "pipedrive" / "openapi-v1.json", "/api/v1"),
    ],
    "bigcommerce": [
        (SPECS / "bigcommerce" / "customers.v3.json", "/stores/[a-z0-9]+/v3"),
        (SPECS / "bigcommerce" / "webhooks.v3.json", "/stores/[a-z0-9]+/v3"),
        (SPECS / "bigcommerce" / "orders.v3.json", "/stores/[a-z0-9]+/v3"),
        (SPECS / "bigcommerce" / "orders.v2.json", "/stores/[a-z0-9]+/v2"),
        (SPECS / "bigcommerce" / "store_information.v2.json", "/stores/[a-z0-9]+/v2"),
    ],
    "lightspeed": [(SPECS / "lightspeed" / "openapi-2.0.json", "/api/2.0")],
    "klaviyo": [(SPECS / "klaviyo" / "openapi.json", "")],
    "constant-contact": [(SPECS / "constant-contact" / "openapi.json", "/v3")],
    "power-bi": [(SPECS / "power-bi" / "push-datasets.json", "")],
    "toast": [
        (SPECS / "toast" / "orders.json", "/orders/v2"),
        (SPECS / "toast" / "restaurants.json", "/restaurants/v1"),
        (SPECS / "toast" / "authentication.json", "/authentication/v1"),
    ],
    "sendgrid": [
        (SPECS / "sendgrid" / f"{name}.json", "")
        for name in ("mc_contacts_v3", "mc_custom_fields_v3", "mc_lists_v3", "scopes_v3")
    ],
    "shopify": [(SPECS / "shopify" / "admin-2026-04.graphql", "/admin/api/2026-04/graphql.json")],
    "mindbody": [(SPECS / "mindbody" / "public-api-v6.json", "")],
    "magento": [(SPECS / "magento" / "admin-2.4.9.json", "/rest/default")],
    "xero": [
        (SPECS / "xero" / "accounting.json", "/api.xro/2.0"),
        (SPECS / "xero" / "identity.json", ""),
    ],
    "woocommerce": [(SPECS / "woocommerce" / "wc-v3.json", "")],
    "quickbooks": [(SPECS / "quickbooks" / "finance-v3.xsd", "/v3/company/[0-9]+/")],
    "google-analytics": [(SPECS / "google-analytics" / "analyticsdata.v1beta.discovery.json", "")],
}
"""The files of a vendor's description, with what their paths begin with. A vendor without one is not judged."""
NOT_DESCRIBED = {
    "hubspot": [r"/account-info/v3/details", r"/oauth/v3/token(/revoke)?"],
    "mailchimp": [r"/oauth2/(token|metadata)"],
    "pipedrive": [r"/oauth/(token|revoke)", r"/api/v2/activities"],
    "bigcommerce": [r"/oauth2/token"],
    "lightspeed": [r"/api/1.0/token", r"/api/webhooks(/.*)?"],
    "klaviyo": [r"/oauth/(token|revoke)"],
    "mindbody": [r"/api/v1/subscriptions(/.*)?"],
    "constant-contact": [r"/oauth2/default/v1/token"],
    "power-bi": [r"/organizations/oauth2/.*"],
    "sendgrid": [r"/files/.*"],
    "shopify": [r"/admin/oauth/access_token", r"/bulk-operation-outputs/.*"],
    # Manual journals were left out of the part of the vendor's file that is kept.
    "xero": [r"/(identity/)?connect/.*", r"/connections", r"/api.xro/2.0/ManualJournals"],
    "quickbooks": [r"/oauth2/.*", r"/v2/oauth2/.*"],
    "woocommerce": [r"/wp-json/wc/v3/system_status"],
    "google-analytics": [r"(/debug)?/mp/collect", r"/token"],
}
"""What the vendors document elsewhere than in these files."""
OTHERWISE = {
    # The vendor's other descriptions have a number and a truth value there.
    "toast": [r"/authentication/login answered 401: (status|canRetry): "],
    # The ids of an account's own fields, of which the description shows one as an example.
    "sendgrid": [r"contacts\.\d+\.custom_fields: Additional"],
    "bigcommerce": [r"/v2/orders: an answer 204 is"],
    # Values go into their places by name or by number: an object or a list of plain texts.
    "magento": [r": parameters(\.\d+)?: "],
    "lightspeed": [r"version\.(min|max): None"],
    # The price of a line is a number in the examples of the same page.
    "woocommerce": [r"line_items\.\d+\.price: "],
}
"""What vendors take and answer otherwise than these files say, by their own words elsewhere."""


@cache
def described(platform: str) -> "Description | None":
    """The description of a platform, or None when the folder isn't beside the project."""
    files = FILES.get(platform, [])
    if not files or not all(file.exists() for file, _ in files):
        return None
    if files[0][0].suffix == ".xsd":
        return Description(platform, [_Records(file, base) for file, base in files])
    if files[0][0].suffix == ".graphql":
        return Description(platform, [_Graph(file.read_text(), base) for file, base in files])
    return Description(platform, [_Document(_openapi(_load(file)), base) for file, base in files])


def _load(file: Path) -> dict[str, Any]:
    text = file.read_bytes()
    found: dict[str, Any] = yaml.safe_load(text) if file.suffix == ".yaml" else orjson.loads(text)
    return found


KINDS = {"integer": "integer", "string": "string", "bool": "boolean", "boolean": "boolean", "object": "object",
         "array": "array", "date-time": "string", "mixed": None}  # fmt: skip
"""The kinds of WordPress' tables as JSON Schema has them."""


def _openapi(document: dict[str, Any]) -> dict[str, Any]:
    """A description by tables of properties and parameters, or by methods, as one of paths; any other as it is."""
    if document.get("kind") == "discovery#restDescription":
        return _discovered(document)
    if "resources" not in document:
        return document
    paths: dict[str, Any] = {}
    for resource in document["resources"].values():
        tables = resource["tables"]
        queries = [{"name": name, "in": "query"} for table, rows in tables.items() if "parameters" in table.lower()
                   for name in (*rows, "_fields")]  # fmt: skip
        main = next(rows for table, rows in tables.items() if table.endswith("properties"))
        record = _table(tables, main)
        for endpoint in resource["endpoints"]:
            path = endpoint["path"].replace("&lt;", "{").replace("&gt;", "}")
            many = endpoint["method"] == "GET" and not path.endswith("}")
            told: Any = {"type": "array", "items": record} if many else record
            taken = {"content": {"application/json": {"schema": record}}}
            if path.endswith("/batch"):
                lists = {"type": "array", "items": record}
                taken = {"content": {"application/json": {"schema": {
                    "properties": {"create": lists, "update": lists, "delete": {"type": "array"}}
                }}}}  # fmt: skip
                told = {"type": "object"}
            operation = {"parameters": queries if endpoint["method"] in ("GET", "DELETE") else []}
            operation["responses"] = {"2XX": {"content": {"application/json": {"schema": told}}}}
            if endpoint["method"] not in ("GET", "DELETE"):
                operation["requestBody"] = taken
            paths.setdefault(path, {})[endpoint["method"].lower()] = operation
    return {"paths": paths}


def _discovered(document: dict[str, Any]) -> dict[str, Any]:
    """Google's description of methods as one of paths."""

    def named(part: Any) -> Any:
        if isinstance(part, list):
            return [named(one) for one in part]
        if not isinstance(part, dict):
            return part
        found = {name: named(one) for name, one in part.items()}
        if isinstance(found.get("$ref"), str):
            found["$ref"] = f"#/components/schemas/{found['$ref']}"
        return found

    paths: dict[str, Any] = {}
    resources = list(document["resources"].values())
    for resource in resources:
        resources += resource.get("resources", {}).values()
        for method in resource.get("methods", {}).values():
            names = {**document["parameters"], **method.get("parameters", {})}
            operation = {
                "parameters": [{"name": name, "in": part["location"]} for name, part in names.items()],
                "responses": {
                    "2XX": {"content": {"application/json": {"schema": named(method["response"])}}}
                },
            }
            if "request" in method:
                operation["requestBody"] = {
                    "content": {"application/json": {"schema": named(method["request"])}}
                }
            paths.setdefault(f"/{method['flatPath']}", {})[method["httpMethod"].lower()] = operation
    return {"paths": paths, "components": {"schemas": named(document["schemas"])}}


def _table(tables: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    """A table of properties as a schema; its notes name the tables of objects inside."""
    members: dict[str, Any] = {}
    for name, row in rows.items():
        kind = KINDS.get(row["type"].lower())
        inner = re.search(r"See \[([^\]]+)\]", row["note"])
        schema: dict[str, Any] = {"type": [kind, "null"]} if kind else {}
        if inner and inner[1] in tables and kind in ("object", "array"):
            part = _table(tables, tables[inner[1]])
            schema = part if kind == "object" else {"type": "array", "items": part}
        members[name] = schema
    return {"type": "object", "properties": members}


def _strict(schema: Any) -> Any:
    """A schema of OpenAPI as JSON Schema, in which an object has no members but those that are named."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(part) for name, part in schema.items() if name not in ("nullable", "example")}
    if "properties" in found and not {"additionalProperties", "allOf", "oneOf"} & found.keys():
        found["additionalProperties"] = False
    if isinstance(found.get("exclusiveMinimum"), bool):
        del found["exclusiveMinimum"]
    if schema.get("nullable"):
        return {"anyOf": [found, {"type": "null"}]}
    return found


class Description:
    """What a vendor's documents say about a request."""

    def __init__(self, platform: str, documents: "list[_Document | _Graph | _Records]") -> None:
        self.documents = documents
        self.otherwise = [re.compile(pattern) for pattern in OTHERWISE.get(platform, [])]
        self.others = [re.compile(pattern) for pattern in NOT_DESCRIBED.get(platform, [])]

    def problems(self, method: str, path: str, query: str, content: bytes, kind: str) -> list[str]:
        """What of a request the vendor's description does not know or take; empty when all is well."""
        if any(pattern.fullmatch(path) for pattern in self.others):
            return []
        for document in self.documents:
            found = document.problems(method, path, query, content, kind)
            if found is not None:
                return [what for what in found if not any(pattern.search(what) for pattern in self.otherwise)]
        return [f"{method} {path} is not described"]

    def untrue(self, method: str, path: str, status: int, content: bytes) -> list[str]:
        """What of an answer the vendor's description does not say; empty when all is well."""
        if any(pattern.fullmatch(path) for pattern in self.others):
            return []
        found = (document.untrue(method, path, status, content) for document in self.documents)
        wrong = next((wrong for wrong in found if wrong is not None), [])
        return [what for what in wrong if not any(pattern.search(what) for pattern in self.otherwise)]


def _plain(schema: Any) -> Any:
    """A schema of OpenAPI as JSON Schema, in which an object may have members beside those that are named."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _plain(part) for name, part in schema.items() if name not in ("nullable", "example")}
    if isinstance(found.get("exclusiveMinimum"), bool):
        del found["exclusiveMinimum"]
    if schema.get("nullable") or schema.get("x-nullable"):
        return {"anyOf": [found, {"type": "null"}]}
    return found


class _Graph:
    """A schema of GraphQL: judges queries and their variables; answers have the shape that a query gives them."""

    def __init__(self, text: str, path: str) -> None:
        self.schema = build_schema(text)
        self.path = path

    def problems(self, method: str, path: str, query: str, content: bytes, kind: str) -> list[str] | None:
        """What is wrong with a request; None where it goes somewhere else."""
        if path != self.path:
            return None
        given = orjson.loads(content)
        document = parse(given["query"])
        wrong = [f"{path}: {mistake.message}" for mistake in validate(self.schema, document)]
        for part in document.definitions:
            if not wrong and isinstance(part, OperationDefinitionNode):
                variables = get_variable_values(
                    self.schema, part.variable_definitions or (), given.get("variables") or {}
                )
                wrong += [
                    f"{path}: {mistake.message}" for mistake in variables if isinstance(variables, list)
                ]
        return wrong

    def untrue(self, method: str, path: str, status: int, content: bytes) -> list[str] | None:
        """Nothing: a member that the query does not ask for would have failed the reading."""
        return [] if path == self.path else None


XS = "{http://www.w3.org/2001/XMLSchema}"
SIMPLE = {
    "decimal": (int, float),
    "boolean": (bool,),
    "int": (int,),
    "integer": (int,),
    "positiveInteger": (int,),
}
"""Kinds of plain values in a schema of XML, as JSON has them; all others are text."""


class _Records:
    """A schema of XML whose types are sent as JSON: judges the records in what is written and answered."""

    ALSO = {"Transaction": {"Adjustment", "TotalAmt", "GlobalTaxCalculation"}}
    """Members of the kinds that stand in the file only as what they are a kind of."""
    STAND_FOR = {"JournalEntry": "Transaction"}

    def __init__(self, file: Path, base: str) -> None:
        root = ElementTree.parse(file).getroot()
        self.base = re.compile(base)
        self.types = {found.get("name"): found for found in root.iter(XS + "complexType")}
        self.enums = {
            found.get("name"): {value.get("value") for value in found.iter(XS + "enumeration")}
            for found in root.iter(XS + "simpleType")
        }

    def problems(self, method: str, path: str, query: str, content: bytes, kind: str) -> list[str] | None:
        """What is wrong with a request; None where it goes somewhere else."""
        if self.base.match(path) is None:
            return None
        if not content:
            return []
        name, body = path.rpartition("/")[2], orjson.loads(content)
        if name == "journalentry":
            body = {"JournalEntry": body}
        return [f"{method} {path}: {wrong}" for wrong in self._records(body)]

    def untrue(self, method: str, path: str, status: int, content: bytes) -> list[str] | None:
        """What is wrong with an answer; None where it is to another request."""
        if self.base.match(path) is None:
            return None
        return [
            f"{method} {path} answered {status}: {wrong}" for wrong in self._records(orjson.loads(content))
        ]

    def _records(self, found: Any) -> list[str]:
        """What is wrong with the records in a body, wherever they lie in it."""
        if isinstance(found, list):
            return [wrong for one in found for wrong in self._records(one)]
        wrong = []
        for name, value in found.items() if isinstance(found, dict) else ():
            type_ = self.STAND_FOR.get(name, name)
            if type_ in self.types:
                for one in value if isinstance(value, list) else [value]:
                    wrong += self._wrong(type_, one, name)
            else:
                wrong += self._records(value)
        return wrong

    def _members(self, name: str) -> dict[str, str | None]:
        """The members of a type with theirs, those that it inherits too."""
        type_ = self.types[name]
        members: dict[str, str | None] = {
            part.get("name", ""): part.get("type")
            for tag in ("element", "attribute")
            for part in type_.iter(XS + tag)
            if part.get("name")
        }
        extended = type_.find(f".//{XS}extension")
        base = extended.get("base") if extended is not None else None
        if base in self.types:
            members = {**self._members(base), **members}
        elif base is not None:
            members["value"] = base
        return {**members, **dict.fromkeys(self.ALSO.get(name, ()))}

    def _wrong(self, name: str | None, value: Any, place: str) -> list[str]:
        if name in self.types:
            if not isinstance(value, dict):
                return [f"{place}: {value!r} is no {name}"]
            members = self._members(name)
            wrong = [f"{place}: {member} is not described" for member in value if member not in members]
            for member, part in value.items():
                for one in part if isinstance(part, list) else [part]:
                    wrong += self._wrong(members.get(member), one, f"{place}.{member}")
            return wrong
        if self.enums.get(name):
            return [] if value in self.enums[name] else [f"{place}: {value!r} is none of {name}"]
        kinds = SIMPLE.get((name or "").removeprefix("xs:"), (str,))
        if name is None or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))):
            return []
        return [f"{place}: {value!r} is no {name}"]


class _Document:
    """One document: its paths with what each takes."""

    def __init__(self, document: dict[str, Any], base: str) -> None:
        self.document = document
        self.base = re.compile(base)
        roots = ("components", "definitions", "parameters")
        self.roots = {name: _strict(document[name]) for name in roots if name in document}
        self.plain = {name: _plain(document[name]) for name in (*roots, "responses") if name in document}
        self.paths = sorted(document["paths"], key=lambda path: path.count("{"))
        self.judges: dict[tuple[int, bool], Draft202012Validator] = {}

    def _judge(self, schema: Any, *, strict: bool) -> Draft202012Validator:
        """The judge of a schema of this document, made once."""
        key = (id(schema), strict)
        if key not in self.judges:
            whole = {**_strict(schema), **self.roots} if strict else {**_plain(schema), **self.plain}
            self.judges[key] = Draft202012Validator(whole)
        return self.judges[key]

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        path = path.rstrip("/") or path
        for pattern in self.paths:
            if re.fullmatch(re.sub(r"\\{[^}]+\\}|\{[^}]+\}", "[^/]+", pattern), path):
                item = self.document["paths"][pattern]
                operation = item.get(method.lower())
                if operation is not None:
                    shared = item.get("parameters", [])
                    return {**operation, "parameters": [*shared, *operation.get("parameters", [])]}
        return None

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in part:
            return part
        place: Any = self.document
        for name in part["$ref"][2:].split("/"):
            place = place[name]
        return dict(place)

    def problems(self, method: str, path: str, query: str, content: bytes, kind: str) -> list[str] | None:
        """What is wrong with a request; None where the document does not know it."""
        begins = self.base.match(path)
        operation = self._operation(method, path[begins.end() :]) if begins is not None else None
        if operation is None:
            return None
        parameters = [self._resolve(part) for part in operation["parameters"]]
        known = {part["name"] for part in parameters if part["in"] == "query"}
        wrong = [
            f"{method} {path}: query {name} is not described" for name in parse_qs(query) if name not in known
        ]
        schema = next((part["schema"] for part in parameters if part["in"] == "body"), None)
        if schema is None:
            body = self._resolve(operation.get("requestBody") or {})
            schema = (body.get("content") or {}).get("application/json", {}).get("schema")
        if content and "json" in kind and schema is not None:
            judge = self._judge(schema, strict=True)
            for error in judge.iter_errors(orjson.loads(content)):
                place = ".".join(map(str, error.absolute_path))
                wrong.append(f"{method} {path}: {place}: {error.message[:300]}")
        return wrong

    def untrue(self, method: str, path: str, status: int, content: bytes) -> list[str] | None:
        """What is wrong with an answer; None where the document does not know the request."""
        begins = self.base.match(path)
        operation = self._operation(method, path[begins.end() :]) if begins is not None else None
        if operation is None:
            return None
        responses = operation.get("responses", {})
        told = responses.get(str(status)) or responses.get(f"{status // 100}XX") or responses.get("default")
        if told is None:
            return [f"{method} {path}: an answer {status} is not described"] if status < 300 else []
        described = self._resolve(told)
        contents = described.get("content") or {}
        schema = described.get("schema") or next(
            (part.get("schema") for kind, part in contents.items() if "json" in kind), None
        )
        if schema is None or not content:
            return []
        judge = self._judge(schema, strict=False)
        wrong = []
        for error in judge.iter_errors(orjson.loads(content)):
            place = ".".join(map(str, error.absolute_path))
            wrong.append(f"{method} {path} answered {status}: {place}: {error.message[:300]}")
            if len(wrong) > 5:
                break
        return wrong
