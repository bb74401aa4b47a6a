"""Power BI: push datasets whose tables take rows, and questions that count them."""

import random
import re
from typing import Any

from .desk import Desk
from .ids import random_uuid
from .limits import Windows
from .oauth import Granted, Grants, Token
from .taking import Taking
from .wire import Answer, Call, Refused, reply

BASE = "/v1.0/myorg"
SCOPES = ("https://analysis.windows.net/powerbi/api/Dataset.ReadWrite.All", "offline_access")
MOST_ROWS, CALLS_A_MINUTE = 10_000, 120
KINDS = {"Int64": int, "Double": (int, float), "Boolean": bool, "DateTime": str, "String": str}
COUNT = re.compile(
    r"EVALUATE ROW\(\"(?P<name>\w+)\", COUNTROWS\(FILTER\('(?P<table>[^']+)', '[^']+'\[(?P<column>\w+)\] = "
    r"\"(?P<value>[^\"]*)\"\)\)\)"
)


class PowerBi(Granted, Taking):
    """One user's own workspace on one port."""

    name = "power-bi"
    kinds = ("rows", "datasets")
    people_kind = "rows"
    authorize_path = "/organizations/oauth2/v2.0/authorize"

    def begin(self) -> None:
        """An app of the admin's own, and a grant that it has got."""
        self.grants = Grants(
            self.clock, self.chance, "eyJ0eXAi.", "0.AX", 3900.0, client_id=random_uuid(self.chance)
        )
        self.grants.client_secret = self.grants.secret(40)
        self.first: Token = self.grants.issue(list(SCOPES), rotates=True)
        self.desk = Desk(
            self, self.grants, authorize=self.authorize_path, token="/organizations/oauth2/v2.0/token", scopes=SCOPES,
            public=True, rotates=True,
        )  # fmt: skip
        self.resources = (self.desk,)
        self.windows = Windows(self.clock, CALLS_A_MINUTE, 60.0)

    def route(self) -> None:
        """Datasets, their tables and rows."""
        super().route()
        add = self.routes.add
        add("GET", f"{BASE}/groups", lambda call: self.listed("groups", []))
        add("GET", f"{BASE}/datasets", self.datasets)
        add("POST", f"{BASE}/datasets", self.make_dataset)
        add(
            "GET",
            f"{BASE}/datasets/{{id}}/tables",
            lambda call: self.listed("tables", self.dataset(call)["tables"]),
        )
        add("POST", f"{BASE}/datasets/{{id}}/tables/{{table}}/rows", self.push)
        add("DELETE", f"{BASE}/datasets/{{id}}/tables/{{table}}/rows", self.clear)
        add("POST", f"{BASE}/datasets/{{id}}/executeQueries", self.count)

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Datasets have UUIDs; rows are counted."""
        return random_uuid(chance) if kind == "datasets" else str(seq)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer token; one that has ended is refused as forbidden."""
        if self.desk.outside(call):
            return {}
        state = self.grants.check(call.bearer() or "")
        if state == "expired":
            raise Refused(
                self.refusal(403, "TokenExpired", "Access token has expired, resubmit with a new one.")
            )
        if state != "ok":
            raise Refused(Answer(401, b"", {"WWW-Authenticate": "Bearer"}))
        if call.path.endswith("/rows") and self.setting.limits:
            window = self.windows.of(call.path)
            if not window.take():
                raise Refused(self.trouble(429, max(1.0, window.wait)))
        return {"RequestId": random_uuid(self.chance)}

    def refusal(self, status: int, code: str, message: str) -> Answer:
        """An error."""
        return reply({"error": {"code": code, "message": message}}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return self.refusal(405 if known else 404, "PowerBIEntityNotFound", "The resource was not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.refusal(429, "RequestRateExceeded", "Too many requests.")
        return self.refusal(status, "InternalError", "An internal error occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "BadRequest", "The request body could not be read.")

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's app has got, and the app."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh,
            "expires_in": round((self.first.expires or 0) - self.clock.now()), "alternatives": {"app": app},
        }  # fmt: skip

    def renew(self) -> None:
        """Another grant."""
        self.grants.refuse_all = False
        self.first = self.grants.issue(list(SCOPES), rotates=True)

    # datasets and rows ---------------------------------------------------------------------------------------

    def listed(self, what: str, items: list[Any]) -> Answer:
        """A list in its envelope."""
        context = f"{self.url}{BASE}/$metadata#{what}"
        return reply({"@odata.context": context, "value": items}, records=len(items))

    def dataset(self, call: Call) -> dict[str, Any]:
        """The dataset of a path; else 404."""
        row = self.kind("datasets").live(call.params["id"])
        if row is None:
            raise Refused(self.refusal(404, "PowerBIEntityNotFound", "The dataset was not found."))
        return dict(row.body)

    def datasets(self, call: Call) -> Answer:
        """The datasets of the workspace; two may bear one name."""
        found = [
            {"id": row.id, "name": row.body["name"], "addRowsAPIEnabled": True, "isRefreshable": False}
            for row in self.kind("datasets").rows("state = 0")
        ]
        return self.listed("datasets", found)

    def make_dataset(self, call: Call) -> Answer:
        """A new dataset with its tables and their columns."""
        given = call.json()
        if not given.get("name") or not given.get("tables"):
            raise Refused(self.refusal(400, "BadRequest", "name and tables are required."))
        for table in given["tables"]:
            for column in table["columns"]:
                if column.get("dataType") not in KINDS:
                    raise Refused(self.refusal(400, "DMTS_InvalidColumnType", f"{column} has no known type."))
        row = self.make("datasets", given)
        return reply({"id": row.id, "name": given["name"], "defaultRetentionPolicy": "None"}, 201)

    def push(self, call: Call) -> Answer:
        """Append rows to a table: all of them or none."""
        table = next((t for t in self.dataset(call)["tables"] if t["name"] == call.params["table"]), None)
        if table is None:
            raise Refused(self.refusal(404, "TableNotFound", "The table was not found."))
        rows = call.json()["rows"]
        if len(rows) > MOST_ROWS:
            raise Refused(self.refusal(413, "RequestEntityTooLarge", "At most 10000 rows at once."))
        columns = {column["name"]: KINDS[column["dataType"]] for column in table["columns"]}
        for row in rows:
            for name, value in row.items():
                if name not in columns:
                    raise Refused(self.refusal(400, "BadRequest", f"The column {name} does not exist."))
                if value is not None and not isinstance(value, columns[name]):  # type: ignore[arg-type]
                    raise Refused(self.refusal(400, "BadRequest", f"The column {name} takes no such value."))
        for row in rows:
            self.make("rows", {"dataset": call.params["id"], "table": table["name"], **row})
        return Answer(200)

    def clear(self, call: Call) -> Answer:
        """Take every row of a table away."""
        for row in self.kind("rows").rows("state = 0"):
            if (row.body["dataset"], row.body["table"]) == (call.params["id"], call.params["table"]):
                self.remove("rows", row)
        return Answer(200)

    def count(self, call: Call) -> Answer:
        """How many rows of a table have a value in a column: the one question in DAX that is played."""
        query = str(call.json()["queries"][0]["query"])
        match = COUNT.fullmatch(query)
        if match is None:
            raise Refused(self.refusal(400, "DatasetExecuteQueriesError", "Failed to execute the DAX query."))
        self.dataset(call)
        found = sum(
            row.body["table"] == match["table"] and str(row.body.get(match["column"])) == match["value"]
            for row in self.kind("rows").rows("state = 0")
        )
        rows = [{f"[{match['name']}]": found or None}]
        return reply({"results": [{"tables": [{"rows": rows}]}]})
