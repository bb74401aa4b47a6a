"""QuickBooks Online: a query language, batches of thirty, names that are unique, tokens against lost updates."""

import random
import re
from typing import Any
from urllib.parse import urlencode

from . import business
from .chart import CHART, minor
from .clock import iso_ms, parse_ms
from .conditions import Conditions
from .desk import Desk
from .entered import Entered
from .ids import random_uuid
from .limits import Windows
from .names import EMAIL, national
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary, laid_over, packed
from .seed import Basket, Soul, View, viewed
from .state import ARCHIVED, LIVE, Cell, Row, normal_email
from .webhooks import hmac_base64
from .wire import Answer, Call, Refused, reply

SCOPE = "com.intuit.quickbooks.accounting"
MOST_ON_A_PAGE, USUAL, MOST_AT_ONCE = 1000, 100, 30
CALLS_A_MINUTE = 500
QUERY = re.compile(
    r"select\s+(?P<what>\*|count\(\*\))\s+from\s+(?P<entity>\w+)(?:\s+where\s+(?P<where>.*?))?"
    r"(?:\s+order\s?by\s+(?P<order>[\w.]+(?:\s+(?:asc|desc))?))?(?:\s+startposition\s+(?P<start>\d+))?"
    r"(?:\s+maxresults\s+(?P<most>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
TERM = re.compile(
    r"\s*(?P<name>[\w.]+)\s*(?P<sign>>=|<=|>|<|=|in|like)\s*"
    r"(?P<value>'(?:\\.|[^'\\])*'|\([^)]*\)|true|false|\d+)\s*(?P<more>and\b|$)",
    re.IGNORECASE | re.DOTALL,
)
TEXT = re.compile(r"'((?:\\.|[^'\\])*)'")
COLUMNS = {
    "id": "id", "metadata.lastupdatedtime": "updated", "metadata.createtime": "created", "displayname": "ref",
    "primaryemailaddr": "email", "givenname": "json_extract(body, '$.GivenName')",
    "familyname": "json_extract(body, '$.FamilyName')", "companyname": "json_extract(body, '$.CompanyName')",
    "txndate": "json_extract(body, '$.TxnDate')", "docnumber": "json_extract(body, '$.DocNumber')",
}  # fmt: skip
TEXTS = {"DisplayName": 500, "GivenName": 100, "FamilyName": 100, "CompanyName": 100, "Notes": 2000, "Title": 16,
         "MiddleName": 100, "Suffix": 16, "PrintOnCheckName": 110}  # fmt: skip
PARTS = ("PrimaryEmailAddr", "PrimaryPhone", "Mobile", "BillAddr", "ShipAddr", "CurrencyRef", "Fax", "WebAddr",
         "AlternatePhone")  # fmt: skip
OTHERS = ("Id", "SyncToken", "sparse", "Active", "domain", "Taxable", "Job", "MetaData", "FullyQualifiedName",
          "Balance", "BalanceWithJobs", "BillWithParent", "PreferredDeliveryMethod", "IsProject", "Level", "ResaleNum",
          "OpenBalanceDate", "PrimaryTaxIdentifier", "ParentRef", "DefaultTaxCodeRef", "SalesTermRef",
          "PaymentMethodRef", "ARAccountRef")  # fmt: skip
ENTITIES = {
    "customer": "customers",
    "salesreceipt": "receipts",
    "account": "accounts",
    "journalentry": "journals",
}
NAMES = {
    "customers": "Customer",
    "receipts": "SalesReceipt",
    "accounts": "Account",
    "journals": "JournalEntry",
}
ACCOUNT_TYPES = {
    "bank": ("Bank", "Asset"), "income": ("Income", "Revenue"), "expense": ("Expense", "Expense"),
    "debtors": ("Accounts Receivable", "Asset"), "creditors": ("Accounts Payable", "Liability"),
    "liability": ("Other Current Liability", "Liability"), "equity": ("Equity", "Equity"),
}  # fmt: skip
OF_JOURNAL = ("Id", "SyncToken", "sparse", "domain", "MetaData", "DocNumber", "TxnDate", "PrivateNote", "Line",
              "Adjustment", "CurrencyRef", "ExchangeRate", "TxnTaxDetail", "TotalAmt", "GlobalTaxCalculation",
              "TransactionLocationType", "CustomField", "LinkedTxn", "DepartmentRef", "TxnSource")  # fmt: skip
OF_LINE = ("Id", "LineNum", "Amount", "Description", "DetailType", "JournalEntryLineDetail", "ProjectRef", "LinkedTxn",
           "CustomField")  # fmt: skip
OF_DETAIL = ("PostingType", "AccountRef", "Entity", "ClassRef", "DepartmentRef", "TaxCodeRef", "TaxApplicableOn",
             "TaxAmount", "BillableStatus", "JournalCodeRef")  # fmt: skip
LONGEST_NUMBER = 21
BUSINESS_RULE = "A business validation error has occurred while processing your request"


class Bad(Exception):
    """Why an entity isn't taken: Intuit's code, its message, the detail and the element."""

    def __init__(self, code: str, message: str, detail: str, element: str = "") -> None:
        super().__init__(detail)
        self.error = {"Message": message, "Detail": detail, "code": code, "element": element}


def fault(bad: Bad) -> dict[str, Any]:
    """A mistake as answers and items of a batch have it."""
    return {"Error": [bad.error], "type": "ValidationFault"}


class QuickBooks(Granted, Ordinary):
    """One company on one port."""

    name = "quickbooks"
    kinds = ("customers", "receipts", "accounts", "journals")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "phone")
    authorize_path = "/connect/oauth2"
    archives = True
    sells = True
    tips = False
    whole_days = True
    returns = False

    def begin(self) -> None:
        """An app of the admin's own, and a grant that it has got."""
        self.grants = Grants(self.clock, self.chance, "eyJlbmMi.", "AB11", 3600.0, client_id="")
        self.grants.client_id, self.grants.client_secret = self.grants.secret(50), self.grants.secret(40)
        self.realm = str(9_341_450_000_000_000 + self.chance.randrange(10**12))
        self.first: Token = self.grants.issue([SCOPE])
        self.desk = Desk(
            self, self.grants, authorize=self.authorize_path, token="/oauth2/v1/tokens/bearer",
            revoke="/v2/oauth2/tokens/revoke", scopes=(SCOPE,), basic=True,
            more=lambda token: {"x_refresh_token_expires_in": 8_726_400},
            back=lambda call: urlencode({"realmId": self.realm}),
        )  # fmt: skip
        self.resources = (self.desk,)
        self.windows = Windows(self.clock, CALLS_A_MINUTE, 60.0)
        self.used: set[str] = set()
        self.done: dict[str, Answer] = {}
        self.sold = 0
        self.entered = Entered(self.courier, random_uuid(self.chance), "intuit-signature", hmac_base64)
        self.kind("accounts").load(self.chart())

    def chart(self) -> list[Cell]:
        """The company's accounts."""
        at = self.clock.ms() - business.AGE_MS
        rows = []
        for seq, account in enumerate(CHART, 1):
            kind, class_ = ACCOUNT_TYPES[account.kind]
            body: dict[str, Any] = {
                "Id": self.identify("accounts", seq, self.chance), "SyncToken": "0", "domain": "QBO", "sparse": False,
                "Name": account.name, "FullyQualifiedName": account.name, "SubAccount": False, "Active": True,
                "AcctNum": account.code, "AccountType": kind, "Classification": class_, "CurrentBalance": 0,
                "CurrencyRef": {"value": business.CURRENCY},
                "MetaData": {"CreateTime": self.moment(at), "LastUpdatedTime": self.moment(at)},
            }  # fmt: skip
            rows.append(packed(Row(None, body["Id"], None, None, None, at, at, LIVE, body), seq))
        return rows

    def route(self) -> None:
        """The paths of one company."""
        super().route()
        base, add = f"/v3/company/{self.realm}", self.routes.add
        add("GET", f"{base}/companyinfo/{self.realm}", self.company)
        add("GET", f"{base}/preferences", self.preferences)
        add("GET", f"{base}/query", lambda call: self.query(call, call.arg("query")))
        add("POST", f"{base}/query", lambda call: self.query(call, call.body.decode()))
        add("GET", f"{base}/customer/{{id}}", self.one)
        add("POST", f"{base}/customer", self.post)
        add("GET", f"{base}/journalentry/{{id}}", lambda call: self.one(call, "journals"))
        add("POST", f"{base}/journalentry", lambda call: self.post(call, "journals"))
        add("GET", f"{base}/account/{{id}}", lambda call: self.one(call, "accounts"))
        add("POST", f"{base}/batch", self.batch)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer token; 500 calls a minute for the company."""
        if self.desk.outside(call):
            return {}
        if self.grants.check(call.bearer() or "") != "ok":
            message = "message=AuthenticationFailed; errorCode=003200; statusCode=401"
            error = {
                "message": message,
                "detail": "Token expired or revoked",
                "code": "3200",
                "element": None,
            }
            raise Refused(reply({"warnings": None, "fault": {"error": [error], "type": "AUTHENTICATION"},
                                 "report": None, "time": self.clock.ms()}, 401))  # fmt: skip
        if self.setting.limits and not self.windows.of(self.realm).take():
            raise Refused(self.failure(429))
        return {"intuit_tid": f"1-{self.chance.getrandbits(64):016x}"}

    def refusal(self, status: int, bad: Bad, kind: str = "ValidationFault") -> Answer:
        """A fault."""
        return reply({"Fault": {"Error": [bad.error], "type": kind}, "time": iso_ms(self.clock.ms())}, status)

    def missing(self, known: bool) -> Answer:
        """A company that the access does not reach, or no such resource."""
        if known:
            return self.refusal(
                405, Bad("1000", "Method not allowed", "The method is not allowed."), "SystemFault"
            )
        detail = "ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
        return self.refusal(403, Bad("3100", "ApplicationAuthorizationFailed", detail), "AuthorizationFault")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            message = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
            return self.refusal(
                429, Bad("003001", message, "The request limit was reached."), "ThrottleFault"
            )
        return self.refusal(
            status, Bad("10000", "An application error has occurred", "System Failure"), "SystemFault"
        )

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(
            400, Bad("2010", "Request has invalid or unsupported property", "Property Name: unknown")
        )

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's app has got, the app, and the company."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh, "realm_id": self.realm,
            "expires_in": round((self.first.expires or 0) - self.clock.now()), "alternatives": {"app": app},
        }  # fmt: skip

    def renew(self) -> None:
        """Another grant."""
        self.grants.refuse_all = False
        self.first = self.grants.issue([SCOPE])

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As a bookkeeper types a customer in."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        found: dict[str, Any] = {"DisplayName": f"{soul.first} {soul.last}".strip(), "GivenName": soul.first,
                                 "FamilyName": soul.last}  # fmt: skip
        if soul.email:
            found["PrimaryEmailAddr"] = {"Address": soul.email}
        if phone:
            found["PrimaryPhone"] = {"FreeFormNumber": phone}
        return found

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers as texts."""
        return str(seq + {"customers": 0, "receipts": 1000, "accounts": 30, "journals": 5000}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer; of two who are called alike, the second is counted."""
        if kind != "customers":
            return {
                **fields,
                "Id": identifier,
                "SyncToken": "-1",
                "MetaData": {"CreateTime": self.moment(created)},
            }
        body: dict[str, Any] = {
            "Id": identifier, "domain": "QBO", "sparse": False, "SyncToken": "-1", "Active": True, "Taxable": False,
            "Job": False, "BillWithParent": False, "Balance": 0, "BalanceWithJobs": 0,
            "PreferredDeliveryMethod": "Print", "CurrencyRef": {"value": business.CURRENCY, "name": "Pound"},
            "MetaData": {"CreateTime": self.moment(created)},
        }  # fmt: skip
        name, number = str(fields.get("DisplayName") or ""), 1
        while (wanted := name if number == 1 else f"{name} ({number})").casefold() in self.used:
            number += 1
        self.used.add(wanted.casefold())
        return self.merged(kind, body, {**fields, "DisplayName": wanted})

    def moment(self, ms: int) -> str:
        """Whole seconds with the offset of the server's own place."""
        return iso_ms(ms - 8 * 3_600_000)[:19] + "-08:00"

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """What is emptied is shown no more."""
        given = {
            name: value
            for name, value in part.items()
            if name not in ("Id", "SyncToken", "sparse", "MetaData")
        }
        found = laid_over(body, given)
        for name in PARTS:
            if isinstance(found.get(name), dict):
                found[name] = {n: v for n, v in found[name].items() if v not in (None, "")}
        found = {n: v for n, v in found.items() if v not in (None, "", {})}
        found["FullyQualifiedName"] = found.get("DisplayName", "")
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds, and the next token."""
        body["MetaData"] = {**body["MetaData"], "LastUpdatedTime": self.moment(updated)}
        body["SyncToken"] = str(int(body["SyncToken"]) + 1)

    def mark(self, kind: str, row: Row) -> None:
        """The name is searched for by uniqueness."""
        super().mark(kind, row)
        if kind == "customers":
            row.ref = str(row.body.get("DisplayName", "")).casefold()

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(
            body.get("GivenName"), body.get("FamilyName"), body.get("PrimaryEmailAddr", {}).get("Address"),
            body.get("PrimaryPhone", {}).get("FreeFormNumber"),
        )  # fmt: skip

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"GivenName": first, "FamilyName": last}

    def remove(self, kind: str, row: Row) -> None:
        """Made inactive: nothing is ever deleted; the name says so and is free again."""
        self.used.discard(str(row.body["DisplayName"]).casefold())
        row.body["Active"] = False
        row.body["DisplayName"] += " (deleted)"
        super().remove(kind, row)

    # queries -------------------------------------------------------------------------------------------------

    def page_mark(self, call: Call) -> str | None:
        """Queries are paged by position."""
        found = re.search(r"startposition (\d+)", call.arg("query"), re.IGNORECASE)
        if not call.path.endswith("/query"):
            return None
        return found[1] if found and found[1] != "1" else ""

    def disturb(self, call: Call) -> None:
        """The customer that changed first changes, and so is the last one."""
        row = self.kind("customers").longest_unchanged()
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("customers", row.body, row.updated)
            self.kind("customers").put(row)

    def unreadable(self, text: str) -> Refused:
        """400 for a query that isn't one."""
        return Refused(
            self.refusal(400, Bad("4000", "Error parsing query", f"QueryParserError: {text[:80]}"))
        )

    def query(self, call: Call, text: str) -> Answer:
        """The entities that a query asks for; active ones unless it says otherwise."""
        parts = QUERY.fullmatch(text.strip())
        kind = ENTITIES.get(parts["entity"].lower()) if parts else None
        if parts is None or kind is None:
            raise self.unreadable(text)
        conditions = Conditions()
        everything = self.where(parts["where"] or "", conditions)
        if not everything:
            conditions.add("state = ?", LIVE)
        if parts["what"] != "*":
            count = self.kind(kind).count(conditions.where, conditions.values)
            return reply({"QueryResponse": {"totalCount": count}, "time": iso_ms(self.clock.ms())})
        name, _, way = (parts["order"] or "Id").partition(" ")
        column = COLUMNS.get(name.lower())
        if column is None:
            raise self.unreadable(name)
        column = "CAST(id AS INTEGER)" if column == "id" else column
        start, most = int(parts["start"] or 1), min(int(parts["most"] or USUAL), MOST_ON_A_PAGE)
        rows = self.kind(kind).rows(
            conditions.where, (*conditions.values, most, start - 1),
            f"ORDER BY {column} {'DESC' if way.strip().lower() == 'desc' else 'ASC'}, seq LIMIT ? OFFSET ?",
        )  # fmt: skip
        found: dict[str, Any] = {"startPosition": start, "maxResults": len(rows)} if rows else {}
        if rows:
            found[NAMES[kind]] = [row.body for row in rows]
        return reply({"QueryResponse": found, "time": iso_ms(self.clock.ms())}, records=len(rows))

    def where(self, text: str, conditions: Conditions) -> bool:
        """Take the terms of a condition over; whether inactive ones are asked for."""
        everything, at = False, 0
        while at < len(text):
            term = TERM.match(text, at)
            if term is None:
                raise self.unreadable(text[at:])
            at = term.end()
            name, sign, value = term["name"].lower(), term["sign"].upper(), term["value"]
            values: list[Any] = [re.sub(r"\\(.)", r"\1", found) for found in TEXT.findall(value)]
            if name == "active":
                everything = "false" in value.lower()
                if sign == "=":
                    conditions.add("state = ?", ARCHIVED if everything else LIVE)
                continue
            column = COLUMNS.get(name)
            if column is None:
                raise self.unreadable(f"property {term['name']} is not queryable")
            if name.startswith("metadata."):
                moment = parse_ms(values[0]) if values else None
                if moment is None:
                    raise self.unreadable(value)
                # Times are told and compared in whole seconds.
                conditions.add(f"{column} / 1000 {sign} ?", moment // 1000)
                continue
            if name == "primaryemailaddr":
                values = [normal_email(found) for found in values]
            elif name == "displayname":
                values = [str(found).casefold() for found in values]
            if sign == "IN":
                conditions.one_of(column, values)
            else:
                conditions.add(f"{column} {sign} ?", values[0] if values else int(value))
        return everything

    def one(self, call: Call, kind: str = "customers") -> Answer:
        """One customer, account or journal."""
        row = self.kind(kind).get(call.params["id"])
        if row is None:
            raise Refused(
                self.refusal(400, Bad("610", "Object Not Found", "Something you're trying to use is gone."))
            )
        return reply({NAMES[kind]: row.body, "time": iso_ms(self.clock.ms())}, records=1)

    # writing -------------------------------------------------------------------------------------------------

    def written(self, given: dict[str, Any]) -> Row:
        """A new customer, or a change of one (all of it, unless it is sparse); raises `Bad`."""
        for member, value in given.items():
            if member not in TEXTS and member not in PARTS + OTHERS:
                detail = f"Property Name:{member} is not known"
                raise Bad("2010", "Request has invalid or unsupported property", detail, member)
            if member in TEXTS and (not isinstance(value, str | None) or len(value or "") > TEXTS[member]):
                raise Bad("2050", "String length is either shorter or longer than supported", member, member)
        email = (given.get("PrimaryEmailAddr") or {}).get("Address")
        if email and (not EMAIL.fullmatch(email) or self.refuses(email)):
            raise Bad("2210", "Invalid Email Address format", f"Email Address does not conform: {email}",
                      "PrimaryEmailAddr")  # fmt: skip
        name = str(given.get("DisplayName") or "")
        if name and re.search(r"[:\t\n]", name):
            raise Bad(
                "2040",
                "Invalid Reference",
                "DisplayName must not contain a colon, tab or new line",
                "DisplayName",
            )
        row = None
        if given.get("Id"):
            row = self.kind("customers").get(str(given["Id"]))
            if row is None or (row.state != LIVE and given.get("Active") is not True):
                raise Bad("610", "Object Not Found", "Another user has deleted this customer.")
            if given.get("SyncToken") != row.body["SyncToken"]:
                raise Bad(
                    "5010",
                    "Stale Object Error",
                    "You and somebody else were working on this at the same time.",
                )
        elif not any(
            given.get(part) for part in ("DisplayName", "GivenName", "FamilyName", "Suffix", "Title")
        ):
            raise Bad("2020", "Required param missing, need to supply the required value for the API",
                      "Required parameter DisplayName is missing in the request", "DisplayName")  # fmt: skip
        if row is None and not name:
            name = " ".join(filter(None, (given.get("GivenName"), given.get("FamilyName"))))
            given = {**given, "DisplayName": name}
        other = self.kind("customers").first("state = 0 AND ref = ?", name.casefold()) if name else None
        if other is not None and (row is None or other.id != row.id):
            detail = f"The name supplied already exists. : Id={other.id}"
            raise Bad("6240", "Duplicate Name Exists Error", detail)
        if row is None:
            return self.make("customers", given)
        if given.get("Active") is False:
            self.remove("customers", row)
            return row
        if not given.get("sparse"):
            given = dict.fromkeys((*TEXTS, *PARTS[:5])) | {"DisplayName": row.body["DisplayName"]} | given
        return self.write("customers", row, given)

    def journal_entry(self, given: dict[str, Any]) -> Row:
        """A new journal entry: two lines at least, accounts that are there, debits equal to credits; raises `Bad`."""
        self.known_members(given, OF_JOURNAL)
        if len(str(given.get("DocNumber") or "")) > LONGEST_NUMBER:
            detail = f"Max: {LONGEST_NUMBER}, supplied: {len(given['DocNumber'])}"
            raise Bad(
                "2050", "String length specified does not match the supported length", detail, "DocNumber"
            )
        lines = [line for line in given.get("Line") or () if line.get("DetailType") != "DescriptionOnly"]
        if len(lines) < 2:
            raise Bad(
                "6000",
                BUSINESS_RULE,
                "Business Validation Error: You must fill out at least two detail lines.",
            )
        debits = sum(self.posted(line)[1] for line in lines)
        if debits:
            detail = "Business Validation Error: The total of the debits must equal the total of the credits."
            raise Bad("6000", BUSINESS_RULE, detail)
        whole = {
            "domain": "QBO", "sparse": False, "Adjustment": False, "TxnDate": iso_ms(self.clock.ms())[:10],
            "CurrencyRef": {"value": business.CURRENCY}, "TxnTaxDetail": {}, **given,
            "Line": [{"Id": str(place), **line} for place, line in enumerate(given["Line"])],
        }  # fmt: skip
        return self.make("journals", {name: value for name, value in whole.items() if name != "Id"})

    def known_members(self, given: dict[str, Any], members: tuple[str, ...]) -> None:
        """Raise `Bad` for a member that is none."""
        for member in given:
            if member not in members:
                detail = f"Property Name:Can not instantiate value; unknown property {member}"
                raise Bad("2010", "Request has invalid or unsupported property", detail, member)

    def posted(self, line: dict[str, Any]) -> tuple[str, int]:
        """The account of a line and what it is debited with, in hundredths; raises `Bad` for a line that is wrong."""
        self.known_members(line, OF_LINE)
        detail = line.get("JournalEntryLineDetail") or {}
        self.known_members(detail, OF_DETAIL)
        if line.get("DetailType") != "JournalEntryLineDetail" or detail.get("PostingType") not in (
            "Debit",
            "Credit",
        ):
            found = detail.get("PostingType", line.get("DetailType"))
            raise Bad("2170", "Invalid Enumeration", f"Invalid Enumeration : {found}", "PostingType")
        if not isinstance(line.get("Amount"), int | float) or line["Amount"] < 0:
            raise Bad("2090", "Invalid Number", f"Invalid Number : {line.get('Amount')}", "Amount")
        wanted = str((detail.get("AccountRef") or {}).get("value") or "")
        if not wanted:
            words = "Required parameter AccountRef is missing in the request"
            raise Bad("2020", "Required param missing, need to supply the required value for the API", words,
                      "AccountRef")  # fmt: skip
        account = self.kind("accounts").live(wanted)
        if account is None:
            words = f"Invalid Reference Id : Accounts element id {wanted} not found"
            raise Bad("2500", "Invalid Reference Id", words, "Line.JournalEntryLineDetail.AccountRef")
        if account.body["AccountType"] in ("Accounts Receivable", "Accounts Payable") and not detail.get(
            "Entity"
        ):
            who = "customer" if account.body["AccountType"].endswith("Receivable") else "vendor"
            words = f"Business Validation Error: When you use {account.body['AccountType']}, you must choose a {who}."
            raise Bad("6000", BUSINESS_RULE, words)
        size = minor(line["Amount"])
        return str(account.body["Name"]), size if detail["PostingType"] == "Debit" else -size

    def books(self) -> list[dict[str, Any]]:
        """For who judges."""
        return [
            {"reference": row.body.get("DocNumber", ""), "day": row.body["TxnDate"],
             "lines": [list(self.posted(line)) for line in row.body["Line"]]}
            for row in self.kind("journals").rows("state = 0")
        ]  # fmt: skip

    def post(self, call: Call, kind: str = "customers") -> Answer:
        """One customer or journal; the same request id brings the same answer."""
        known = self.done.get(call.arg("requestid"))
        if known is not None:
            return Answer(known.status, known.body, dict(known.headers), known.content_type, known.records)
        try:
            row = self.journal_entry(call.json()) if kind == "journals" else self.written(call.json())
        except Bad as bad:
            return self.refusal(400, bad)
        answer = reply({NAMES[kind]: row.body, "time": iso_ms(self.clock.ms())}, records=1)
        if call.arg("requestid"):
            self.done[call.arg("requestid")] = answer
        return answer

    def batch(self, call: Call) -> Answer:
        """Up to thirty acts; each says for itself what became of it."""
        known = self.done.get(call.arg("requestid"))
        if known is not None:
            return Answer(known.status, known.body, dict(known.headers), known.content_type, known.records)
        items = call.json()["BatchItemRequest"]
        if len(items) > MOST_AT_ONCE:
            detail = "The maximum number of batch items was exceeded."
            return self.refusal(400, Bad("1040", "Batch item limit exceeded", detail))
        said = []
        for item in items:
            try:
                row = self.written(item["Customer"])
                said.append({"bId": item["bId"], "Customer": row.body})
            except Bad as bad:
                said.append({"bId": item["bId"], "Fault": fault(bad)})
        answer = reply({"BatchItemResponse": said, "time": iso_ms(self.clock.ms())}, records=len(said))
        if call.arg("requestid"):
            self.done[call.arg("requestid")] = answer
        return answer

    # the company and its sales -------------------------------------------------------------------------------

    def company(self, call: Call) -> Answer:
        """The company."""
        address = {
            "Line1": business.STREET,
            "City": business.TOWN,
            "PostalCode": business.POSTCODE,
            "Country": "GBR",
        }
        return reply({
            "CompanyInfo": {
                "Id": "1", "SyncToken": "4", "domain": "QBO", "sparse": False, "CompanyName": business.NAME,
                "LegalName": business.NAME, "CompanyAddr": address, "Country": business.COUNTRY,
                "Email": {"Address": business.EMAIL}, "FiscalYearStartMonth": "April", "SupportedLanguages": "en",
                "MetaData": {"CreateTime": self.moment(self.clock.ms() - business.AGE_MS)},
            },
            "time": iso_ms(self.clock.ms()),
        })  # fmt: skip

    def preferences(self, call: Call) -> Answer:
        """What the company has chosen."""
        currency = {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": business.CURRENCY}}
        forms = {"CustomField": [], "AllowDiscount": True}
        return reply({
            "Preferences": {"Id": "1", "CurrencyPrefs": currency, "SalesFormsPrefs": forms},
            "time": iso_ms(self.clock.ms()),
        })  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """A sales receipt; one that was called off is voided: its amounts are nothing."""
        identifier = self.identify("receipts", seq, chance)
        total = basket.total if basket.done else 0
        lines: list[dict[str, Any]] = [
            {"Id": str(place), "LineNum": place, "Description": item.name, "Amount": item.total / 100,
             "DetailType": "SalesItemLineDetail",
             "SalesItemLineDetail": {"ItemRef": {"value": str(10 + len(item.name)), "name": item.name},
                                     "Qty": item.count, "UnitPrice": item.unit / 100}}
            for place, item in enumerate(basket.items, 1)
        ]  # fmt: skip
        lines.append({"Amount": total / 100, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
        body: dict[str, Any] = {
            "Id": identifier, "SyncToken": "-1", "domain": "QBO", "sparse": False, "DocNumber": str(seq),
            "TxnDate": iso_ms(basket.placed)[:10], "CurrencyRef": {"value": business.CURRENCY}, "Line": lines,
            "TotalAmt": total / 100, "TxnTaxDetail": {"TotalTax": (basket.tax if basket.done else 0) / 100},
            "GlobalTaxCalculation": "TaxInclusive", "Balance": 0,
            "MetaData": {"CreateTime": self.moment(basket.placed)}, "PrivateNote": "" if basket.done else "Voided",
        }  # fmt: skip
        if basket.customer:
            body["CustomerRef"] = {"value": basket.customer}
        self.stamped("receipts", body, basket.placed)
        self.sold += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, basket.placed, LIVE, body)
        self.kind("receipts").load([packed(row, self.sold)])
        return identifier, []

    # webhooks ------------------------------------------------------------------------------------------------

    def control_listen(self, url: str, code: str) -> Any:
        """Enter the app's address; the verifier token stands beside it."""
        self.entered.enter(url, active=True)
        return self.entered.shown(url)

    def control_unlisten(self) -> int:
        """As a person who deletes the webhook."""
        return self.entered.clear()

    def happened(self, kind: str, row: Row, what: str) -> None:
        """A list of CloudEvents, which name the company and the entity."""
        entity = {"customers": "customer", "receipts": "salesreceipt"}.get(kind)
        if entity is not None:
            self.entered.tell([{
                "specversion": "1.0", "id": random_uuid(self.chance), "source": f"intuit.{self.grants.client_id}",
                "type": f"qbo.{entity}.{what}.v1", "datacontenttype": "application/json",
                "time": iso_ms(round(self.told_time() * 1000)), "intuitentityid": row.id,
                "intuitaccountid": self.realm, "data": {},
            }])  # fmt: skip
