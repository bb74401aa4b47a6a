"""Salesforce: contacts by SOQL and in collections, custom fields by the Tooling API, and a grant that rotates."""

import random
import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from . import business
from .clock import iso_ms, parse_ms
from .desk import Desk
from .names import EMAIL, international, national
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import LIVE, MERGED, Row, normal_email
from .wire import Answer, Call, Refused, reply

SCOPES = ("api", "refresh_token", "id")
ORG, USER = "00DQy000001aBcdMAE", "005Qy000002XyZaIAK"
VERSIONS = range(58, 67)
IN_PATH = re.compile(r"/services/data/v(\d\d)\.0(/.*)?")
DAY_LIMIT = 115_000
PAGE, COLLECTED = 2000, 200
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TEXT = ("string", "textarea", "phone", "email", "picklist", "reference")


class Field(NamedTuple):
    """A field of contacts: its type as `describe` says it, and the longest text."""

    name: str
    label: str
    type: str
    length: int = 0
    custom: bool = False
    fixed: bool = False


OWN = (
    Field("Id", "Contact ID", "id", 18, fixed=True), Field("IsDeleted", "Deleted", "boolean", fixed=True),
    Field("AccountId", "Account ID", "reference", 18), Field("OwnerId", "Owner ID", "reference", 18),
    Field("FirstName", "First Name", "string", 40), Field("LastName", "Last Name", "string", 80),
    Field("Name", "Full Name", "string", 121, fixed=True), Field("Email", "Email", "email", 80),
    Field("Phone", "Business Phone", "phone", 40), Field("MobilePhone", "Mobile Phone", "phone", 40),
    Field("HomePhone", "Home Phone", "phone", 40), Field("Birthdate", "Birthdate", "date"),
    Field("MailingStreet", "Mailing Street", "textarea", 255), Field("MailingCity", "Mailing City", "string", 40),
    Field("MailingState", "Mailing State/Province", "string", 80),
    Field("MailingPostalCode", "Mailing Zip/Postal Code", "string", 20),
    Field("MailingCountry", "Mailing Country", "string", 80), Field("Title", "Title", "string", 128),
    Field("Department", "Department", "string", 80), Field("Description", "Contact Description", "textarea", 32_000),
    Field("LeadSource", "Lead Source", "picklist", 255), Field("HasOptedOutOfEmail", "Email Opt Out", "boolean"),
    Field("DoNotCall", "Do Not Call", "boolean"), Field("CreatedDate", "Created Date", "datetime", fixed=True),
    Field("LastModifiedDate", "Last Modified Date", "datetime", fixed=True),
    Field("SystemModstamp", "System Modstamp", "datetime", fixed=True),
)  # fmt: skip
TASK = {
    "WhoId": ("reference", 18), "WhatId": ("reference", 18), "OwnerId": ("reference", 18), "Subject": ("string", 255),
    "ActivityDate": ("date", 0), "Status": ("picklist", 255), "Priority": ("picklist", 255),
    "Description": ("textarea", 32_000),
}  # fmt: skip
"""What may be written of a task: type and longest text."""
STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
METADATA = {"Text": "string", "Number": "double", "Date": "date", "Checkbox": "boolean", "Url": "url",
            "Email": "email", "Phone": "phone"}  # fmt: skip
QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<object>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>[\w\s,]+?))?(?:\s+LIMIT\s+(?P<limit>\d+))?(?:\s+OFFSET\s+(?P<offset>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
TERM = re.compile(
    r"\s*(?P<join>AND\b|OR\b)?\s*(?P<field>\w+)\s*(?P<op>>=|<=|!=|=|>|<|LIKE\b|IN\b)\s*"
    r"(?P<value>\((?:\s*'(?:[^'\\]|\\.)*'\s*,?)*\)|'(?:[^'\\]|\\.)*'|[\w.:+-]+)",
    re.IGNORECASE,
)
TEXTS = re.compile(r"'((?:[^'\\]|\\.)*)'")


def checked_id(start: str) -> str:
    """Fifteen letters and the three that make them safe where case is lost."""
    ends = []
    for place in range(0, 15, 5):
        bits = sum(1 << n for n, letter in enumerate(start[place : place + 5]) if letter.isupper())
        ends.append("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
    return start + "".join(ends)


def moment(ms: int) -> str:
    """`2026-01-31T10:20:30.000+0000`, as Salesforce writes one."""
    return iso_ms(ms)[:-1] + "+0000"


def bare(text: str) -> str:
    """A text of SOQL without its escapes."""
    return re.sub(r"\\(.)", r"\1", text)


class Bad(Exception):
    """A record that isn't taken."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(code)
        self.code, self.message, self.fields = code, message, list(fields)


class Salesforce(Granted, Ordinary):
    """One organisation on one port; its login host shares it."""

    name = "salesforce"
    kinds = ("contacts", "tasks")
    people_kind = "contacts"
    person_fields = ("name", "email", "phone", "birthday")
    authorize_path = "/services/oauth2/authorize"
    archives = True

    def begin(self) -> None:
        """An External Client App, and a grant that it has got."""
        self.grants = Grants(self.clock, self.chance, "00DQy!AQ", "5Aep861", 7200.0, client_id="3MVG9")
        self.grants.client_id += self.grants.secret(80)
        self.grants.client_secret = f"{self.chance.getrandbits(256):064X}"
        self.first: Token = self.grants.issue(list(SCOPES), rotates=True)
        self.desk = Desk(
            self, self.grants, authorize="/services/oauth2/authorize", token="/services/oauth2/token",
            revoke="/services/oauth2/revoke", scopes=SCOPES, public=True, rotates=True, tells_end=False,
            more=lambda token: {
                "instance_url": self.url, "id": f"{self.url}/id/{ORG}/{USER}", "issued_at": str(self.clock.ms()),
                "signature": "c2lnbmVk",
            },
        )  # fmt: skip
        self.resources = (self.desk,)
        self.fields = {field.name: field for field in OWN}
        self.queries: dict[str, tuple[list[str], list[str]]] = {}
        self.calls = 0
        self.version = "64"

    def route(self) -> None:
        """The paths of a version, without what stands before them."""
        super().route()
        add = self.routes.add
        add("GET", "/services/oauth2/userinfo", self.userinfo)
        add("GET", "/services/data", self.versions)
        add("GET", "/limits", self.limits)
        add("GET", "/query", self.query)
        add("GET", "/queryAll", self.query)
        add("GET", "/query/{id}", self.more)
        add("GET", "/sobjects/Contact/describe", self.describe)
        add("GET", "/sobjects/Contact/deleted", self.deleted)
        add("POST", "/sobjects/Contact", self.add)
        add("GET", "/sobjects/Contact/{id}", self.one)
        add("PATCH", "/sobjects/Contact/{id}", self.change)
        add("DELETE", "/sobjects/Contact/{id}", self.drop)
        add("POST", "/composite/sobjects", lambda call: self.collection(call, self.insert))
        add("PATCH", "/composite/sobjects", lambda call: self.collection(call, self.update))
        add("DELETE", "/composite/sobjects", self.drop_several)
        add("POST", "/tooling/sobjects/CustomField", self.add_field)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """Every version is served alike."""
        found = IN_PATH.fullmatch(call.path)
        if found is not None:
            if int(found[1]) not in VERSIONS:
                return self.refusal(404, "NOT_FOUND", "The requested resource does not exist")
            self.version = found[1]
            call.path = (found[2] or "/").rstrip("/") or "/"
        return super().answer(call)

    def admit(self, call: Call) -> dict[str, str]:
        """A session, and the day's calls of the organisation."""
        if self.desk.outside(call) or call.path == "/services/data":
            return {}
        if self.grants.check(call.bearer()) != "ok":
            raise Refused(self.refusal(401, "INVALID_SESSION_ID", "Session expired or invalid"))
        self.calls += 1
        return {"Sforce-Limit-Info": f"api-usage={self.calls}/{DAY_LIMIT}"}

    def refusal(self, status: int, code: str, message: str, fields: list[str] | None = None) -> Answer:
        """Errors come as a list."""
        error: dict[str, Any] = {"message": message, "errorCode": code}
        return reply([error | ({"fields": fields} if fields is not None else {})], status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed.")
        return self.refusal(404, "NOT_FOUND", "The requested resource does not exist")

    def failure(self, status: int) -> Answer:
        """The limit of a day, which is no 429 here, and the errors of a server."""
        if status == 429:
            return self.refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if status == 503:
            return self.refusal(503, "SERVER_UNAVAILABLE", "The server is temporarily unavailable.")
        return self.refusal(status, "UNKNOWN_EXCEPTION", "An unexpected error occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "JSON_PARSER_ERROR", "The body could not be parsed.")

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's app has got, and the app."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh, "instance_url": self.url,
            "alternatives": {"app": {**app, "instance_url": self.url}},
        }  # fmt: skip

    def renew(self) -> None:
        """Another grant."""
        self.first = self.grants.issue(list(SCOPES), rotates=True)

    # a contact -----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody in sales types a contact in: who has one name only has it as the last name."""
        phone = soul.phone and (f"+{soul.phone}", international(soul.phone), national(soul.phone))[draw % 3]
        return {
            "FirstName": soul.first if soul.last else None, "LastName": soul.last or soul.first, "Email": soul.email,
            "Phone": phone, "Birthdate": soul.birthday, "HasOptedOutOfEmail": soul.trait == "unsubscribed",
            "LeadSource": ("Web", "Other", None)[draw % 3],
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Eighteen letters, the last three a check."""
        text = ""
        number = 14_000_000 + seq
        for _ in range(6):
            number, rest = divmod(number, 62)
            text = BASE62[rest] + text
        return checked_id("003Qy0000" + text)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """Every field."""
        body: dict[str, Any] = dict.fromkeys(self.fields)
        body |= {"Id": identifier, "IsDeleted": False, "OwnerId": USER, "HasOptedOutOfEmail": False,
                 "DoNotCall": False, "CreatedDate": moment(created)}  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """The whole name goes with its parts."""
        found = super().merged(kind, body, part)
        found["Name"] = " ".join(filter(None, (found["FirstName"], found["LastName"])))
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Told in milliseconds, counted in seconds."""
        body["SystemModstamp"] = body["LastModifiedDate"] = moment(updated // 1000 * 1000)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(
            body["FirstName"], body["LastName"], body["Email"], body["Phone"] or body["MobilePhone"],
            body["Birthdate"],
        )  # fmt: skip

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two fields."""
        return {"FirstName": first, "LastName": last}

    def remove(self, kind: str, row: Row) -> None:
        """To the recycle bin."""
        row.body["IsDeleted"] = True
        super().remove(kind, row)

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """The loser lies in the recycle bin; what only it had goes over."""
        kept, lost = self.kind(kind).live(winner), self.kind(kind).live(loser)
        if kept is None or lost is None:
            raise KeyError(loser if kept else winner)
        names = ("Email", "Phone", "MobilePhone", "Birthdate")
        gaps = {name: lost.body[name] for name in names if not kept.body[name] and lost.body[name]}
        self.remove(kind, lost)
        lost.state, lost.ref = MERGED, winner
        self.kind(kind).put(lost)
        return self.write(kind, kept, gaps).body

    # SOQL ----------------------------------------------------------------------------------------------------

    def malformed_query(self, words: str) -> Refused:
        """400 for a query that can't be read."""
        return Refused(self.refusal(400, "MALFORMED_QUERY", words))

    def unknown(self, name: str) -> Refused:
        """400 for a field that there isn't."""
        return Refused(self.refusal(400, "INVALID_FIELD", f"No such column '{name}' on entity 'Contact'."))

    def query(self, call: Call) -> Answer:
        """A query; its first page."""
        found = QUERY.fullmatch(call.arg("q"))
        if found is None:
            raise self.malformed_query("unexpected token")
        names = [name.strip() for name in found["fields"].split(",")]
        if found["object"].lower() == "organization":
            return self.organization(names)
        if found["object"].lower() == "task":
            return self.query_tasks(names, found)
        if found["object"].lower() != "contact":
            words = f"sObject type '{found['object']}' is not supported."
            raise Refused(self.refusal(400, "INVALID_TYPE", words))
        if names == ["COUNT()"]:
            where, values = self.where(found["where"], call.path == "/queryAll")
            return reply(
                {"totalSize": self.kind("contacts").count(where, values), "done": True, "records": []}
            )
        names = [self.field(name) for name in names]
        where, values = self.where(found["where"], call.path == "/queryAll")
        limit = int(found["limit"] or 50_000)
        rows = self.kind("contacts").rows(
            where,
            (*values, limit, int(found["offset"] or 0)),
            f"{self.order(found['order'])} LIMIT ? OFFSET ?",
        )
        size = PAGE
        wished = re.search(r"batchSize=(\d+)", call.headers.get("sforce-query-options", ""))
        if wished:
            size = min(PAGE, max(200, int(wished[1])))
        document: dict[str, Any] = {"totalSize": len(rows), "done": len(rows) <= size}
        if len(rows) > size:
            # A query that goes on is one that was seen whole when it began.
            cursor = f"01gQy{self.chance.getrandbits(50):013x}"
            self.queries[cursor] = (names, [row.id for row in rows])
            document["nextRecordsUrl"] = f"/services/data/v{self.version}.0/query/{cursor}-{size}"
        document["records"] = [self.shown(row, names) for row in rows[:size]]
        return reply(document, records=min(len(rows), size))

    def more(self, call: Call) -> Answer:
        """The next page of a query."""
        cursor, _, start = call.params["id"].rpartition("-")
        if cursor not in self.queries or not start.isdigit():
            raise Refused(self.refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator"))
        names, ids = self.queries[cursor]
        part = ids[int(start) : int(start) + PAGE]
        rows = (self.kind("contacts").live(identifier) for identifier in part)
        document: dict[str, Any] = {"totalSize": len(ids), "done": int(start) + PAGE >= len(ids)}
        if not document["done"]:
            document["nextRecordsUrl"] = (
                f"/services/data/v{self.version}.0/query/{cursor}-{int(start) + PAGE}"
            )
        document["records"] = [self.shown(row, names) for row in rows if row is not None]
        return reply(document, records=len(part))

    def field(self, name: str) -> str:
        """A field by its name in any case."""
        found = next((known for known in self.fields if known.lower() == name.lower()), None)
        if found is None:
            raise self.unknown(name)
        return found

    def order(self, text: str | None) -> str:
        """The order asked for; times are counted in seconds."""
        parts = []
        for term in (text or "Id").split(","):
            words = term.split()
            down = " DESC" if len(words) > 1 and words[1].upper() == "DESC" else ""
            parts.append(self.column(self.field(words[0])) + down)
        return f"ORDER BY {', '.join(parts)}, seq"

    def column(self, name: str) -> str:
        """Where a field lies."""
        if name in ("SystemModstamp", "LastModifiedDate"):
            return "updated / 1000"
        if name == "CreatedDate":
            return "created / 1000"
        return {"Id": "id", "Email": "email"}.get(name, f"json_extract(body, '$.{name}')")

    def where(self, text: str | None, everything: bool) -> tuple[str, list[object]]:
        """The condition of a query, and the values bound in it."""
        parts = [] if everything else [f"state = {LIVE}"]
        values: list[object] = []
        read = 0
        terms: list[str] = []
        for match in TERM.finditer(text or ""):
            if match.start() != read:
                break
            read = match.end()
            if terms:
                terms.append((match["join"] or "AND").upper())
            name = self.field(match["field"])
            terms.append(self.term(name, match["op"].upper(), match["value"], values))
        if read != len((text or "").rstrip()):
            raise self.malformed_query(f"unexpected token: {(text or '')[read : read + 20]}")
        if terms:
            parts.append(f"({' '.join(terms)})")
        return " AND ".join(parts) or "1", values

    def term(self, name: str, operator: str, value: str, values: list[object]) -> str:
        """One term of a condition."""
        column = self.column(name)
        if operator == "IN":
            found = [bare(text) for text in TEXTS.findall(value)]
            values += [normal_email(text) if name == "Email" else text for text in found]
            return f"{column} IN ({','.join('?' * len(found))})"
        if value.startswith("'"):
            text: object = bare(value[1:-1])
            if operator == "LIKE":
                values.append(str(text).lower())
                return f"lower({column}) LIKE ?"
            if name == "Email":
                text = normal_email(text)
            elif self.fields[name].type in TEXT:
                column, text = f"lower({column})", str(text).lower()
            values.append(text)
        elif value.lower() in ("true", "false"):
            values.append(value.lower() == "true")
        elif value.lower() == "null":
            return f"{column} IS {'NOT ' if operator == '!=' else ''}NULL"
        elif self.fields[name].type == "datetime":
            at = parse_ms(unquote(value))
            if at is None:
                raise self.malformed_query(f"line 1: Invalid datetime {value}")
            values.append(at // 1000)
        elif self.fields[name].type in ("double", "int"):
            values.append(float(value))
        elif self.fields[name].type == "date":
            values.append(value)
        else:
            raise self.malformed_query(f"value of filter criterion for field '{name}' must be in quotes")
        return f"{column} {operator} ?"

    def query_tasks(self, names: list[str], found: "re.Match[str]") -> Answer:
        """Tasks of somebody; a long text can't be a condition."""
        unknown = next((name for name in names if name not in (*TASK, "Id", "CreatedDate")), None)
        if unknown:
            raise self.unknown(unknown)
        terms = TERM.findall(found["where"] or "")
        if any(field == "Description" for _, field, _, _ in terms):
            words = "field 'Description' can not be filtered in a query call"
            raise Refused(self.refusal(400, "INVALID_FIELD", words))
        if any(field != "WhoId" or operator != "=" for _, field, operator, _ in terms):
            raise self.malformed_query("unexpected token")
        where = " AND ".join(["state = 0", *("ref = ?" for _ in terms)])
        values = (*(bare(value[1:-1]) for *_, value in terms), int(found["limit"] or PAGE))
        down = " DESC" if (found["order"] or "").upper().endswith("DESC") else ""
        rows = self.kind("tasks").rows(where, values, f"ORDER BY seq{down} LIMIT ?")
        records = [
            {"attributes": {"type": "Task"}} | {name: row.body.get(name) for name in names} for row in rows
        ]
        return reply({"totalSize": len(records), "done": True, "records": records})

    def insert_task(self, given: dict[str, Any]) -> Row:
        """A new task; whom it is about has to be there."""
        body: dict[str, Any] = dict.fromkeys(TASK)
        for name, value in given.items():
            if name == "attributes":
                continue
            if name not in TASK:
                raise Bad("INVALID_FIELD", f"No such column '{name}' on sobject of type Task", name)
            kind, longest = TASK[name]
            body[name] = self.value(Field(name, name, kind, longest), value)
        if (body["Status"] or STATUSES[0]) not in STATUSES:
            raise Bad(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"Status: bad value: {body['Status']}", "Status"
            )
        who = body["WhoId"]
        if who is not None:
            if not re.fullmatch(r"003\w{12}(\w{3})?", who):
                raise Bad("MALFORMED_ID", f"Contact/Lead ID: id value of incorrect type: {who}", "WhoId")
            whole = checked_id(who) if len(who) == 15 else who
            if self.kind("contacts").live(whole) is None:
                raise Bad("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "WhoId")
            body["WhoId"] = whole
        now = self.clock.ms()
        identifier = checked_id(f"00TQy0000{self.kind('tasks').next_seq():06d}")
        body |= {"Id": identifier, "Status": body["Status"] or STATUSES[0], "CreatedDate": moment(now)}
        return self.kind("tasks").put(Row(None, identifier, None, None, body["WhoId"], now, now, LIVE, body))

    def shown(self, row: Row, names: list[str]) -> dict[str, Any]:
        """A record with its attributes."""
        return {"attributes": self.attributes(row.id)} | {name: row.body.get(name) for name in names}

    def attributes(self, identifier: str) -> dict[str, str]:
        """The type and the address of a record."""
        return {"type": "Contact", "url": f"/services/data/v{self.version}.0/sobjects/Contact/{identifier}"}

    def organization(self, names: list[str]) -> Answer:
        """The company."""
        body = {"Id": ORG, "Name": business.NAME, "TimeZoneSidKey": business.TIMEZONE, "Country": business.COUNTRY,
                "DefaultLocaleSidKey": "en_GB", "OrganizationType": "Enterprise Edition"}  # fmt: skip
        unknown = next((name for name in names if name not in body), None)
        if unknown:
            raise self.unknown(unknown)
        record = {"attributes": {"type": "Organization"}} | {name: body[name] for name in names}
        return reply({"totalSize": 1, "done": True, "records": [record]})

    # single records ------------------------------------------------------------------------------------------

    def found(self, identifier: str) -> Row:
        """A contact by its id of fifteen or eighteen letters."""
        whole = checked_id(identifier) if len(identifier) == 15 else identifier
        row = self.kind("contacts").get(whole)
        if row is None:
            raise Bad("NOT_FOUND", "Provided external ID field does not exist or is not accessible", "Id")
        if row.state != LIVE:
            raise Bad("ENTITY_IS_DELETED", "entity is deleted")
        return row

    def bad(self, bad: Bad) -> Answer:
        """A refused record as a single call says it."""
        return self.refusal(404 if bad.code in ("NOT_FOUND", "ENTITY_IS_DELETED") else 400, bad.code, bad.message,
                            bad.fields)  # fmt: skip

    def one(self, call: Call) -> Answer:
        """One contact."""
        try:
            row = self.found(call.params["id"])
        except Bad as bad:
            return self.bad(bad)
        names = [self.field(name) for name in call.arg("fields").split(",") if name] or list(self.fields)
        return reply(self.shown(row, names), records=1)

    def add(self, call: Call) -> Answer:
        """A new contact."""
        try:
            row = self.insert(call.json())
        except Bad as bad:
            return self.bad(bad)
        return reply({"id": row.id, "success": True, "errors": []}, 201)

    def change(self, call: Call) -> Answer:
        """A part of a contact."""
        try:
            self.update({**call.json(), "Id": call.params["id"]})
        except Bad as bad:
            return self.bad(bad)
        return Answer(204)

    def drop(self, call: Call) -> Answer:
        """To the recycle bin."""
        try:
            self.remove("contacts", self.found(call.params["id"]))
        except Bad as bad:
            return self.bad(bad)
        return Answer(204)

    def deleted(self, call: Call) -> Answer:
        """What was deleted between two moments."""
        start, end = parse_ms(call.arg("start")), parse_ms(call.arg("end"))
        if start is None or end is None:
            raise Refused(self.refusal(400, "INVALID_REPLICATION_DATE", "start and end are needed"))
        rows = self.kind("contacts").rows("state != 0 AND updated BETWEEN ? AND ?", (start, end))
        return reply({
            "deletedRecords": [{"id": row.id, "deletedDate": moment(row.updated)} for row in rows],
            "earliestDateAvailable": moment(self.clock.ms() - 30 * 86_400_000), "latestDateCovered": moment(end),
        })  # fmt: skip

    # writing -------------------------------------------------------------------------------------------------

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What may be written, in the right types; raises the refusal of the first that may not."""
        fields: dict[str, Any] = {}
        for name, value in given.items():
            if name in ("attributes", "Id", "id"):
                continue
            known = next((field for key, field in self.fields.items() if key.lower() == name.lower()), None)
            if known is None:
                raise Bad("INVALID_FIELD", f"No such column '{name}' on sobject of type Contact", name)
            if known.fixed:
                words = f"Unable to create/update fields: {known.name}. Please check the security settings"
                raise Bad("INVALID_FIELD_FOR_INSERT_UPDATE", words, known.name)
            fields[known.name] = self.value(known, value)
        email = fields.get("Email")
        if email and (not EMAIL.fullmatch(email) or self.refuses(email)):
            raise Bad("INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {email}", "Email")
        return fields

    def value(self, field: Field, value: Any) -> Any:
        """A value in the type of its field."""
        if value is None or value == "":
            return False if field.type == "boolean" else None
        words = f"Cannot deserialize instance of {field.type} from {type(value).__name__} value {value!r}"
        if field.type == "boolean":
            if not isinstance(value, bool):
                raise Bad("JSON_PARSER_ERROR", words, field.name)
        elif field.type in ("double", "int"):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Bad("JSON_PARSER_ERROR", words, field.name)
        elif not isinstance(value, str) or (
            field.type == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value)
        ):
            raise Bad("JSON_PARSER_ERROR", words, field.name)
        elif field.length and len(value) > field.length:
            words = f"{field.label}: data value too large: {value[:80]} (max length={field.length})"
            raise Bad("STRING_TOO_LONG", words, field.name)
        return value

    def insert(self, given: dict[str, Any]) -> Row:
        """A new contact; the duplicate rule refuses a second one of the same address."""
        fields = self.checked(given)
        if not str(fields.get("LastName") or "").strip():
            raise Bad("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")
        email = normal_email(fields.get("Email"))
        if email and self.kind("contacts").first("state = 0 AND email = ?", email):
            raise Bad("DUPLICATES_DETECTED", "Use one of these records?")
        return self.make("contacts", fields)

    def update(self, given: dict[str, Any]) -> Row:
        """A part of a contact."""
        row = self.found(str(given.get("Id") or given.get("id") or ""))
        fields = self.checked(given)
        if "LastName" in fields and not fields["LastName"]:
            raise Bad("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")
        return self.write("contacts", row, fields)

    def collection(self, call: Call, one: Any) -> Answer:
        """Up to 200 records, each with an answer of its own, in order."""
        given = call.json()
        records = given["records"]
        if not 1 <= len(records) <= COLLECTED:
            words = f"The number of records exceeds the limit of {COLLECTED}"
            raise Refused(self.refusal(400, "EXCEEDED_ID_LIMIT", words))
        said: list[dict[str, Any]] = []
        for record in records:
            kind = record.get("attributes", {}).get("type")
            act = self.insert_task if kind == "Task" and call.method == "POST" else one
            if kind != "Contact" and act is one:
                raise Refused(self.refusal(400, "INVALID_TYPE", "attributes.type must be Contact or Task"))
            try:
                said.append({"id": act(record).id, "success": True, "errors": []})
            except Bad as bad:
                error = {"statusCode": bad.code, "message": bad.message, "fields": bad.fields}
                said.append({"success": False, "errors": [error]})
        return reply(said)

    def drop_several(self, call: Call) -> Answer:
        """Up to 200 by query."""
        said = []
        for identifier in call.arg("ids").split(",")[:COLLECTED]:
            try:
                self.remove("contacts", self.found(identifier))
                said.append({"id": identifier, "success": True, "errors": []})
            except Bad as bad:
                error = {"statusCode": bad.code, "message": bad.message, "fields": bad.fields}
                said.append({"id": identifier, "success": False, "errors": [error]})
        return reply(said)

    # what there is ---------------------------------------------------------------------------------------------

    def describe(self, call: Call) -> Answer:
        """The fields of contacts."""
        picks = [
            {"active": True, "defaultValue": False, "label": text, "value": text} for text in ("Web", "Other")
        ]
        found = [
            {
                "name": field.name, "label": field.label, "type": field.type, "length": field.length,
                "custom": field.custom, "createable": not field.fixed, "updateable": not field.fixed,
                "nillable": field.name not in ("LastName", "Id"), "defaultedOnCreate": field.type == "boolean",
                "externalId": False, "unique": False, "idLookup": field.name in ("Id", "Email"),
                "picklistValues": picks if field.type == "picklist" else [], "referenceTo": [],
            }
            for field in self.fields.values()
        ]  # fmt: skip
        return reply(
            {"name": "Contact", "label": "Contact", "keyPrefix": "003", "createable": True, "fields": found}
        )

    def add_field(self, call: Call) -> Answer:
        """A custom field of contacts."""
        given = call.json()
        object_, _, name = str(given.get("FullName") or "").partition(".")
        metadata = given.get("Metadata") or {}
        kind = METADATA.get(str(metadata.get("type")))
        if object_ != "Contact" or not re.fullmatch(r"[A-Za-z]\w*__c", name) or kind is None:
            raise Refused(self.refusal(400, "INVALID_FIELD", "FullName or type of the field is not valid"))
        if name in self.fields:
            words = f"There is already a field named {name[:-3]} on Contact."
            raise Refused(self.refusal(400, "DUPLICATE_DEVELOPER_NAME", words))
        self.fields[name] = Field(
            name, str(metadata.get("label") or name), kind, int(metadata.get("length") or 0), True
        )
        self.store.writes += 1
        return reply(
            {"id": checked_id(f"00NQy00000{len(self.fields):05d}"), "success": True, "errors": []}, 201
        )

    def userinfo(self, call: Call) -> Answer:
        """Whose session this is."""
        return reply({
            "sub": f"{self.url}/id/{ORG}/{USER}", "user_id": USER, "organization_id": ORG, "email": business.EMAIL,
            "name": f"{business.OWNER_FIRST} {business.OWNER_LAST}", "preferred_username": business.EMAIL,
            "zoneinfo": business.TIMEZONE,
        })  # fmt: skip

    def versions(self, call: Call) -> Answer:
        """The versions that are served."""
        return reply([
            {"label": f"v{number}", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in VERSIONS
        ])  # fmt: skip

    def limits(self, call: Call) -> Answer:
        """What is left of the day."""
        return reply({"DailyApiRequests": {"Max": DAY_LIMIT, "Remaining": DAY_LIMIT - self.calls}})
