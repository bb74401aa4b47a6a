"""Magento: signed requests, search criteria in brackets, customers replaced whole, orders and credit memos."""

import random
import re
from datetime import UTC, datetime
from typing import Any

from . import business
from .conditions import Conditions
from .names import EMAIL, national
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .signed import is_signed
from .state import LIVE, Row, normal_email
from .wire import Answer, Call, Refused, reply

BASE = "/rest/default/V1"
FILTER = re.compile(
    r"searchCriteria\[(?:filterGroups|filter_groups)\]\[(\d+)\]\[filters\]\[(\d+)\]\[(field|value|conditionType|condition_type)\]"
)
SIGNS = {"eq": "=", "neq": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "like": "LIKE", "in": "IN",
         "nin": "NOT IN", "from": ">=", "to": "<="}  # fmt: skip
TEXTS = ("email", "firstname", "lastname", "middlename", "prefix", "suffix", "dob", "taxvat")
OTHERS = ("id", "group_id", "default_billing", "default_shipping", "confirmation", "created_at", "updated_at",
          "created_in", "gender", "store_id", "website_id", "addresses", "disable_auto_group_change",
          "extension_attributes", "custom_attributes")  # fmt: skip
OF_ADDRESS = ("firstname", "lastname", "street", "city", "telephone", "country_id")


