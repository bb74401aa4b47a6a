"""Tableau: projects, and data sources that are published as files, whole or in pieces; XML unless JSON is asked for."""

import random
import re
from datetime import date, datetime
from io import BytesIO
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import orjson

from . import business
from .clock import iso_ms
from .ids import random_uuid
from .limits import Windows
from .log_ins import LogIns
from .state import Row
from .taking import Taking
from .wire import Answer, Call, Refused, reply

NAMESPACE = "http://tableau.com/api"
NEWEST = (3, 27)
CALLS_A_SECOND = 20
MOST_AT_ONCE = 64 * 1024 * 1024
SESSION_S = 7200.0
USUAL_PAGE, MOST_ON_A_PAGE = 100, 1000
TEXTS = ("summary", "detail", "restApiVersion")
"""Members that stand as elements with text in XML; others are attributes."""


class Tableau(LogIns, Taking):
    """One site on one port, with the token of somebody who may publish in it."""

    name = "tableau"
    kinds = ("rows", "datasources", "projects")
    people_kind = "rows"

    def begin(self) -> None:
        """A site with two projects, and somebody's token."""
        self.site, self.site_id, self.user_id = (
            "leafloyalty",
            random_uuid(self.chance),
            random_uuid(self.chance),
        )
        self.token_name = "perkstar"
        self.tokens = {}
        self.uploads: dict[str, bytearray] = {}
        self.windows = Windows(self.clock, CALLS_A_SECOND, 1.0)
        self.renew()

    def renew(self) -> None:
        """Another token."""
        self.token_value = f"{self.chance.getrandbits(128):032x}:{self.chance.getrandbits(160):040x}"
        self.withdrawn = False

    def route(self) -> None:
        """The paths, whatever the version in them."""
        super().route()
        add = self.routes.add
        site = "/api/{v}/sites/{site}"
        for spelled in ("serverinfo", "serverInfo"):
            add("GET", f"/api/{{v}}/{spelled}", self.about)
        add("POST", "/api/{v}/auth/signin", self.sign_in)
        add("POST", "/api/{v}/auth/signout", self.sign_out)
        add("GET", f"{site}/users/{{id}}", self.user)
        add("GET", f"{site}/projects", lambda call: self.listed(call, "projects", self.projects()))
        add("GET", f"{site}/datasources", self.datasources)
        add("POST", f"{site}/datasources", self.publish)
        add("GET", f"{site}/datasources/{{id}}", self.one)
        add("PUT", f"{site}/datasources/{{id}}", self.rename)
        add("DELETE", f"{site}/datasources/{{id}}", self.delete)
        add("POST", f"{site}/fileUploads", self.begin_upload)
        add("PUT", f"{site}/fileUploads/{{id}}", self.add_to_upload)

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Data sources have UUIDs; rows are counted."""
        return str(seq) if kind == "rows" else random_uuid(chance)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """In the form that was asked for."""
        found = super().answer(call)
        if (
            "json" in call.headers.get("accept", "")
            or not found.body
            or found.content_type != "application/json"
        ):
            return found
        return Answer(found.status, as_xml(found.json()), found.headers, "application/xml;charset=utf-8",
                      found.records)  # fmt: skip

    def admit(self, call: Call) -> dict[str, str]:
        """The token of a session, on this site."""
        if not _known(call.path):
            raise Refused(self.refusal(404, "404000", "Resource Not Found", "Unknown version of the API."))
        if call.path.lower().endswith(("/serverinfo", "/auth/signin")):
            return {}
        if self.setting.limits and not self.windows.of(self.site_id).take():
            raise Refused(self.trouble(429, 1.0))
        if self.tokens.get(call.headers.get("x-tableau-auth", ""), 0.0) <= self.clock.now():
            raise Refused(
                self.refusal(401, "401002", "Unauthorized Access", "Invalid authentication credentials.")
            )
        if call.params.get("site", self.site_id) != self.site_id:
            raise Refused(self.refusal(404, "404000", "Resource Not Found", "The site was not found."))
        return {}

    def refusal(self, status: int, code: str, summary: str, detail: str) -> Answer:
        """An error."""
        return reply({"error": {"summary": summary, "detail": detail, "code": code}}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(405, "405000", "Invalid Request Method", "The method is not allowed.")
        return self.refusal(404, "404000", "Resource Not Found", "Unknown resource.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.refusal(429, "429000", "Too Many Requests", "Too many requests.")
        return self.refusal(status, f"{status}000", "Internal Server Error", "An error occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what can't be read."""
        return self.refusal(400, "400000", "Bad Request", "The request could not be read.")

    def credentials(self) -> dict[str, Any]:
        """Name and secret of the token, and where it is good."""
        return {
            "token_name": self.token_name, "token_value": self.token_value, "site": self.site,
            "server": "10ax.online.tableau.com",
        }  # fmt: skip

    def about(self, call: Call) -> Answer:
        """Which release it is; nobody has to sign in to know."""
        version = ".".join(map(str, NEWEST))
        return reply({"serverInfo": {"productVersion": {"value": "2025.3.0", "build": "20253.25.1113.1000"},
                                     "restApiVersion": version}})  # fmt: skip

    def sign_in(self, call: Call) -> Answer:
        """A session for a token; the one before it ends."""
        given = _asked(call, "credentials")
        secret = (given.get("personalAccessTokenName"), given.get("personalAccessTokenSecret"))
        site = (given.get("site") or {}).get("contentUrl")
        if secret != (self.token_name, self.token_value) or self.withdrawn or site != self.site:
            raise Refused(
                self.refusal(
                    401,
                    "401001",
                    "Signin Error",
                    "Error signing in to Tableau Server: the personal access token is not valid.",
                )
            )
        token = f"{self.chance.getrandbits(160):040x}|{random_uuid(self.chance)}"
        self.tokens = {token: self.clock.now() + SESSION_S}
        return reply({"credentials": {
            "site": {"id": self.site_id, "contentUrl": self.site}, "user": {"id": self.user_id}, "token": token,
            "estimatedTimeToExpiration": "02:00:00",
        }})  # fmt: skip

    def sign_out(self, call: Call) -> Answer:
        """The session ends."""
        self.tokens.pop(call.headers.get("x-tableau-auth", ""), None)
        return Answer(204)

    def user(self, call: Call) -> Answer:
        """Whose token it is."""
        if call.params["id"] != self.user_id:
            raise Refused(self.refusal(404, "404002", "Resource Not Found", "The user was not found."))
        return reply({"user": {
            "id": self.user_id, "name": business.EMAIL, "siteRole": "ExplorerCanPublish",
            "fullName": f"{business.OWNER_FIRST} {business.OWNER_LAST}", "email": business.EMAIL,
        }})  # fmt: skip

    # projects and data sources -------------------------------------------------------------------------------

    def projects(self) -> list[dict[str, Any]]:
        """The one that every site has, and one of the shop's own; made when they are first asked for."""
        if not self.kind("projects").count():
            for name in ("default", "Loyalty"):
                self.make("projects", {"name": name, "description": ""})
        return [
            {"id": row.id, "name": row.body["name"], "description": row.body["description"],
             "contentPermissions": "ManagedByOwner", "owner": {"id": self.user_id}}
            for row in self.kind("projects").rows("state = 0")
        ]  # fmt: skip

    def shown(self, row: Row) -> dict[str, Any]:
        """A data source as answers show it."""
        return {
            "id": row.id, "name": row.body["name"], "contentUrl": row.body["contentUrl"], "type": "hyper",
            "createdAt": iso_ms(row.created)[:19] + "Z", "updatedAt": iso_ms(row.updated)[:19] + "Z",
            "hasExtracts": False, "isCertified": False, "size": row.body["size"],
            "project": {"id": row.body["project"], "name": self.project(row.body["project"])["name"]},
            "owner": {"id": self.user_id}, "tags": {},
        }  # fmt: skip

    def project(self, identifier: str) -> dict[str, Any]:
        """A project; else 404."""
        found = next((one for one in self.projects() if one["id"] == identifier), None)
        if found is None:
            raise Refused(self.refusal(404, "404005", "Resource Not Found", "The project was not found."))
        return found

    def listed(self, call: Call, what: str, items: list[dict[str, Any]]) -> Answer:
        """A page of a list, filtered by name where that is asked."""
        for clause in filter(None, call.arg("filter").split(",")):
            name, operator, value = clause.split(":", 2)
            if name != "name" or operator != "eq":
                raise Refused(self.refusal(400, "400003", "Bad Request", f"Unknown filter {clause}."))
            items = [item for item in items if item["name"] == value]
        size, page = call.number("pageSize", USUAL_PAGE, 1), call.number("pageNumber", 1, 1)
        if size > MOST_ON_A_PAGE:
            raise Refused(self.refusal(400, "400006", "Invalid page size", "At most 1000."))
        shown = items[(page - 1) * size : page * size]
        pagination = {"pageNumber": str(page), "pageSize": str(size), "totalAvailable": str(len(items))}
        return reply({"pagination": pagination, what: {what.removesuffix("s"): shown}}, records=len(shown))

    def datasources(self, call: Call) -> Answer:
        """Every data source of the site."""
        return self.listed(
            call, "datasources", [self.shown(row) for row in self.kind("datasources").rows("state = 0")]
        )

    def source(self, call: Call) -> Row:
        """The data source of a path; else 404."""
        row = self.kind("datasources").live(call.params["id"])
        if row is None:
            raise Refused(self.refusal(404, "404004", "Resource Not Found", "The data source was not found."))
        return row

    def one(self, call: Call) -> Answer:
        """One data source."""
        return reply({"datasource": self.shown(self.source(call))})

    def rename(self, call: Call) -> Answer:
        """Another name, or another project."""
        given, row = _asked(call, "datasource"), self.source(call)
        part = {name: given[name] for name in ("name",) if given.get(name)}
        if given.get("project"):
            part["project"] = self.project(given["project"]["id"])["id"]
        self.write("datasources", row, part)
        return reply({"datasource": self.shown(row)})

    def delete(self, call: Call) -> Answer:
        """A data source and its rows go."""
        row = self.source(call)
        self.empty(row.id)
        self.remove("datasources", row)
        return Answer(204)

    def empty(self, identifier: str) -> None:
        """Take the rows of a data source away."""
        for row in self.kind("rows").rows("state = 0"):
            if row.body["datasource_id"] == identifier:
                self.remove("rows", row)

    # publishing ----------------------------------------------------------------------------------------------

    def publish(self, call: Call) -> Answer:
        """A new data source, or another file for one that is there, or more rows for it: all or nothing."""
        parts = _parts(call)
        asked = _element(parts["request_payload"][1], "datasource")
        project = self.project((asked.get("project") or {}).get("id", ""))
        if not asked.get("name"):
            raise Refused(self.refusal(400, "400003", "Bad Request", "A name is required."))
        session = call.arg("uploadSessionId")
        if session:
            if session not in self.uploads:
                raise Refused(self.refusal(400, "400009", "Invalid file upload", "Unknown upload session."))
            content, kind = bytes(self.uploads.pop(session)), call.arg("datasourceType")
        else:
            file_name, content = parts["tableau_datasource"]
            kind = file_name.rpartition(".")[2]
        if kind != "parquet":
            raise Refused(
                self.refusal(400, "400011", "Bad Request", f"The sandbox reads Parquet files and no {kind}.")
            )
        rows = self.read(content)
        there = next(
            (row for row in self.kind("datasources").rows("state = 0")
             if (row.body["name"], row.body["project"]) == (asked["name"], project["id"])), None,
        )  # fmt: skip
        overwrite, append = call.arg("overwrite") == "true", call.arg("append") == "true"
        if there is not None and not (overwrite or append):
            raise Refused(
                self.refusal(409, "409004", "Resource Conflict", "A data source of this name is there.")
            )
        if there is None and append:
            raise Refused(self.refusal(404, "404004", "Resource Not Found", "There is nothing to append to."))
        body = {"name": asked["name"], "project": project["id"], "size": max(1, len(content) >> 20),
                "contentUrl": re.sub(r"[^A-Za-z0-9]", "", asked["name"])}  # fmt: skip
        if there is None:
            there = self.make("datasources", body)
        else:
            if overwrite:
                self.empty(there.id)
            there.touch(self.clock.ms())
            self.kind("datasources").put(there)
        for row in rows:
            self.make("rows", {"datasource_id": there.id, "datasource": asked["name"], **row})
        return reply({"datasource": self.shown(there)}, 201)

    def read(self, content: bytes) -> list[dict[str, Any]]:
        """The rows of a Parquet file; refuses what is none."""
        from arro3.io import read_parquet

        bad = Refused(self.refusal(400, "400011", "Bad Request", "There was a problem publishing the file."))
        # A file that is too short for both marks would not be refused by the reader: it gives up itself.
        if len(content) < 12 or content[:4] != b"PAR1":
            raise bad
        try:
            table = read_parquet(BytesIO(content)).read_all()
        except Exception as problem:
            raise bad from problem
        names = [str(name) for name in table.column_names]
        columns = [[_plain(value) for value in table.column(name).to_pylist()] for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def begin_upload(self, call: Call) -> Answer:
        """A session for a file that comes in pieces."""
        session = f"{self.chance.getrandbits(64)}:{self.chance.getrandbits(128):032x}"
        session = session.replace(":", "-")
        self.uploads[session] = bytearray()
        return reply({"fileUpload": {"uploadSessionId": session, "fileSize": "0"}}, 201)

    def add_to_upload(self, call: Call) -> Answer:
        """Another piece."""
        file = self.uploads.get(call.params["id"])
        if file is None:
            raise Refused(self.refusal(404, "404014", "Resource Not Found", "Unknown upload session."))
        _, piece = _parts(call)["tableau_file"]
        if len(piece) > MOST_AT_ONCE:
            raise Refused(self.refusal(413, "413000", "Payload Too Large", "At most 64 MB at once."))
        file += piece
        size = {"uploadSessionId": call.params["id"], "fileSize": str(len(file) >> 20)}
        return reply({"fileUpload": size})


def _known(path: str) -> bool:
    """Whether the version in a path is one that there is."""
    found = re.match(r"/api/(\d+)\.(\d+)/", path)
    return found is not None and (2, 0) <= (int(found[1]), int(found[2])) <= NEWEST


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def _asked(call: Call, what: str) -> dict[str, Any]:
    """What a request asks for, in either form."""
    if "json" in call.headers.get("content-type", ""):
        return dict(orjson.loads(call.body)[what])
    return _element(call.body, what)


def _element(text: bytes, what: str) -> dict[str, Any]:
    """The element of that name inside `tsRequest`: attributes, and what lies in it."""
    root = ElementTree.fromstring(text)  # noqa: S314 - a request of whoever tries the sandbox, on this machine

    def told(element: ElementTree.Element) -> dict[str, Any]:
        inner = {child.tag.rpartition("}")[2]: told(child) for child in element}
        return {**element.attrib, **inner}

    found = next((child for child in root if child.tag.rpartition("}")[2] == what), None)
    if found is None:
        raise ValueError(what)
    return told(found)


def _parts(call: Call) -> dict[str, tuple[str, bytes]]:
    """The parts of a `multipart/mixed` body by name: file name and content."""
    kind = call.headers.get("content-type", "")
    boundary = kind.partition("boundary=")[2].strip('"')
    if not kind.startswith("multipart/mixed") or not boundary:
        raise ValueError("multipart/mixed")
    found: dict[str, tuple[str, bytes]] = {}
    for piece in call.body.split(b"--" + boundary.encode())[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        said = re.search(rb'name="([^"]*)"(?:; *filename="([^"]*)")?', head)
        if said is None:
            raise ValueError("name")
        found[said[1].decode()] = (said[2] or b"").decode(), content.removesuffix(b"\r\n")
    return found


def as_xml(document: dict[str, Any]) -> bytes:
    """A JSON answer in Tableau's other form: members are attributes, objects elements, lists elements in a row."""

    def element(name: str, value: Any) -> str:
        if isinstance(value, list):
            return "".join(element(name, one) for one in value)
        if not isinstance(value, dict):
            return f"<{name}>{escape(str(value))}</{name}>"
        flat = {
            k: v for k, v in value.items() if not isinstance(v, dict | list) and k not in (*TEXTS, "value")
        }
        attributes = "".join(f" {k}={quoteattr(_word(v))}" for k, v in flat.items() if v is not None)
        inner = "".join(element(k, v) for k, v in value.items() if isinstance(v, dict | list) or k in TEXTS)
        return f"<{name}{attributes}>{escape(str(value.get('value', '')))}{inner}</{name}>"

    body = "".join(element(name, value) for name, value in document.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><tsResponse xmlns="{NAMESPACE}">{body}</tsResponse>'.encode()
    )


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
