"""FreshBooks: clients one by one, paid invoices, changes told by the day in New York, refresh tokens used once."""

import json
import random
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from . import business
from .chart import CHART, minor
from .clock import iso_ms
from .conditions import Conditions, ordered
from .desk import Desk
from .limits import Windows
from .names import EMAIL, national
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .state import LIVE, Cell, Row, normal_email
from .webhooks import Delivery, Signer, hmac_base64, or_wrong
from .wire import Answer, Call, Refused, reply

SCOPES = (
    "user:profile:read",
    "user:clients:read",
    "user:clients:write",
    "user:invoices:read",
    "user:payments:read",
    "user:journal_entries:read",
    "user:journal_entries:write",
)
ACCOUNT_TYPES = {"bank": "asset", "debtors": "asset", "creditors": "liability"}
OF_JOURNAL = ("name", "description", "currency_code", "user_entered_date", "details")
OF_LINE = ("sub_accountid", "debit", "credit", "description")
MOST_ON_A_PAGE, USUAL = 100, 15
FORM = "application/x-www-form-urlencoded"
EVENTS = tuple(
    f"{noun}.{verb}" for noun in ("client", "invoice", "payment") for verb in ("create", "update", "delete")
)
CALLS_A_SECOND = 10
EASTERN = ZoneInfo("America/New_York")
TEXTS = (
    "fname", "lname", "organization", "email", "mob_phone", "home_phone", "bus_phone", "fax", "note", "p_street",
    "p_street2", "p_city", "p_province", "p_code", "p_country", "s_street", "s_street2", "s_city", "s_province",
    "s_code", "s_country", "currency_code", "language", "vat_name", "vat_number",
)  # fmt: skip