def spaced(ms: int) -> str:
    """UTC, without saying so."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


class Magento(Ordinary):
    """One shop on one port."""

    name = "magento"
    kinds = ("customers", "orders", "creditmemos")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "birthday")
    needs = ("email", "first", "last")
    sells = True
    tips = False

    def begin(self) -> None:
        """An integration with its four values."""
        self.withdrawn = False
        self.address = 100
        self.sold = [0, 0]
        self.renew()

    def letters(self) -> str:
        """A value as the admin's screen shows one."""
        return "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=32))

    def renew(self) -> None:
        """An integration made anew."""
        self.consumer_key, self.consumer_secret = self.letters(), self.letters()
        self.access_token, self.access_token_secret = self.letters(), self.letters()
        self.withdrawn = False

    def route(self) -> None:
        """The paths of `V1` in the default store."""
        super().route()
        add = self.routes.add
        add("GET", f"{BASE}/store/storeConfigs", self.stores)
        add("GET", f"{BASE}/attributeMetadata/customer", self.attributes)
        add("GET", f"{BASE}/customers/search", lambda call: self.listed(call, "customers"))
        add("POST", f"{BASE}/customers", self.add)
        add("GET", f"{BASE}/customers/{{id}}", lambda call: self.one(self.found(call, "customers")))
        add("PUT", f"{BASE}/customers/{{id}}", self.replace)
        add("DELETE", f"{BASE}/customers/{{id}}", self.drop)
        add("GET", f"{BASE}/orders", lambda call: self.listed(call, "orders"))
        add("GET", f"{BASE}/orders/{{id}}", lambda call: self.one(self.found(call, "orders")))
        add("GET", f"{BASE}/creditmemos", lambda call: self.listed(call, "creditmemos"))

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A signature with all four values; the token alone is not taken."""
        well = is_signed(call, self.consumer_key, self.consumer_secret, self.clock.now(), self.access_token,
                         self.access_token_secret)  # fmt: skip
        if not well or self.withdrawn:
            message = "The consumer isn't authorized to access %resources."
            raise Refused(self.refusal(401, message, {"resources": "Magento_Customer::customer"}))
        return {}

    def refusal(self, status: int, message: str, parameters: Any = None) -> Answer:
        """An error, with places in its text and what is to be put there."""
        document: dict[str, Any] = {"message": message}
        return reply(document if parameters is None else {**document, "parameters": parameters}, status)

    def missing(self, known: bool) -> Answer:
        """404, whatever the method."""
        return self.refusal(404, "Request does not match any route.")

    def failure(self, status: int) -> Answer:
        """The errors of a server, and what a host in front says."""
        message = (
            "Too Many Requests" if status == 429 else "Internal Error. Details are available in the log."
        )
        return self.refusal(status, message)

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "Decoding error.")

    def credentials(self) -> dict[str, Any]:
        """The four values of the integration."""
        return {
            "consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret,
            "access_token": self.access_token, "access_token_secret": self.access_token_secret,
            "store": self.url.removeprefix("http://"),
        }  # fmt: skip

    def revoke_tokens(self) -> int:
        """The integration is removed."""
        self.withdrawn = True
        return 1

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody registers in the shop, with an address where the phone number is."""
        found: dict[str, Any] = {"email": soul.email, "firstname": soul.first, "lastname": soul.last}
        if soul.birthday:
            found["dob"] = soul.birthday
        if soul.phone and draw % 4:
            number = national(soul.phone) if draw % 3 else f"+{soul.phone}"
            found["addresses"] = [{
                "firstname": soul.first, "lastname": soul.last, "street": [f"{draw % 90 + 1} High Street"],
                "city": business.TOWN, "postcode": business.POSTCODE, "country_id": "GB", "telephone": number,
                "default_billing": True, "default_shipping": True,
            }]  # fmt: skip
        return found

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers."""
        return str(seq + {"customers": 0, "orders": 300, "creditmemos": 20}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer with every member that is always there."""
        body: dict[str, Any] = {
            "id": int(identifier), "group_id": 1, "created_at": spaced(created), "created_in": "Default Store View",
            "email": "", "firstname": "", "lastname": "", "store_id": 1, "website_id": 1, "addresses": [],
            "disable_auto_group_change": 0, "extension_attributes": {"is_subscribed": False}, "custom_attributes": [],
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Addresses are replaced as they are given; each gets an id."""
        found = {**body, **{n: v for n, v in part.items() if n not in ("id", "created_at", "updated_at")}}
        addresses = []
        for given in found.get("addresses") or ():
            address = dict(given)
            if "id" not in address:
                self.address += 1
                address["id"] = self.address
            addresses.append({**address, "customer_id": body["id"]})
        if kind == "customers":
            found["addresses"] = addresses
        return {name: value for name, value in found.items() if value not in (None, "") or name in TEXTS[:3]}

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["updated_at"] = spaced(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        telephone = next((a.get("telephone") for a in body["addresses"]), None)
        return viewed(body["firstname"], body["lastname"], body["email"], telephone, body.get("dob"))

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"firstname": first, "lastname": last}

    def one(self, row: Row) -> Answer:
        """One record, bare."""
        return reply(row.body, records=1)

    def found(self, call: Call, kind: str) -> Row:
        """The record of a path; else 404."""
        row = self.kind(kind).live(call.params["id"])
        if row is None:
            name = "customerId" if kind == "customers" else "id"
            parameters = {"fieldName": name, "fieldValue": call.params["id"]}
            raise Refused(self.refusal(404, "No such entity with %fieldName = %fieldValue", parameters))
        return row

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by number."""
        lists = call.method == "GET" and call.path.endswith(("/search", "/orders", "/creditmemos"))
        return call.arg("searchCriteria[currentPage]", "1").replace("1", "", 1) if lists else None

    def disturb(self, call: Call) -> None:
        """The customer that changed first changes, and so is the last one."""
        row = self.kind("customers").longest_unchanged()
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("customers", row.body, row.updated)
            self.kind("customers").put(row)

    def column(self, name: str) -> str:
        """Where a field lies; raises for a name that is none."""
        columns = {"id": "CAST(id AS INTEGER)", "entity_id": "CAST(id AS INTEGER)", "email": "email",
                   "updated_at": "updated / 1000", "created_at": "created / 1000", "customer_id": "ref",
                   "order_id": "ref"}  # fmt: skip
        if name in columns:
            return columns[name]
        if not re.fullmatch(r"[a-z_]+", name):
            raise Refused(self.refusal(400, "Invalid attribute name: %1", [name]))
        return f"json_extract(body, '$.{name}')"

    def bound(self, name: str, value: str) -> object:
        """A value as it is compared."""
        if name in ("updated_at", "created_at"):
            try:
                return int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp())
            except ValueError:
                raise Refused(self.refusal(400, "Invalid date: %1", [value])) from None
        if name == "email":
            return normal_email(value)
        return int(value) if name in ("id", "entity_id") and value.isdigit() else value

    def conditions(self, call: Call) -> Conditions:
        """Groups joined by AND, the filters in each by OR."""
        groups: dict[str, dict[str, dict[str, str]]] = {}
        for name, values in call.query.items():
            match = FILTER.fullmatch(name)
            if match:
                part = match[3].replace("condition_type", "conditionType")
                groups.setdefault(match[1], {}).setdefault(match[2], {})[part] = values[-1]
        found = Conditions("state = 0")
        for filters in groups.values():
            terms, bound = [], []
            for term in filters.values():
                name, value = term["field"], term.get("value", "")
                sign = SIGNS.get(term.get("conditionType", "eq"))
                if sign is None:
                    raise Refused(self.refusal(400, "Invalid condition type: %1", [term["conditionType"]]))
                values = value.split(",") if sign in ("IN", "NOT IN") else [value]
                bound += [self.bound(name, one) for one in values]
                marks = f"({','.join('?' * len(values))})" if sign in ("IN", "NOT IN") else "?"
                terms.append(f"{self.column(name)} {sign} {marks}")
            found.add(f"({' OR '.join(terms)})", *bound)
        return found

    def listed(self, call: Call, kind: str) -> Answer:
        """A page by search criteria; past the last page, the last page comes again."""
        conditions = self.conditions(call)
        sort = call.arg("searchCriteria[sortOrders][0][field]") or call.arg(
            "searchCriteria[sortOrders][0][field]"
        )
        down = call.arg("searchCriteria[sortOrders][0][direction]", "DESC").upper() != "ASC"
        count = self.kind(kind).count(conditions.where, conditions.values)
        size = call.number("searchCriteria[pageSize]", max(count, 1), 1)
        page = min(call.number("searchCriteria[currentPage]", 1, 1), max(1, -(-count // size)))
        order = f"ORDER BY {self.column(sort)} {'DESC' if down else 'ASC'}, seq" if sort else "ORDER BY seq"
        rows = self.kind(kind).rows(
            conditions.where, (*conditions.values, size, (page - 1) * size), f"{order} LIMIT ? OFFSET ?"
        )
        criteria = {"filter_groups": [], "page_size": size, "current_page": page}
        return reply({"items": [row.body for row in rows], "search_criteria": criteria, "total_count": count},
                     records=len(rows))  # fmt: skip

    def checked(self, given: Any, row: Row | None) -> dict[str, Any]:
        """What may be written; raises the refusal of the first that may not."""
        for name, value in given.items():
            if name not in TEXTS + OTHERS:
                message = (
                    'Property "%fieldName" does not have accessor method "%methodName" in class "%className".'
                )
                raise Refused(self.refusal(400, message, {"fieldName": name, "methodName": f"get{name.title()}",
                                                          "className": "CustomerInterface"}))  # fmt: skip
            if name in TEXTS and not isinstance(value, str | None):
                raise Refused(self.refusal(400, 'The "%value" value\'s type is invalid. The "%type" type was expected.',
                                           {"value": str(value), "type": "string"}))  # fmt: skip
        for name in ("firstname", "lastname", "email"):
            if not given.get(name):
                raise Refused(self.refusal(400, '"%fieldName" is required. Enter and try again.',
                                           {"fieldName": name, "value": ""}))  # fmt: skip
        email = given["email"]
        if not EMAIL.fullmatch(email) or self.refuses(email):
            raise Refused(self.refusal(400, '"%1" is not a valid email address.', ["Email"]))
        other = self.kind("customers").first("state = 0 AND email = ?", normal_email(email))
        if other is not None and (row is None or other.id != row.id):
            message = "A customer with the same email address already exists in an associated website."
            raise Refused(self.refusal(400, message))
        for address in given.get("addresses") or ():
            for name in OF_ADDRESS:
                if not address.get(name):
                    raise Refused(self.refusal(400, '"%fieldName" is required. Enter and try again.',
                                               {"fieldName": name}))  # fmt: skip
        return dict(given)

    def add(self, call: Call) -> Answer:
        """A new customer."""
        return self.one(self.make("customers", self.checked(call.json()["customer"], None)))

    def replace(self, call: Call) -> Answer:
        """A customer anew: what isn't given is emptied, addresses that are left out are removed."""
        row = self.found(call, "customers")
        given = self.checked(call.json()["customer"], row)
        return self.one(self.write("customers", row, dict.fromkeys(TEXTS[3:]) | {"addresses": []} | given))

    def drop(self, call: Call) -> Answer:
        """For good."""
        self.remove("customers", self.found(call, "customers"))
        return reply(True)

    # the shop ------------------------------------------------------------------------------------------------

    def stores(self, call: Call) -> Answer:
        """The store views."""
        base = f"{self.url}/"
        return reply([{
            "id": 1, "code": "default", "website_id": 1, "locale": "en_GB", "base_currency_code": business.CURRENCY,
            "default_display_currency_code": business.CURRENCY, "timezone": business.TIMEZONE, "weight_unit": "kgs",
            **{f"{safe}base_{part}url": base
               for safe in ("", "secure_") for part in ("", "link_", "static_", "media_")},
        }])  # fmt: skip

    def attributes(self, call: Call) -> Answer:
        """What fields customers have."""
        common: dict[str, Any] = {
            "input_filter": "", "validation_rules": [], "multiline_count": 0, "visible": True, "required": False,
            "data_model": "", "options": [], "frontend_class": "", "user_defined": False, "sort_order": 10, "note": "",
            "system": True, "backend_type": "static", "frontend_input": "text",
        }  # fmt: skip
        return reply([
            {**common, "attribute_code": name, "frontend_label": name.title(), "store_label": name.title()}
            for name in ("email", "firstname", "lastname", "dob", "taxvat")
        ])  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An order, and a credit memo for each time something was given back."""
        identifier = self.identify("orders", seq, chance)
        back = sum(amount for _, amount in basket.refunds)
        state = (
            ("closed" if back == basket.total else "complete")
            if basket.done
            else ("pending", "canceled")[seq % 2]
        )
        items = [
            {"item_id": seq * 10 + place, "order_id": int(identifier), "name": item.name, "sku": f"S{len(item.name)}",
             "product_id": len(item.name), "qty_ordered": item.count, "price_incl_tax": item.unit / 100,
             "discount_amount": item.discount / 100, "row_total_incl_tax": (item.total + item.discount) / 100}
            for place, item in enumerate(basket.items)
        ]  # fmt: skip
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        soul = basket.person
        body: dict[str, Any] = {
            "entity_id": int(identifier), "increment_id": f"{int(identifier):09d}", "state": state, "status": state,
            "customer_email": (soul and soul.email) or "guest@kestrelrye.co.uk",
            "order_currency_code": business.CURRENCY,
            "customer_is_guest": 0 if basket.customer else 1, "grand_total": basket.total / 100,
            "base_grand_total": basket.total / 100, "tax_amount": basket.tax / 100, "shipping_amount": 0,
            "discount_amount": -sum(item.discount for item in basket.items) / 100, "total_refunded": back / 100,
            "created_at": spaced(basket.placed), "items": items, "store_id": 1,
        }  # fmt: skip
        if basket.customer:
            body["customer_id"] = int(basket.customer)
        self.stamped("orders", body, last)
        self.sold[0] += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, last, LIVE, body)
        self.kind("orders").load([packed(row, self.sold[0])])
        ids = []
        for at, amount in basket.refunds:
            self.sold[1] += 1
            note = self.identify("creditmemos", self.sold[1], chance)
            memo = {"entity_id": int(note), "order_id": int(identifier), "increment_id": f"{int(note):09d}",
                    "grand_total": amount / 100, "order_currency_code": business.CURRENCY, "state": 2,
                    "created_at": spaced(at), "items": []}  # fmt: skip
            self.stamped("creditmemos", memo, at)
            told = Row(None, note, None, None, identifier, at, at, LIVE, memo)
            self.kind("creditmemos").load([packed(told, self.sold[1])])
            ids.append(note)
        return identifier, ids
