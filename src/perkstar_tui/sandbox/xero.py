"""Xero: contacts of unique names by lists, paid invoices and credit notes, Microsoft's dates and 60 calls a minute."""

import hashlib
import random
import re
from typing import Any

from . import business
from .chart import CHART, minor
from .clock import iso_ms, iso_s, parse_ms
from .conditions import Conditions, ordered
from .desk import Desk
from .entered import Entered
from .ids import random_uuid
from .limits import Windows
from .names import EMAIL, national
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .state import ARCHIVED, LIVE, Cell, Row, normal_email
from .webhooks import hmac_base64
from .wire import Answer, Call, Refused, reply

BASE = "/api.xro/2.0"
SCOPES = ("offline_access", "accounting.contacts", "accounting.settings.read", "accounting.invoices",
          "accounting.manualjournals")  # fmt: skip
ACCOUNT_TYPES = {
    "bank": ("BANK", "ASSET"), "income": ("REVENUE", "REVENUE"), "expense": ("EXPENSE", "EXPENSE"),
    "debtors": ("CURRENT", "ASSET"), "creditors": ("CURRLIAB", "LIABILITY"), "liability": ("CURRLIAB", "LIABILITY"),
    "equity": ("EQUITY", "EQUITY"),
}  # fmt: skip
OF_JOURNAL = ("Narration", "JournalLines", "Date", "LineAmountTypes", "Status", "Url", "ShowOnCashBasisReports",
              "ManualJournalID", "HasAttachments")  # fmt: skip
OF_LINE = ("LineAmount", "AccountCode", "AccountID", "Description", "TaxType", "Tracking", "TaxAmount")
NOBODY = "00000000-0000-0000-0000-000000000000"
MOST_ON_A_PAGE, USUAL = 1000, 100
CALLS_A_MINUTE = 60
TERM = re.compile(r'\s*(?P<name>[A-Za-z.]+)\s*==\s*"(?P<value>[^"]*)"\s*')
COLUMNS = {"EmailAddress": "email"} | {
    name: f"json_extract(body, '$.{name}')"
    for name in (
        "ContactStatus",
        "Type",
        "Status",
        "Name",
        "ContactNumber",
        "FirstName",
        "LastName",
        "Narration",
        "Code",
        "Class",
    )
}
PHONES, ADDRESSES = ("DDI", "DEFAULT", "FAX", "MOBILE"), ("STREET", "POBOX")
TEXTS = {"Name": 255, "FirstName": 255, "LastName": 255, "EmailAddress": 255, "ContactNumber": 50,
         "AccountNumber": 50, "BankAccountDetails": 50, "TaxNumber": 50, "CompanyNumber": 50,
         "Website": 255}  # fmt: skip
TAKEN = (
    "The contact name {} is already assigned to another contact. The contact name must be unique across all "
    "active contacts."
)


def ms_date(ms: int) -> str:
    """A moment as the JSON of Microsoft's older libraries has it."""
    return f"/Date({ms}+0000)/"


def day_of(ms: int) -> dict[str, str]:
    """A day in both spellings."""
    day = ms - ms % 86_400_000
    return {"Date": ms_date(day), "DateString": iso_s(day)[:19]}


class Bad(Exception):
    """Why an element isn't taken."""