def eastern(ms: int) -> str:
    """A moment as clocks in New York show it."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(EASTERN).strftime("%Y-%m-%d %H:%M:%S")


def day_began(text: str) -> int:
    """Milliseconds at which a day began in New York; `ValueError` for what is no day."""
    return round(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=EASTERN).timestamp() * 1000)


class FreshBooks(Granted, Ordinary):
    """One business on one port."""

    name = "freshbooks"
    kinds = ("clients", "invoices", "accounts", "journals")
    people_kind = "clients"
    person_fields = ("first", "last", "email", "phone")
    authorize_path = "/oauth/authorize"
    archives = True
    sells = True
    tips = False
    whole_days = True
    returns = False

    def begin(self) -> None:
        """An app of the admin's own, and a grant that it has got."""
        self.grants = Grants(
            self.clock, self.chance, "", "", 43_200.0, client_id=f"{self.chance.getrandbits(256):064x}"
        )
        self.grants.client_secret = f"{self.chance.getrandbits(256):064x}"
        self.account = "".join(
            self.chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", k=6)
        )
        self.first: Token = self.grants.issue(list(SCOPES), rotates=True)
        self.desk = Desk(
            self, self.grants, authorize=self.authorize_path, token="/auth/oauth/token", revoke="/auth/oauth/revoke",
            scopes=SCOPES, rotates=True, more=lambda token: {"created_at": round(self.clock.now())},
        )  # fmt: skip
        self.resources = (self.desk,)
        self.windows = Windows(self.clock, CALLS_A_SECOND, 1.0)
        self.sold = 0
        self.callbacks: dict[str, dict[str, Any]] = {}
        self.kind("accounts").load(self.chart())

    def chart(self) -> list[Cell]:
        """The business's accounts, each with the one account beneath it that journals go to."""
        at = self.clock.ms() - business.AGE_MS
        rows = []
        for seq, account in enumerate(CHART, 1):
            number, kind = 545_880 + 2 * seq, ACCOUNT_TYPES.get(account.kind, account.kind)
            beneath = {
                "account_sub_name": account.name, "account_sub_number": "1", "account_type": kind, "balance": "0.00",
                "currency_code": business.CURRENCY, "custom": True, "id": number + 90_000, "parentid": number,
                "sub_accountid": number + 90_000,
            }  # fmt: skip
            body: dict[str, Any] = {
                "account_name": account.name, "account_number": account.code, "account_type": kind,
                "accountid": number, "balance": "0.00", "currency_code": business.CURRENCY, "id": number,
                "accounting_systemid": self.account, "sub_accounts": [beneath],
            }  # fmt: skip
            rows.append(packed(Row(None, str(number), None, None, None, at, at, LIVE, body), seq))
        return rows

    def route(self) -> None:
        """The paths of one account."""
        super().route()
        base, add = f"/accounting/account/{self.account}", self.routes.add
        add("GET", "/auth/api/v1/users/me", self.me)
        add("GET", f"{base}/users/clients", lambda call: self.listed(call, "clients"))
        add("POST", f"{base}/users/clients", self.add)
        add("GET", f"{base}/users/clients/{{id}}", lambda call: self.one(self.found(call)))
        add("PUT", f"{base}/users/clients/{{id}}", self.change)
        add("GET", f"{base}/invoices/invoices", lambda call: self.listed(call, "invoices"))
        hooks = f"/events/account/{self.account}/events/callbacks"
        add("POST", hooks, self.listen)
        add("GET", f"{hooks}/{{id}}", lambda call: self.shown(self.callback(call)))
        add("PUT", f"{hooks}/{{id}}", self.confirm)
        add("DELETE", f"{hooks}/{{id}}", self.stop_listening)
        add("GET", f"{base}/journal_entry_accounts/journal_entry_accounts", self.accounts)
        add("POST", f"{base}/journal_entries/journal_entries", self.enter)
        add("GET", f"{base}/journal_entries/journal_entry_details", self.details)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer token, and not too many calls a second."""
        if self.desk.outside(call):
            return {}
        token = call.bearer() or ""
        if self.grants.check(token) != "ok":
            message = "This action requires authentication to continue."
            raise Refused(reply({"error_type": "unauthenticated", "message": message}, 401))
        grant = self.grants.tokens.get(token)
        needed = f"user:journal_entries:{'read' if call.method == 'GET' else 'write'}"
        if "/journal_entr" in call.path and grant and needed not in grant.scopes:
            message = "The access does not include the scope that is needed."
            raise Refused(reply({"error_type": "unauthorized", "message": message}, 403))
        if self.setting.limits and not self.windows.of(token).take():
            raise Refused(self.trouble(429, 1.0))
        return {}

    def refusal(self, status: int, errno: int, message: str, field: str = "", value: str = "") -> Answer:
        """An error of the accounting part."""
        error = {"errno": errno, "field": field, "message": message, "object": "client", "value": value}
        return reply({"response": {"errors": [error]}}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return (
            self.refusal(405, 1003, "Method not allowed.") if known else self.refusal(404, 1012, "Not found.")
        )

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return reply({"message": "Rate limit exceeded.", "code": 8}, 429)
        return reply({"message": "Something went wrong.", "code": 13}, status)

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, 1001, "The request could not be read.")

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's app has got, the app, and the account."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh, "account_id": self.account,
            "expires_in": round((self.first.expires or 0) - self.clock.now()), "alternatives": {"app": app},
        }  # fmt: skip

    def renew(self) -> None:
        """Another grant."""
        self.grants.refuse_all = False
        self.first = self.grants.issue(list(SCOPES), rotates=True)

    def me(self, call: Call) -> Answer:
        """Who gave the access, and their businesses."""
        place = {"id": 439_000, "name": business.NAME, "account_id": self.account,
                 "address": {"country": "United Kingdom"}}  # fmt: skip
        return reply({"response": {
            "id": 7100, "identity_id": 7100, "first_name": business.OWNER_FIRST, "last_name": business.OWNER_LAST,
            "email": business.EMAIL, "business_memberships": [{"id": 1, "role": "owner", "business": place}],
        }})  # fmt: skip

    # a client ------------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As a bookkeeper types a client in."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        return {"fname": soul.first, "lname": soul.last, "email": soul.email or "", "mob_phone": phone or ""}

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers."""
        return str(seq + {"clients": 21_000, "invoices": 900_000, "journals": 629_300}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A client with every member."""
        if kind == "journals":
            return {**fields, "id": int(identifier), "entryid": int(identifier)}
        body = dict.fromkeys(TEXTS, "") | {
            "id": int(identifier), "userid": int(identifier), "accounting_systemid": self.account, "vis_state": 0,
            "signup_date": eastern(created), "currency_code": business.CURRENCY, "language": "en", "username": "",
            "role": "client", "num_logins": 0, "allow_late_fees": True,
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """In New York's time; a journal doesn't tell."""
        if kind == "journals":
            return
        body["updated"] = eastern(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["fname"], body["lname"], body["email"], body["mob_phone"])

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"fname": first, "lname": last}

    def remove(self, kind: str, row: Row) -> None:
        """Deleted, and still there for who asks."""
        row.body["vis_state"] = 1
        super().remove(kind, row)

    def one(self, row: Row) -> Answer:
        """One client."""
        return reply({"response": {"result": {"client": row.body}}}, records=1)

    def found(self, call: Call) -> Row:
        """The client of a path, a deleted one too; else 404."""
        row = self.kind("clients").get(call.params["id"])
        if row is None:
            raise Refused(self.refusal(404, 1012, "Client not found.", "userid", call.params["id"]))
        return row

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by number."""
        lists = call.method == "GET" and call.path.endswith(("/clients", "/invoices"))
        return call.arg("page", "1").replace("1", "", 1) if lists else None

    def disturb(self, call: Call) -> None:
        """The first client changes; lists stand by their numbers, so nothing moves."""
        row = self.kind("clients").first("state = 0")
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("clients", row.body, row.updated)
            self.kind("clients").put(row)

    def listed(self, call: Call, kind: str) -> Answer:
        """A page of clients or invoices; deleted ones only where they are asked for."""
        conditions = Conditions()
        wanted = call.arg("search[vis_state]")
        conditions.add("json_extract(body, '$.vis_state') = ?", int(wanted or 0))
        for name, sign in (("search[updated_min]", ">="), ("search[updated_max]", "<")):
            if call.arg(name):
                try:
                    at = day_began(call.arg(name)[:10])
                except ValueError:
                    raise Refused(self.refusal(422, 1042, "Invalid date.", name)) from None
                conditions.add(f"updated {sign} ?", at + (86_400_000 if sign == "<" else 0))
        if call.arg("search[email]"):
            conditions.add("email = ?", normal_email(call.arg("search[email]")))
        if call.arg("search[email_like]"):
            conditions.add("email LIKE ?", f"%{call.arg('search[email_like]').lower()}%")
        if call.arg("search[customerid]"):
            conditions.add("ref = ?", call.arg("search[customerid]"))
        size, page = min(call.number("per_page", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        count = self.kind(kind).count(conditions.where, conditions.values)
        order = ordered("CAST(id AS INTEGER)", down=False)
        rows = self.kind(kind).rows(
            conditions.where, (*conditions.values, size, (page - 1) * size), f"{order} LIMIT ? OFFSET ?"
        )
        included = set(call.query.get("include[]", ()))
        found = [
            {name: value for name, value in row.body.items() if name != "lines" or "lines" in included}
            for row in rows
        ]
        result = {
            kind: found,
            "page": page,
            "pages": max(1, -(-count // size)),
            "per_page": size,
            "total": count,
        }
        return reply({"response": {"result": result}}, records=len(rows))

    def checked(self, given: dict[str, Any], row: Row | None) -> dict[str, Any]:
        """What may be written; raises the refusal of the first that may not."""
        for name, value in given.items():
            if name not in TEXTS and name not in ("vis_state", "id", "userid", "allow_late_fees"):
                raise Refused(self.refusal(422, 1004, "Unknown field.", name))
            if name in TEXTS and not isinstance(value, str | None):
                raise Refused(self.refusal(422, 1005, "Must be a string.", name))
        email = given.get("email")
        if email:
            if not EMAIL.fullmatch(email) or self.refuses(email):
                raise Refused(self.refusal(422, 5007, "The email address is not valid.", "email", email))
            other = self.kind("clients").first("state = 0 AND email = ?", normal_email(email))
            if other is not None and (row is None or other.id != row.id):
                raise Refused(self.refusal(422, 4001, "The email address is already in use.", "email", email))
        if row is None and not any(given.get(name) for name in ("email", "organization", "fname", "lname")):
            raise Refused(
                self.refusal(422, 1006, "A client needs an email, an organization or a name.", "email")
            )
        return {name: "" if name in TEXTS and value is None else value for name, value in given.items()
                if name not in ("id", "userid")}  # fmt: skip

    def add(self, call: Call) -> Answer:
        """A new client."""
        return self.one(self.make("clients", self.checked(call.json()["client"], None)))

    def change(self, call: Call) -> Answer:
        """A part of a client; another state deletes or archives."""
        row = self.found(call)
        given = self.checked(call.json()["client"], row)
        if given.get("vis_state") in (1, 2):
            self.remove("clients", row)
            row.body["vis_state"] = given["vis_state"]
            self.kind("clients").put(row)
            return self.one(row)
        if row.state != LIVE and given.get("vis_state") != 0:
            raise Refused(self.refusal(404, 1012, "Client not found.", "userid", row.id))
        return self.one(self.write("clients", row, given))

    # journals ------------------------------------------------------------------------------------------------

    def page_of(self, call: Call, name: str, found: list[dict[str, Any]]) -> Answer:
        """A page of what was found."""
        size, page = min(call.number("per_page", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        shown = found[(page - 1) * size : page * size]
        pages = {"page": page, "pages": max(1, -(-len(found) // size)), "per_page": size, "total": len(found)}
        return reply({"response": {"result": {name: shown, **pages}}}, records=len(shown))

    def accounts(self, call: Call) -> Answer:
        """The chart of accounts."""
        return self.page_of(
            call, "journal_entry_accounts", [row.body for row in self.kind("accounts").rows("state = 0")]
        )

    def beneath(self) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """The accounts that journals go to, each with the one above it."""
        return {
            sub["sub_accountid"]: (row.body, sub)
            for row in self.kind("accounts").rows("state = 0")
            for sub in row.body["sub_accounts"]
        }

    def enter(self, call: Call) -> Answer:
        """A journal: lines of accounts that are there, each a debit or a credit, which are equal in sum."""
        given = call.json()["journal_entry"]
        for name in given:
            if name not in OF_JOURNAL:
                raise Refused(self.refusal(422, 1004, "Unknown field.", name))
        for name in ("name", "user_entered_date", "details"):
            if not given.get(name):
                raise Refused(self.refusal(422, 1011, "Required field.", name))
        if given.get("currency_code", business.CURRENCY) != business.CURRENCY:
            raise Refused(
                self.refusal(422, 1042, "Currency is not the one of the business.", "currency_code")
            )
        day_began(given["user_entered_date"])
        accounts, sum_ = self.beneath(), 0
        number = 1_313_500 + 10 * self.kind("journals").next_seq()
        lines = []
        for place, line in enumerate(given["details"]):
            if any(name not in OF_LINE for name in line) or ("debit" in line) is ("credit" in line):
                raise Refused(self.refusal(422, 1004, "A line has either a debit or a credit.", "details"))
            account = str(line.get("sub_accountid"))
            if not account.isdigit() or int(account) not in accounts:
                raise Refused(self.refusal(422, 1012, "Account not found.", "sub_accountid", account))
            sum_ += minor(line["debit"]) if "debit" in line else -minor(line["credit"])
            lines.append({
                "detailid": number + place, "id": number + place, "name": given["name"], "categoryid": None,
                "currency_code": business.CURRENCY, "description": given.get("description", ""),
                "debit": line.get("debit"), "credit": line.get("credit"), "sub_accountid": int(account),
                "user_entered_date": given["user_entered_date"],
            })  # fmt: skip
        if len(lines) < 2 or sum_:
            raise Refused(self.refusal(422, 1004, "Debits and credits must balance.", "details"))
        row = self.make(
            "journals", {"currency_code": business.CURRENCY, "description": "", **given, "details": lines}
        )
        return reply({"response": {"result": {"journal_entry": row.body}}}, records=1)

    def details(self, call: Call) -> Answer:
        """The lines of all journals, of some days or of one account."""
        first, last = call.arg("search[start_date]", "0"), call.arg("search[end_date]", "9")
        wanted, accounts, found = call.arg("search[sub_accountid]"), self.beneath(), []
        for row in self.kind("journals").rows("state = 0"):
            for line in row.body["details"]:
                if not first <= line["user_entered_date"] <= last:
                    continue
                if wanted and wanted != str(line["sub_accountid"]):
                    continue
                above, beneath = accounts[line["sub_accountid"]]
                money = {
                    side: line[side] and {"amount": line[side], "code": line["currency_code"]}
                    for side in ("debit", "credit")
                }
                found.append({
                    **{n: line[n] for n in ("id", "detailid", "name", "description", "user_entered_date")}, **money,
                    "detail_type": "journal_entry", "accounting_systemid": self.account,
                    "balance": {"amount": "0.00", "code": line["currency_code"]},
                    "account": {n: v for n, v in above.items() if n.startswith("account") or n == "id"},
                    "sub_account": beneath, "entry": {"id": row.body["id"], "entryid": row.body["entryid"]},
                })  # fmt: skip
        return self.page_of(call, "journal_entry_details", found)

    def books(self) -> list[dict[str, Any]]:
        """For who judges."""
        accounts = self.beneath()
        return [
            {"reference": row.body["name"], "day": row.body["user_entered_date"],
             "lines": [[accounts[line["sub_accountid"]][1]["account_sub_name"],
                        minor(line["debit"]) if line["debit"] else -minor(line["credit"])]
                       for line in row.body["details"]]}
            for row in self.kind("journals").rows("state = 0")
        ]  # fmt: skip

    # invoices ------------------------------------------------------------------------------------------------

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An invoice, paid or still a draft: lines without tax, and the tax of each as a share."""
        identifier = self.identify("invoices", seq, chance)
        currency = business.CURRENCY
        lines = [
            {"lineid": place, "name": item.name, "description": "", "qty": str(item.count), "type": 0,
             "unit_cost": {"amount": f"{item.unit / 120:.2f}", "code": currency},
             "amount": {"amount": f"{item.total / 120:.2f}", "code": currency},
             "taxName1": "VAT", "taxAmount1": "20", "taxName2": "", "taxAmount2": "0"}
            for place, item in enumerate(basket.items, 1)
        ]  # fmt: skip
        total = {"amount": f"{basket.total / 100:.2f}", "code": currency}
        nothing = {"amount": "0.00", "code": currency}
        day = iso_ms(basket.placed)[:10]
        body: dict[str, Any] = {
            "id": int(identifier), "invoiceid": int(identifier), "accounting_systemid": self.account,
            "customerid": int(basket.customer) if basket.customer else 21_000, "create_date": day, "vis_state": 0,
            "invoice_number": f"{seq:07d}", "currency_code": currency, "amount": total, "language": "en",
            "paid": total if basket.done else nothing, "outstanding": nothing if basket.done else total,
            "v3_status": "paid" if basket.done else "draft", "status": 4 if basket.done else 1,
            "date_paid": day if basket.done else None, "notes": "", "po_number": "", "lines": lines,
        }  # fmt: skip
        self.stamped("invoices", body, basket.placed)
        self.sold += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, basket.placed, LIVE, body)
        self.kind("invoices").load([packed(row, self.sold)])
        return identifier, []

    # webhooks ------------------------------------------------------------------------------------------------

    def callback(self, call: Call) -> dict[str, Any]:
        """The callback of a path; else 404."""
        found = self.callbacks.get(call.params["id"])
        if found is None:
            raise Refused(self.refusal(404, 1012, "Callback not found.", "callbackid", call.params["id"]))
        return found

    def shown(self, callback: dict[str, Any]) -> Answer:
        """A callback without the word that was sent to its address."""
        told = {name: value for name, value in callback.items() if name != "verifier"}
        return reply({"response": {"result": {"callback": told}}})

    def listen(self, call: Call) -> Answer:
        """A new callback; nothing is told to its address before the word that is sent there comes back."""
        given = call.json()["callback"]
        url, event = str(given.get("uri") or ""), str(given.get("event") or "")
        if not url.startswith(("http://", "https://")) or event not in EVENTS:
            raise Refused(self.refusal(422, 1005, "Invalid callback.", "event" if url else "uri"))
        number = 2001 + len(self.callbacks) + self.chance.randrange(1000) * 50
        self.callbacks[str(number)] = {
            "callbackid": number, "id": number, "event": event, "uri": url, "verified": False,
            "updated_at": eastern(self.clock.ms()), "verifier": self.grants.secret(33),
        }  # fmt: skip
        self.store.writes += 1
        self.greet(self.callbacks[str(number)])
        return self.shown(self.callbacks[str(number)])

    def greet(self, callback: dict[str, Any]) -> None:
        """Send the word to the address."""
        form = self.told_of("callback.verify", callback["id"]) | {"verifier": callback["verifier"]}
        self.courier.send(
            Delivery(callback["uri"], urlencode(form).encode(), FORM, lambda body, attempt, wrong: {})
        )

    def confirm(self, call: Call) -> Answer:
        """Take the word, or send it again."""
        callback, given = self.callback(call), call.json()["callback"]
        if given.get("resend"):
            self.greet(callback)
        elif given.get("verifier") != callback["verifier"]:
            raise Refused(self.refusal(422, 1042, "Verifier is wrong.", "verifier"))
        else:
            callback["verified"] = True
            self.store.writes += 1
        return self.shown(callback)

    def stop_listening(self, call: Call) -> Answer:
        """Forget a callback."""
        self.callback(call)
        del self.callbacks[call.params["id"]]
        self.store.writes += 1
        return reply({"response": {}})

    def told_of(self, event: str, identifier: str | int) -> dict[str, str]:
        """What a message says: that something happened, and to what."""
        return {"name": event, "object_id": str(identifier), "account_id": self.account, "business_id": "439000",
                "identity_id": "7100", "user_id": "1"}  # fmt: skip

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Tell whoever listens for it; nothing in it says when."""
        event = f"{kind.removesuffix('s')}.{what.removesuffix('d')}"
        for callback in self.callbacks.values():
            if callback["verified"] and callback["event"] == event:
                form = self.told_of(event, row.id)
                signer = signed_with(str(callback["verifier"]), form)
                self.courier.send(Delivery(callback["uri"], urlencode(form).encode(), FORM, signer))


def signed_with(verifier: str, form: dict[str, str]) -> Signer:
    """HMAC in Base64 over the form as JSON text, which is not what is sent."""

    def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
        proof = hmac_base64(or_wrong(verifier, wrong), json.dumps(form).encode())
        return {"X-FreshBooks-Hmac-SHA256": proof}

    return sign