class Xero(Granted, Ordinary):
    """One organisation on one port."""

    name = "xero"
    kinds = ("contacts", "invoices", "credit_notes", "accounts", "journals")
    people_kind = "contacts"
    person_fields = ("first", "last", "email", "phone")
    authorize_path = "/identity/connect/authorize"
    archives = True
    sells = True
    tips = False
    whole_days = True

    def begin(self) -> None:
        """An app of the admin's own, and a grant that it has got."""
        self.grants = Grants(
            self.clock, self.chance, "", "", 1800.0, client_id=f"{self.chance.getrandbits(128):032X}"
        )
        self.grants.client_secret = self.grants.secret(48)
        self.tenant = random_uuid(self.chance)
        self.connection = random_uuid(self.chance)
        self.first: Token = self.grants.issue(list(SCOPES), rotates=True)
        self.desk = Desk(
            self, self.grants, authorize=self.authorize_path, token="/connect/token", revoke="/connect/revocation",
            scopes=SCOPES, public=True, rotates=True,
        )  # fmt: skip
        self.resources = (self.desk,)
        self.windows = Windows(self.clock, CALLS_A_MINUTE, 60.0)
        self.used: set[str] = set()
        self.known: dict[str, tuple[str, Answer]] = {}
        self.sold = [0, 0]
        self.told = 0
        self.entered = Entered(self.courier, self.grants.secret(64), "x-xero-signature", hmac_base64)
        self.till = random_uuid(self.chance)
        self.kind("accounts").load(self.chart())

    def chart(self) -> list[Cell]:
        """The organisation's accounts; their ids take nothing from the chance of the seed."""
        at, chance = self.clock.ms() - business.AGE_MS, random.Random("chart")
        rows = []
        for seq, account in enumerate(CHART, 1):
            kind, class_ = ACCOUNT_TYPES[account.kind]
            body: dict[str, Any] = {
                "AccountID": random_uuid(chance), "Code": account.code, "Name": account.name, "Status": "ACTIVE",
                "Type": kind, "TaxType": "NONE", "Class": class_, "EnablePaymentsToAccount": False,
                "ShowInExpenseClaims": False, "ReportingCode": "", "HasAttachments": False,
                "UpdatedDateUTC": ms_date(at), "AddToWatchlist": False,
            }  # fmt: skip
            if account.kind in ("debtors", "creditors"):
                body["SystemAccount"] = account.kind.upper()
            rows.append(packed(Row(None, body["AccountID"], None, None, None, at, at, LIVE, body), seq))
        return rows

    def route(self) -> None:
        """The paths of the Accounting API, and the list of organisations."""
        super().route()
        add = self.routes.add
        add("GET", f"{BASE}/Accounts", self.accounts)
        add("GET", f"{BASE}/Accounts/{{id}}", lambda call: self.one(call, "accounts", "Accounts"))
        add("GET", f"{BASE}/ManualJournals", lambda call: self.papers(call, "journals", "ManualJournals"))
        add("GET", f"{BASE}/ManualJournals/{{id}}", lambda call: self.one(call, "journals", "ManualJournals"))
        add("PUT", f"{BASE}/ManualJournals", lambda call: self.write_list(call, "ManualJournals"))
        add("POST", f"{BASE}/ManualJournals", lambda call: self.write_list(call, "ManualJournals"))
        # The guide writes it small, the description and its clients with a capital.
        for spelled in ("/connections", "/Connections"):
            add("GET", spelled, self.connections)
        add("GET", f"{BASE}/Organisation", self.organisation)
        add("GET", f"{BASE}/Contacts", self.contacts)
        add("PUT", f"{BASE}/Contacts", self.write_list)
        add("POST", f"{BASE}/Contacts", self.write_list)
        add("GET", f"{BASE}/Contacts/{{id}}", self.one)
        add("POST", f"{BASE}/Contacts/{{id}}", self.write_list)
        add("GET", f"{BASE}/Invoices", lambda call: self.papers(call, "invoices", "Invoices"))
        add("GET", f"{BASE}/CreditNotes", lambda call: self.papers(call, "credit_notes", "CreditNotes"))

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer token and the organisation in a header; 60 calls a minute for it."""
        if self.desk.outside(call):
            return {}
        state = self.grants.check(call.bearer() or "")
        if state != "ok":
            detail = {"expired": "TokenExpired: token expired"}.get(state, "AuthenticationUnsuccessful")
            raise Refused(self.problem(401, "Unauthorized", detail))
        if call.path.lower() == "/connections":
            return {}
        token = self.grants.tokens.get(call.bearer() or "")
        if call.path.startswith(f"{BASE}/ManualJournals") and token and SCOPES[-1] not in token.scopes:
            raise Refused(self.problem(401, "Unauthorized", "AuthorizationUnsuccessful"))
        if call.headers.get("xero-tenant-id") != self.tenant:
            raise Refused(self.problem(403, "Forbidden", "AuthenticationUnsuccessful"))
        if not self.setting.limits:
            return {}
        window = self.windows.of(self.tenant)
        if not window.take():
            answer = self.trouble(429, max(1.0, window.wait))
            answer.headers["X-Rate-Limit-Problem"] = "minute"
            raise Refused(answer)
        return {"X-MinLimit-Remaining": str(window.left), "X-DayLimit-Remaining": "4800",
                "X-AppMinLimit-Remaining": "9900"}  # fmt: skip

    def problem(self, status: int, title: str, detail: str) -> Answer:
        """An error outside of validation."""
        return reply({"Type": None, "Title": title, "Status": status, "Detail": detail,
                      "Instance": random_uuid(self.chance), "Extensions": {}}, status)  # fmt: skip

    def exception(self, message: str, number: int = 10, kind: str = "ValidationException") -> Refused:
        """400 for a call that isn't taken."""
        return Refused(reply({"ErrorNumber": number, "Type": kind, "Message": message}, 400))

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.problem(405, "Method Not Allowed", "The method is not allowed.")
        return self.problem(404, "Not Found", "The resource you're looking for cannot be found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.problem(429, "Too Many Requests", "The rate limit was exceeded.")
        return self.problem(status, "Internal Server Error", "An error occurred in Xero.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.exception(
            "JSON for post data was empty or could not be read", 14, "PostDataInvalidException"
        ).answer

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's app has got, the app, and the organisation."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh, "tenant_id": self.tenant,
            "expires_in": round((self.first.expires or 0) - self.clock.now()), "alternatives": {"app": app},
        }  # fmt: skip

    def renew(self) -> None:
        """Another grant."""
        self.grants.refuse_all = False
        self.first = self.grants.issue(list(SCOPES), rotates=True)

    def connections(self, call: Call) -> Answer:
        """The organisations that the access reaches."""
        at = iso_s(self.clock.ms())[:19]
        return reply([{
            "id": self.connection, "authEventId": self.connection, "tenantId": self.tenant,
            "tenantType": "ORGANISATION", "tenantName": business.NAME, "createdDateUtc": at + "Z",
            "updatedDateUtc": at + "Z",
        }])  # fmt: skip

    # a contact -----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As a bookkeeper types a contact in."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        found: dict[str, Any] = {"Name": f"{soul.first} {soul.last}".strip(), "FirstName": soul.first,
                                 "LastName": soul.last, "EmailAddress": soul.email or ""}  # fmt: skip
        if phone:
            found["Phones"] = [{"PhoneType": "MOBILE", "PhoneNumber": phone}]
        return found

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """UUIDs."""
        return random_uuid(chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A contact with every member; of two who are called alike, the second is counted."""
        if kind == "journals":
            return {**fields, "ManualJournalID": identifier}
        body: dict[str, Any] = {
            "ContactID": identifier, "ContactStatus": "ACTIVE", "Name": "", "FirstName": "", "LastName": "",
            "EmailAddress": "", "BankAccountDetails": "",
            "Phones": [{"PhoneType": name, "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
                       for name in PHONES],
            "Addresses": [{"AddressType": name, "AddressLine1": "", "City": "", "Region": "", "PostalCode": "",
                           "Country": ""} for name in ADDRESSES],
            "ContactGroups": [], "ContactPersons": [], "IsSupplier": False, "IsCustomer": True,
            "HasAttachments": False, "HasValidationErrors": False,
        }  # fmt: skip
        name, number = str(fields.get("Name") or ""), 1
        while (wanted := name if number == 1 else f"{name} ({number})").casefold() in self.used:
            number += 1
        self.used.add(wanted.casefold())
        return self.merged(kind, body, {**fields, "Name": wanted})

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Numbers and addresses go by their kind; those that aren't given stay."""
        found = dict(body)
        for name, value in part.items():
            if name in ("Phones", "Addresses"):
                key = "PhoneType" if name == "Phones" else "AddressType"
                rows = {row[key]: dict(row) for row in body.get(name, ())}
                for row in value:
                    rows[row[key]] = {**rows.get(row[key], {}), **row}
                found[name] = list(rows.values())
            elif name != "ContactID":
                found[name] = value
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Milliseconds."""
        body["UpdatedDateUTC"] = ms_date(updated)

    def mark(self, kind: str, row: Row) -> None:
        """The name is searched for by uniqueness."""
        super().mark(kind, row)
        if kind == "contacts":
            row.ref = str(row.body["Name"]).casefold()

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        mobile = next((p["PhoneNumber"] for p in body["Phones"] if p["PhoneType"] == "MOBILE"), None)
        return viewed(body["FirstName"], body["LastName"], body["EmailAddress"], mobile)

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"FirstName": first, "LastName": last}

    def remove(self, kind: str, row: Row) -> None:
        """Archived: nothing is ever deleted; the name is free again."""
        self.used.discard(str(row.body["Name"]).casefold())
        row.body["ContactStatus"] = "ARCHIVED"
        super().remove(kind, row)

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """The loser is archived and says into whom it went; what only it had goes over."""
        kept, lost = self.kind(kind).live(winner), self.kind(kind).live(loser)
        if kept is None or lost is None:
            raise KeyError(loser)
        gaps = {n: lost.body[n] for n in ("FirstName", "LastName", "EmailAddress") if not kept.body[n]}
        lost.body["MergedToContactID"] = kept.id
        self.remove(kind, lost)
        return self.view(kind, self.write(kind, kept, gaps))

    # lists ---------------------------------------------------------------------------------------------------

    def envelope(self, name: str, rows: list[dict[str, Any]], more: dict[str, Any] | None = None) -> Answer:
        """What an answer says besides."""
        return reply({"Id": random_uuid(self.chance), "Status": "OK", "ProviderName": "Perkstar",
                      "DateTimeUTC": ms_date(self.clock.ms()), **(more or {}), name: rows},
                     records=len(rows))  # fmt: skip

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by number."""
        lists = call.method == "GET" and call.path.endswith(
            ("/Contacts", "/Invoices", "/CreditNotes", "/ManualJournals")
        )
        return call.arg("page", "1").replace("1", "", 1) if lists else None

    def disturb(self, call: Call) -> None:
        """The contact that changed first changes, and so is the last one."""
        row = self.kind("contacts").longest_unchanged()
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("contacts", row.body, row.updated)
            self.kind("contacts").put(row)

    def conditions(self, call: Call) -> Conditions:
        """What a list asks for."""
        found = Conditions()
        since = call.headers.get("if-modified-since", "")
        if since:
            at = parse_ms(since)
            if at is None:
                raise self.exception("The If-Modified-Since header is not a date")
            found.add("updated >= ?", at)
        text = call.arg("where")
        for part in re.split(r"\s+AND\s+|&&", text) if text else ():
            term = TERM.fullmatch(part)
            if term is None or term["name"] not in COLUMNS:
                raise self.exception(
                    f"Could not parse the where clause: {part[:60]}", 16, "QueryParseException"
                )
            value: str | None = term["value"]
            value = normal_email(value) if term["name"] == "EmailAddress" else value
            found.add(f"{COLUMNS[term['name']]} = ?", value)
        if call.arg("IDs"):
            found.one_of("id", call.arg("IDs").split(","))
        return found

    def order(self, call: Call) -> str:
        """The order asked for."""
        name, _, way = call.arg("order", "UpdatedDateUTC ASC").partition(" ")
        columns = {"UpdatedDateUTC": "updated", "ContactID": "id", "InvoiceID": "id", "Date": "created",
                   "Name": COLUMNS["Name"], "EmailAddress": "email", "Code": COLUMNS["Code"]}  # fmt: skip
        if name not in columns:
            raise self.exception(f"No property or field '{name}' exists", 16, "QueryParseException")
        return ordered(columns[name], way.strip().upper() == "DESC")

    def paged(self, call: Call, kind: str, name: str, conditions: Conditions) -> Answer:
        """A page of a list."""
        size, page = min(call.number("pageSize", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        count = self.kind(kind).count(conditions.where, conditions.values)
        rows = self.kind(kind).rows(
            conditions.where,
            (*conditions.values, size, (page - 1) * size),
            f"{self.order(call)} LIMIT ? OFFSET ?",
        )
        pagination = {
            "page": page,
            "pageSize": size,
            "pageCount": max(1, -(-count // size)),
            "itemCount": count,
        }
        return self.envelope(name, [row.body for row in rows], {"pagination": pagination})

    def contacts(self, call: Call) -> Answer:
        """Contacts; archived ones where they are asked for."""
        conditions = self.conditions(call)
        if call.arg("includeArchived").lower() != "true":
            conditions.add("state = ?", LIVE)
        if call.arg("searchTerm"):
            term = f"%{call.arg('searchTerm').lower()}%"
            conditions.add("(ref LIKE ? OR email LIKE ?)", term, term)
        return self.paged(call, "contacts", "Contacts", conditions)

    def papers(self, call: Call, kind: str, name: str) -> Answer:
        """Invoices or credit notes."""
        conditions = self.conditions(call)
        if call.arg("Statuses"):
            conditions.one_of(COLUMNS["Status"], call.arg("Statuses").split(","))
        if call.arg("ContactIDs"):
            conditions.one_of("ref", call.arg("ContactIDs").split(","))
        return self.paged(call, kind, name, conditions)

    def accounts(self, call: Call) -> Answer:
        """The chart of accounts, whole: this list has no pages."""
        conditions = self.conditions(call)
        rows = self.kind("accounts").rows(conditions.where, conditions.values, self.order(call))
        return self.envelope("Accounts", [row.body for row in rows])

    def one(self, call: Call, kind: str = "contacts", name: str = "Contacts") -> Answer:
        """One contact, account or journal."""
        row = self.kind(kind).get(call.params["id"])
        if row is None:
            return self.problem(404, "Not Found", "The resource you're looking for cannot be found")
        return self.envelope(name, [row.body])

    # writing -------------------------------------------------------------------------------------------------

    def write_list(self, call: Call, name: str = "Contacts") -> Answer:
        """Make (PUT) or make or change (POST) contacts or journals; the same key brings the same answer."""
        key, digest = call.headers.get("idempotency-key", ""), hashlib.sha256(call.body).hexdigest()
        if key and key in self.known:
            before, answer = self.known[key]
            if before != digest:
                raise self.exception("The Idempotency-Key was used with another request")
            return Answer(
                answer.status, answer.body, dict(answer.headers), answer.content_type, answer.records
            )
        given = call.json()
        items = given[name] if isinstance(given, dict) and name in given else [given]
        take, identifier = {
            "Contacts": (self.taken, "ContactID"),
            "ManualJournals": (self.manual_journal, "ManualJournalID"),
        }[name]
        if "id" in call.params:
            items[0]["ContactID"] = call.params["id"]
        rows: list[dict[str, Any]] = []
        for item in items:
            try:
                row = take(item, new=call.method == "PUT")
                rows.append({**row.body, "StatusAttributeString": "OK"})
            except Bad as bad:
                errors = [{"Message": str(bad)}]
                rows.append({**item, identifier: item.get(identifier, NOBODY),
                             "HasValidationErrors": True, "ValidationErrors": errors,
                             "StatusAttributeString": "ERROR"})  # fmt: skip
        wrong = [row for row in rows if row["StatusAttributeString"] == "ERROR"]
        if wrong and call.arg("summarizeErrors").lower() != "false":
            return reply({"ErrorNumber": 10, "Type": "ValidationException",
                          "Message": "A validation exception occurred", "Elements": wrong}, 400)  # fmt: skip
        answer = self.envelope(name, rows)
        if key:
            self.known[key] = digest, answer
        return answer

    def manual_journal(self, item: dict[str, Any], *, new: bool) -> Row:
        """A new manual journal, a draft unless it says otherwise; raises `Bad`."""
        unknown = [name for name in item if name not in OF_JOURNAL]
        if unknown or not (new or not item.get("ManualJournalID")):
            raise Bad(f"{unknown[0]} is not known." if unknown else "A posted journal is not changed here.")
        if not item.get("Narration"):
            raise Bad("Narration cannot be empty.")
        lines = item.get("JournalLines") or []
        if len(lines) < 2:
            raise Bad("Journals must have at least two lines.")
        accounts = [self.account(line) for line in lines]
        amounts = [minor(line.get("LineAmount") or 0) for line in lines]
        if sum(amounts):
            debits, credits = (sum(size for size in amounts if (size > 0) is side) for side in (True, False))
            raise Bad(f"The total debits ({debits / 100:.2f}) must equal total credits ({credits / 100:.2f})")
        status = item.get("Status", "DRAFT")
        if status not in ("DRAFT", "POSTED"):
            raise Bad(f"Invalid status {status}.")
        # A day or, as the vendor's own clients write it, a moment in Microsoft's form.
        day = parse_ms(re.sub(r"/Date\((\d+).*", r"\1", str(item.get("Date") or iso_s(self.clock.ms())[:10])))
        if day is None:
            raise Bad("Date is not valid.")
        return self.make("journals", {
            "Date": day_of(day)["Date"], "Status": status, "LineAmountTypes": item.get("LineAmountTypes", "NoTax"),
            "Narration": item["Narration"], "ShowOnCashBasisReports": item.get("ShowOnCashBasisReports", True),
            "HasAttachments": False,
            "JournalLines": [
                {"Description": line.get("Description", ""), "TaxType": "NONE", "TaxAmount": 0.0,
                 "LineAmount": size / 100, "AccountCode": account["Code"], "AccountID": account["AccountID"],
                 "Tracking": [], "IsBlank": False}
                for line, account, size in zip(lines, accounts, amounts, strict=True)
            ],
        })  # fmt: skip

    def account(self, line: dict[str, Any]) -> dict[str, Any]:
        """The account of a line; raises `Bad` where it has none that takes manual journals."""
        for name in line:
            if name not in OF_LINE:
                raise Bad(f"{name} is not known.")
        if not line.get("AccountCode") and not line.get("AccountID"):
            raise Bad("Account code or ID must be specified")
        column, wanted = (
            (COLUMNS["Code"], line["AccountCode"]) if line.get("AccountCode") else ("id", line["AccountID"])
        )
        row = self.kind("accounts").first(f"{column} = ?", wanted)
        if row is None or row.body["Type"] == "BANK" or "SystemAccount" in row.body:
            raise Bad(f"Account code '{wanted}' is not a valid code for this document.")
        return dict(row.body)

    def books(self) -> list[dict[str, Any]]:
        """For who judges; a draft is not in the books."""
        names = {row.body["Code"]: row.body["Name"] for row in self.kind("accounts").rows()}
        return [
            {"reference": row.body["Narration"], "day": iso_s(int(row.body["Date"][6:-7]))[:10],
             "lines": [[names[line["AccountCode"]], minor(line["LineAmount"])] for line in row.body["JournalLines"]]}
            for row in self.kind("journals").rows("state = 0")
            if row.body["Status"] == "POSTED"
        ]  # fmt: skip

    def taken(self, item: dict[str, Any], *, new: bool) -> Row:
        """One element: whom it means, and what stands then; raises `Bad`."""
        for name, most in TEXTS.items():
            value = item.get(name)
            if value is not None and (not isinstance(value, str) or len(value) > most):
                raise Bad(f"The value provided for {name} is not valid.")
        email = item.get("EmailAddress")
        if email and (not EMAIL.fullmatch(email) or self.refuses(email)):
            raise Bad("Email address must be valid.")
        row = None
        if not new:
            if item.get("ContactID"):
                row = self.kind("contacts").get(item["ContactID"])
                if row is None:
                    raise Bad("The contact was not found.")
            elif item.get("ContactNumber"):
                row = self.kind("contacts").first(f"{COLUMNS['ContactNumber']} = ?", item["ContactNumber"])
            if row is None and item.get("Name"):
                row = self.kind("contacts").first("state = 0 AND ref = ?", item["Name"].casefold())
        if row is None and not item.get("Name"):
            raise Bad("The contact name cannot be empty.")
        if row is not None and row.state == ARCHIVED:
            raise Bad("This contact has been archived and cannot be edited.")
        name = str(item.get("Name") or "")
        if name:
            other = self.kind("contacts").first("state = 0 AND ref = ?", name.casefold())
            if other is not None and (row is None or other.id != row.id):
                raise Bad(TAKEN.format(name))
        return self.make("contacts", item) if row is None else self.write("contacts", row, item)

    # the organisation and its invoices -----------------------------------------------------------------------

    def organisation(self, call: Call) -> Answer:
        """Who keeps books here."""
        return self.envelope("Organisations", [{
            "OrganisationID": self.tenant, "Name": business.NAME, "LegalName": business.NAME, "PaysTax": True,
            "Version": "UK", "OrganisationType": "COMPANY", "BaseCurrency": business.CURRENCY,
            "CountryCode": business.COUNTRY, "IsDemoCompany": False, "OrganisationStatus": "ACTIVE",
            "FinancialYearEndDay": 31, "FinancialYearEndMonth": 3, "Timezone": "GMTSTANDARDTIME",
            "CreatedDateUTC": ms_date(self.clock.ms() - business.AGE_MS), "ShortCode": "!kr7ye", "Edition": "BUSINESS",
            "Class": "PREMIUM", "Phones": [], "Addresses": [], "ExternalLinks": [],
        }])  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An invoice, paid or still open, and a credit note for each time something was given back."""
        identifier = random_uuid(chance)
        name = "Till sales" if basket.customer is None else ""
        contact: dict[str, Any] = {
            "ContactID": basket.customer or self.till,
            "Name": name,
            "HasValidationErrors": False,
        }
        lines = [
            {"LineItemID": random_uuid(chance), "Description": item.name, "Quantity": float(item.count),
             "UnitAmount": item.unit / 100, "ItemCode": f"I{len(item.name)}", "AccountCode": "200",
             "TaxType": "OUTPUT2", "TaxAmount": (item.total - round(item.total / 1.2)) / 100,
             "LineAmount": item.total / 100, "Tracking": []}
            for item in basket.items
        ]  # fmt: skip
        tax = sum(item.total - round(item.total / 1.2) for item in basket.items)
        money = {"SubTotal": (basket.total - tax) / 100, "TotalTax": tax / 100, "Total": basket.total / 100,
                 "CurrencyCode": business.CURRENCY, "CurrencyRate": 1.0, "LineAmountTypes": "Inclusive"}  # fmt: skip
        day = day_of(basket.placed)
        body: dict[str, Any] = {
            "Type": "ACCREC", "InvoiceID": identifier, "InvoiceNumber": f"INV-{seq:04d}", "Reference": "",
            "Contact": contact, **day, "DueDate": day["Date"], "DueDateString": day["DateString"],
            "Status": "PAID" if basket.done else ("AUTHORISED", "VOIDED")[seq % 2], **money, "LineItems": lines,
            "AmountDue": 0.0 if basket.done else basket.total / 100,
            "AmountPaid": basket.total / 100 if basket.done else 0.0, "AmountCredited": 0.0, "Payments": [],
            "CreditNotes": [], "Prepayments": [], "Overpayments": [], "HasErrors": False, "IsDiscounted": False,
        }  # fmt: skip
        if basket.done:
            body["FullyPaidOnDate"] = day["Date"]
        notes = []
        for number, (at, amount) in enumerate(basket.refunds):
            note = random_uuid(chance)
            notes.append(note)
            told: dict[str, Any] = {
                "CreditNoteID": note, "CreditNoteNumber": f"CN-{seq:04d}{number}", "Type": "ACCRECCREDIT",
                "Contact": contact, **day_of(at), "Status": "PAID", **money, "Total": amount / 100,
                "SubTotal": round(amount / 1.2) / 100, "TotalTax": (amount - round(amount / 1.2)) / 100,
                "LineItems": [], "RemainingCredit": 0.0, "HasErrors": False,
                "Allocations": [{"AllocationID": random_uuid(chance), "Amount": amount / 100, "Date": ms_date(at),
                                 "Invoice": {"InvoiceID": identifier, "InvoiceNumber": f"INV-{seq:04d}"}}],
            }  # fmt: skip
            self.stamped("credit_notes", told, at)
            self.sold[1] += 1
            row = Row(None, note, None, None, contact["ContactID"], at, at, LIVE, told)
            self.kind("credit_notes").load([packed(row, self.sold[1])])
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        self.stamped("invoices", body, last)
        self.sold[0] += 1
        row = Row(None, identifier, None, None, contact["ContactID"], basket.placed, last, LIVE, body)
        self.kind("invoices").load([packed(row, self.sold[0])])
        return identifier, notes

    # webhooks ------------------------------------------------------------------------------------------------

    def control_listen(self, url: str, code: str) -> Any:
        """Enter the app's address and see its key; the second time it is asked whether it tells signatures apart."""
        known = url in self.entered.active
        self.entered.enter(url, active=False)
        if known:
            self.entered.try_out(url, self.events([]))
        return self.entered.shown(url)

    def control_unlisten(self) -> int:
        """As a person who deletes the webhook."""
        return self.entered.clear()

    def events(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Events, counted through, with something that makes each message another one."""
        first = self.told + 1
        self.told += len(rows)
        entropy = self.grants.secret(20)
        return {
            "events": rows,
            "firstEventSequence": first,
            "lastEventSequence": self.told,
            "entropy": entropy,
        }

    def happened(self, kind: str, row: Row, what: str) -> None:
        """What was made or changed; whoever is archived has changed."""
        path, category = {"contacts": ("Contacts", "CONTACT"), "invoices": ("Invoices", "INVOICE"),
                          "credit_notes": ("CreditNotes", "CREDITNOTE")}.get(kind, ("", ""))  # fmt: skip
        if path:
            self.entered.tell(self.events([{
                "resourceUrl": f"{self.url}{BASE}/{path}/{row.id}", "resourceId": row.id,
                "eventDateUtc": iso_ms(round(self.told_time() * 1000))[:-1], "eventCategory": category,
                "eventType": "CREATE" if what == "created" else "UPDATE",
                "tenantId": self.tenant, "tenantType": "ORGANISATION",
            }]))  # fmt: skip
