"""HubSpot: contacts and other CRM objects, properties, associations, OAuth and app-wide webhooks.

Numbered paths (`/crm/v3/...`) and dated ones (`/crm/objects/2026-03/...`) lead to the same handlers.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import orjson

from .clock import iso_ms, parse_ms
from .limits import Window, Windows
from .names import EMAIL, international, invent
from .oauth import Grants, oauth_error
from .state import ARCHIVED, LIVE, MERGED, Cell, Row, normal_email, normal_phone
from .vendor import Vendor
from .webhooks import Delivery
from .wire import Answer, Call, Refused, reply

PORTAL = 147_730_121
APP = 3_215_807
DATED = r"20\d\d-(?:03|09)(?:-beta)?"
TYPES = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "orders": "0-123"}
NAMES = {"0-1": "contacts", "contact": "contacts", "0-2": "companies", "company": "companies", "0-3": "deals",
         "deal": "deals", "0-123": "orders", "order": "orders"}  # fmt: skip
DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id",
              "pipeline"),
    "orders": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
}  # fmt: skip
SCOPES = ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
          "crm.schemas.contacts.write", "crm.objects.orders.read", "crm.objects.orders.write"]  # fmt: skip
OPERATORS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
FIELD_TYPES = {"string": "text", "number": "number", "date": "date", "datetime": "date", "enumeration": "select",
               "bool": "booleancheckbox"}  # fmt: skip
MOST_RESULTS = 10_000
BATCH = 100


def contact_cell(identifier: int, created: int, updated: int, properties: dict[str, str]) -> Cell:
    """A contact as it is kept: set properties only, every value a text."""
    body = {"properties": {name: value for name, value in properties.items() if value}}
    email, phone = body["properties"].get("email"), body["properties"].get("phone")
    return (
        identifier, str(identifier), normal_email(email), normal_phone(phone), None, created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip


class HubSpot(Vendor):
    """HubSpot on one port."""

    name = "hubspot"
    kinds = ("contacts", "orders", "companies", "deals")
    hidden_kinds = ("associations",)
    people_kind = "contacts"

    def begin(self) -> None:
        """An app with a first grant, a service key, the standard properties."""
        self.grants = Grants(
            self.clock, self.chance, "CN", "na1-", 1800.0,
            client_id="6f2c1e0a-0b7d-4c3e-9a51-7d3e5b9c4f21", client_secret="",
        )  # fmt: skip
        self.grants.client_secret = self.grants.secret(32)
        self.renew()
        self.developer_key = self.grants.secret(36)
        self.windows = {
            "private": Windows(self.clock, 190, 10.0),
            "oauth": Windows(self.clock, 110, 10.0),
        }
        self.search_window = Window(self.clock, 5, 1.0)
        self.used_today = 0
        self.settings: dict[str, Any] | None = None
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.started = self.clock.ms()
        self.properties = {kind: self.standard_properties(kind) for kind in TYPES}
        self.groups = {kind: [group(f"{kind[:-1]}information", "Information", 0)] for kind in TYPES}

    def standard_properties(self, kind: str) -> dict[str, dict[str, Any]]:
        made = iso_ms(self.started - 900 * 86_400_000)
        texts = {
            "contacts": "email firstname lastname phone mobilephone date_of_birth gender address city state zip "
            "country company jobtitle website salutation hs_language hs_additional_emails",
            "companies": "name domain phone city country",
            "deals": "dealname dealstage pipeline",
            "orders": "hs_order_name hs_external_order_id hs_currency_code hs_external_order_status "
            "hs_fulfillment_status hs_source_store hs_pipeline hs_pipeline_stage hs_billing_address_email",
        }[kind].split()  # fmt: skip
        numbers = {"deals": ("amount",), "orders": ("hs_total_price", "hs_subtotal_price")}.get(kind, ())
        moments = {"deals": ("closedate",), "orders": ("hs_external_created_date",)}.get(kind, ())
        known = {name: definition(kind, name, "string", made) for name in texts}
        known |= {name: definition(kind, name, "number", made) for name in numbers}
        known |= {name: definition(kind, name, "datetime", made) for name in moments}
        if kind == "contacts":
            stage = definition(kind, "lifecyclestage", "enumeration", made)
            stage["options"] = [
                {
                    "label": word.capitalize(),
                    "value": word,
                    "displayOrder": order,
                    "hidden": False,
                    "description": "",
                }
                for order, word in enumerate(
                    ("subscriber", "lead", "opportunity", "customer", "evangelist", "other")
                )
            ]
            known["lifecyclestage"] = stage
            known["hs_email_optout"] = definition(kind, "hs_email_optout", "bool", made)
            known["email"]["hasUniqueValue"] = True
        for name in (created_name(kind), modified_name(kind), "hs_object_id"):
            fixed = definition(kind, name, "number" if name == "hs_object_id" else "datetime", made)
            fixed["modificationMetadata"]["readOnlyValue"] = True
            fixed["hasUniqueValue"] = name == "hs_object_id"
            known[name] = fixed
        for found in known.values():
            found["hubspotDefined"] = True
            found["modificationMetadata"] |= {"archivable": False, "readOnlyDefinition": True}
        return known

    def route(self) -> None:
        """Numbered paths; dated ones are rewritten before they are looked up, see `answer`."""
        add = self.routes.add
        objects = "/crm/v3/objects/{kind}"
        add("GET", objects, self.list_objects)
        add("POST", objects, self.create)
        add("POST", f"{objects}/search", self.search)
        add("POST", f"{objects}/merge", self.merge)
        add("POST", f"{objects}/gdpr-delete", self.gdpr_delete)
        for word, handler in (("read", self.batch_read), ("create", self.batch_create), ("update", self.batch_update),
                              ("upsert", self.batch_upsert), ("archive", self.batch_archive)):  # fmt: skip
            add("POST", f"{objects}/batch/{word}", handler)
        add("GET", f"{objects}/{{id}}", self.get)
        add("PATCH", f"{objects}/{{id}}", self.update)
        add("DELETE", f"{objects}/{{id}}", self.archive)
        fields = "/crm/v3/properties/{kind}"
        add("GET", fields, self.list_properties)
        add("POST", fields, self.create_property)
        add("GET", f"{fields}/groups", self.list_groups)
        add("POST", f"{fields}/groups", self.create_group)
        add("GET", f"{fields}/groups/{{name}}", lambda call: reply(self.group(call)))
        add("PATCH", f"{fields}/groups/{{name}}", self.update_group)
        add("DELETE", f"{fields}/groups/{{name}}", self.delete_group)
        for word, handler in (("read", self.batch_read_properties), ("create", self.batch_create_properties),
                              ("archive", self.batch_archive_properties)):  # fmt: skip
            add("POST", f"{fields}/batch/{word}", handler)
        add("GET", f"{fields}/{{name}}", lambda call: reply(self.property(call)))
        add("PATCH", f"{fields}/{{name}}", self.update_property)
        add("DELETE", f"{fields}/{{name}}", self.archive_property)
        links = "/crm/v4/objects/{from}/{id}/associations"
        add("PUT", f"{links}/default/{{to}}/{{other}}", self.associate_default)
        add("GET", f"{links}/{{to}}", self.associated)
        add("PUT", f"{links}/{{to}}/{{other}}", self.associate)
        add("DELETE", f"{links}/{{to}}/{{other}}", self.dissociate)
        pairs = "/crm/v4/associations/{from}/{to}/batch"
        add("POST", f"{pairs}/associate/default", self.batch_associate_default)
        add("POST", f"{pairs}/create", self.batch_associate)
        add("POST", f"{pairs}/read", self.batch_associated)
        add("POST", f"{pairs}/archive", self.batch_dissociate)
        add("GET", "/account-info/v3/details", self.details)
        add("GET", "/oauth/authorize", lambda call: self.grants.authorise(call, 60.0))
        for version in ("v1", "v3"):
            add("POST", f"/oauth/{version}/token", self.token)
            add("POST", f"/oauth/{version}/token/revoke", self.revoke)
            add("POST", f"/oauth/{version}/token/introspect", self.introspect)
        add("GET", "/oauth/v1/access-tokens/{token}", self.access_token)
        add("GET", "/oauth/v1/refresh-tokens/{token}", self.refresh_token)
        add("DELETE", "/oauth/v1/refresh-tokens/{token}", self.drop_refresh_token)
        hooks = "/webhooks/v3/{app}"
        add("GET", f"{hooks}/settings", self.get_settings)
        add("PUT", f"{hooks}/settings", self.put_settings)
        add("DELETE", f"{hooks}/settings", self.delete_settings)
        add(
            "GET",
            f"{hooks}/subscriptions",
            lambda call: reply({"results": list(self.subscriptions.values())}),
        )
        add("POST", f"{hooks}/subscriptions", self.subscribe)
        add("POST", f"{hooks}/subscriptions/batch/update", self.update_subscriptions)
        add("GET", f"{hooks}/subscriptions/{{id}}", lambda call: reply(self.subscription(call.params["id"])))
        add("PATCH", f"{hooks}/subscriptions/{{id}}", self.update_subscription)
        add("DELETE", f"{hooks}/subscriptions/{{id}}", self.unsubscribe)

    # what the vendor says ------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """Dated paths are read as the numbered ones."""
        if call.path.startswith(("/crm/", "/oauth/20", "/account-info/", "/webhooks/")):
            call.path = numbered(call.path)
        return super().answer(call)

    def error(self, status: int, category: str, message: str, **more: Any) -> Answer:
        """An error in HubSpot's form."""
        body = {
            "status": "error",
            "message": message,
            "correlationId": self.correlation(),
            "category": category,
        }
        return reply(body | more, status)

    def correlation(self) -> str:
        text = f"{self.chance.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def invalid(self, message: str, code: str = "", name: str = "") -> Refused:
        """400 for a wrong value."""
        detail: dict[str, Any] = {"message": message}
        if code:
            detail["code"] = code
        if name:
            detail["context"] = {"propertyName": [name]}
        return Refused(self.error(400, "VALIDATION_ERROR", message, errors=[detail]))

    def not_found(self, message: str = "resource not found") -> Refused:
        """404 for a record."""
        return Refused(self.error(404, "OBJECT_NOT_FOUND", message))

    def admit(self, call: Call) -> dict[str, str]:
        """Token, and the limits of its kind of app; searches have their own."""
        if call.path.startswith("/oauth/"):
            return {}
        token = call.bearer()
        if call.path.startswith("/webhooks/"):
            if self.developer_key in (token, call.arg("hapikey")):
                return {}
            raise Refused(
                self.error(401, "INVALID_AUTHENTICATION", "The developer API key is missing or wrong.")
            )
        state = self.grants.check(token)
        if state == "expired":
            age = "The OAuth token used to make this call expired"
            raise Refused(self.error(401, "EXPIRED_AUTHENTICATION", age))
        if state != "ok":
            words = "Authentication credentials not found. This API supports OAuth 2.0 authentication"
            raise Refused(self.error(401, "INVALID_AUTHENTICATION", words))
        return self.limited(call, token or "")

    def limited(self, call: Call, token: str) -> dict[str, str]:
        if not self.setting.limits:
            return {}
        if call.path.endswith("/search"):
            if not self.search_window.take():
                raise Refused(self.too_many("SECONDLY", "You have reached your secondly limit."))
            return {}
        private = token in self.grants.permanent
        window = self.windows["private" if private else "oauth"].of(token if private else "app")
        if not window.take():
            raise Refused(
                self.too_many("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.")
            )
        self.used_today += 1
        headers = {
            "X-HubSpot-RateLimit-Max": str(window.limit),
            "X-HubSpot-RateLimit-Remaining": str(window.left),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Secondly": "19" if private else "11",
            "X-HubSpot-RateLimit-Secondly-Remaining": "18" if private else "10",
        }
        if private:
            headers |= {
                "X-HubSpot-RateLimit-Daily": "650000",
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, 650_000 - self.used_today)),
            }
        return headers

    def too_many(self, policy: str, message: str) -> Answer:
        """429 in the words of one of HubSpot's limits."""
        return self.error(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", policyName=policy)

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            return self.error(405, "METHOD_NOT_ALLOWED", "Method not allowed")
        return self.error(404, "OBJECT_NOT_FOUND", "resource not found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.too_many("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.")
        return self.error(status, "INTERNAL_ERROR", "internal error")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return self.error(400, "VALIDATION_ERROR", "Invalid input JSON")

    def credentials(self) -> dict[str, Any]:
        """The first grant of the app, and a service key beside it."""
        return {
            "access_token": self.first.value,
            "refresh_token": self.first.refresh,
            "expires_in": 1800,
            "client_id": self.grants.client_id,
            "client_secret": self.grants.client_secret,
            "alternatives": {
                "service_key": {"api_key": self.service_key},
                "developer": {"app_id": str(APP), "api_key": self.developer_key},
            },
        }

    def expire_tokens(self) -> int:
        """Let access tokens end now."""
        return self.grants.expire()

    def revoke_tokens(self) -> int:
        """Withdraw every grant and key."""
        return self.grants.revoke()

    def renew(self) -> None:
        """A new grant and a new service key."""
        self.first = self.grants.issue(SCOPES)
        self.service_key = "pat-eu1-" + self.grants.secret(36)
        self.grants.permanent.add(self.service_key)

    # OAuth -------------------------------------------------------------------------------------------------

    def token(self, call: Call) -> Answer:
        """Exchange a code or a refresh token."""
        if "form" not in call.headers.get("content-type", "form"):
            return self.error(415, "VALIDATION_ERROR", "The token request must be a form")
        form = call.form()
        if not self.grants.knows_client(form.get("client_id"), form.get("client_secret")):
            return self.oauth_refusal("BAD_CLIENT_ID", "missing or unknown client id or secret")
        if form.get("grant_type") == "authorization_code":
            code = self.grants.redeem(form)
            if code is None:
                return self.oauth_refusal("BAD_AUTH_CODE", "missing or unknown auth code")
            token = self.grants.issue(code.scopes or SCOPES)
        elif form.get("grant_type") == "refresh_token":
            refresh = self.grants.renewable(form.get("refresh_token", ""))
            if refresh is None:
                return self.oauth_refusal("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
            token = self.grants.issue(refresh.scopes, refresh=refresh)
        else:
            return oauth_error("unsupported_grant_type", "grant_type is not known")
        return reply({
            "token_type": "bearer", "refresh_token": token.refresh, "access_token": token.value, "expires_in": 1800,
            "hub_id": PORTAL, "user_id": 71, "scopes": token.scopes, "token_use": "access_token",
        })  # fmt: skip

    def oauth_refusal(self, status: str, message: str) -> Answer:
        """What HubSpot says where RFC 6749 says invalid_grant or invalid_client."""
        kind = "invalid_client" if status == "BAD_CLIENT_ID" else "invalid_grant"
        return reply({
            "status": status, "message": message, "correlationId": self.correlation(), "category": "VALIDATION_ERROR",
            "error": kind, "error_description": message,
        }, 400)  # fmt: skip

    def revoke(self, call: Call) -> Answer:
        """Withdraw a refresh token; access tokens already given live out their time."""
        found = self.grants.refreshes.get(call.form().get("token", ""))
        if found is not None:
            found.revoked = True
        return Answer(204)

    def introspect(self, call: Call) -> Answer:
        """What a token is worth."""
        value = call.form().get("token", "")
        token, refresh = self.grants.tokens.get(value), self.grants.refreshes.get(value)
        if token is not None:
            left = int((token.expires or 0) - self.clock.now())
            return reply({"active": self.grants.check(value) == "ok", "hub_id": PORTAL, "user_id": 71,
                          "client_id": token.client_id, "scopes": token.scopes, "expires_in": max(0, left),
                          "token_use": "access_token"})  # fmt: skip
        active = refresh is not None and self.grants.renewable(value) is not None
        return reply({"active": active, "token_use": "refresh_token"} if refresh else {"active": False})

    def access_token(self, call: Call) -> Answer:
        """The older way to ask what a token is worth."""
        value = call.params["token"]
        token = self.grants.tokens.get(value)
        if token is None or self.grants.check(value) != "ok":
            raise self.not_found("token not found or expired")
        left = int((token.expires or 0) - self.clock.now())
        return reply({"hub_id": PORTAL, "user_id": 71, "scopes": token.scopes, "token_type": "access", "app_id": APP,
                      "user": "owner@kestrelrye.co.uk", "hub_domain": "kestrelrye.co.uk", "expires_in": left,
                      "token": value})  # fmt: skip

    def refresh_token(self, call: Call) -> Answer:
        """What a refresh token is worth."""
        value = call.params["token"]
        found = self.grants.renewable(value)
        if found is None:
            raise self.not_found("refresh token not found")
        return reply({"hub_id": PORTAL, "user_id": 71, "scopes": found.scopes, "token_type": "refresh",
                      "client_id": found.client_id, "user": "owner@kestrelrye.co.uk",
                      "hub_domain": "kestrelrye.co.uk", "token": value})  # fmt: skip

    def drop_refresh_token(self, call: Call) -> Answer:
        """The older way to withdraw one."""
        found = self.grants.refreshes.get(call.params["token"])
        if found is None:
            raise self.not_found("refresh token not found")
        found.revoked = True
        return Answer(204)

    def details(self, call: Call) -> Answer:
        """The account that a token belongs to."""
        return reply({"portalId": PORTAL, "accountType": "STANDARD", "timeZone": "Europe/London",
                      "companyCurrency": "GBP", "additionalCurrencies": [], "utcOffset": "+00:00",
                      "utcOffsetMilliseconds": 0, "uiDomain": "app-eu1.hubspot.com",
                      "dataHostingLocation": "eu1"})  # fmt: skip

    # objects: reading ----------------------------------------------------------------------------------------

    def kind_of(self, call: Call, name: str = "kind") -> str:
        """The kind that a path names, by name or by type id."""
        word = call.params[name].lower()
        found = NAMES.get(word, word)
        if found not in TYPES:
            raise Refused(self.error(400, "VALIDATION_ERROR", f"Unable to infer object type from: {word}"))
        return found

    def full(self, kind: str, row: Row) -> dict[str, str]:
        """All properties, the vendor's own among them."""
        kept: dict[str, str] = row.body["properties"]
        return kept | {
            "hs_object_id": row.id,
            created_name(kind): iso_ms(row.created),
            modified_name(kind): iso_ms(row.updated),
        }

    def shape(
        self, kind: str, row: Row, wanted: list[str] | None, history: list[str] | None = None
    ) -> dict[str, Any]:
        """A record as it is shown, with the properties asked for besides the default ones."""
        known = self.full(kind, row)
        names = dict.fromkeys((*DEFAULTS[kind], *(wanted or ())))
        shown: dict[str, Any] = {
            "id": row.id,
            "properties": {name: known[name] for name in names if name in known},
            "createdAt": known[created_name(kind)],
            "updatedAt": known[modified_name(kind)],
            "archived": row.state == ARCHIVED,
        }
        if row.state == ARCHIVED:
            shown["archivedAt"] = iso_ms(row.updated)
        if history:
            shown["propertiesWithHistory"] = {
                name: [{"value": known[name], "timestamp": iso_ms(row.updated), "sourceType": "API"}]
                for name in history if name in known
            }  # fmt: skip
        return shown

    def list_objects(self, call: Call) -> Answer:
        """A page by id; `after` is the last id seen."""
        kind = self.kind_of(call)
        limit = call.number("limit", 10, 1)
        if limit > 100:
            raise self.invalid("Invalid limit: must be at most 100", "INVALID_LIMIT")
        after = call.arg("after", "0")
        if not after.isdigit():
            raise self.invalid("Invalid after: must be a number", "INVALID_AFTER")
        state = ARCHIVED if call.arg("archived") == "true" else LIVE
        rows = self.kind(kind).rows(
            "state = ? AND seq > ?", (state, int(after), limit + 1), "ORDER BY seq LIMIT ?"
        )
        wanted, history = listed(call, "properties"), listed(call, "propertiesWithHistory")
        body: dict[str, Any] = {"results": [self.shape(kind, row, wanted, history) for row in rows[:limit]]}
        if len(rows) > limit:
            mark = str(rows[limit - 1].seq)
            link = f"{call.base}{call.path}?limit={limit}&after={mark}"
            body["paging"] = {"next": {"after": mark, "link": link}}
        for word in listed(call, "associations"):
            self.add_associations(kind, body["results"], NAMES.get(word, word))
        return reply(body, records=len(body["results"]))

    def add_associations(self, kind: str, shown: list[dict[str, Any]], other: str) -> None:
        for record in shown:
            ids = [link.body["to"] for link in self.links(kind, record["id"], other)]
            if ids:
                word = f"{kind[:-1]}_to_{other[:-1]}"
                record.setdefault("associations", {})[other] = {
                    "results": [{"id": i, "type": word} for i in ids]
                }

    def found(self, kind: str, identifier: str, by: str = "", archived: bool = False) -> Row | None:
        """A record by id (also one that was merged away) or by a property with unique values."""
        if not by or by == "hs_object_id":
            row = self.kind(kind).get(identifier)
            if row is not None and row.state == MERGED:
                row = self.kind(kind).get(row.ref or "")
        elif by == "email" and kind == "contacts":
            row = self.kind(kind).first("state = 0 AND email = ?", normal_email(identifier))
        else:
            meta = self.properties[kind].get(by)
            if meta is None or not meta["hasUniqueValue"]:
                raise self.invalid(f"Property {by} is not a unique property", "INVALID_ID_PROPERTY", by)
            path = f'$.properties."{by}"'
            row = self.kind(kind).first("state = 0 AND json_extract(body, ?) = ?", path, identifier)
        if row is None or row.state != (ARCHIVED if archived else LIVE):
            return None
        return row

    def get(self, call: Call) -> Answer:
        """One record."""
        kind = self.kind_of(call)
        row = self.found(kind, call.params["id"], call.arg("idProperty"), call.arg("archived") == "true")
        if row is None:
            raise self.not_found()
        shown = self.shape(kind, row, listed(call, "properties"), listed(call, "propertiesWithHistory"))
        for word in listed(call, "associations"):
            self.add_associations(kind, [shown], NAMES.get(word, word))
        return reply(shown, records=1)

    def batch_read(self, call: Call) -> Answer:
        """Up to a hundred records by id or by a unique property; 207 where some are unknown."""
        kind, inputs, given = self.batch(call)
        rows, lost = [], []
        archived = call.arg("archived") == "true"
        for item in inputs:
            row = self.found(kind, str(item["id"]), given.get("idProperty") or "", archived)
            if row is None:
                lost.append(str(item["id"]))
            else:
                rows.append(row)
        results = [
            self.shape(kind, row, given.get("properties"), given.get("propertiesWithHistory")) for row in rows
        ]
        errors = []
        if lost:
            message = f"Could not get some {kind.upper()} objects, they may be deleted or not exist."
            errors = [self.standard_error("OBJECT_NOT_FOUND", message, ids=lost)]
        return self.batch_answer(results, errors, 200)

    def batch(self, call: Call) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
        """Kind, inputs and the whole body of a batch."""
        given = call.json()
        inputs = given["inputs"]
        if not isinstance(inputs, list) or not inputs:
            raise self.invalid("inputs: must not be empty", "EMPTY_INPUTS")
        if len(inputs) > BATCH:
            raise self.invalid(f"inputs: at most {BATCH} records in a batch", "BATCH_SIZE_EXCEEDED")
        return self.kind_of(call), inputs, given

    def standard_error(
        self, category: str, message: str, name: str = "", **context: list[str]
    ) -> dict[str, Any]:
        """One error of a batch."""
        details = [{"message": message} | ({"context": {"propertyName": [name]}} if name else {})]
        return {
            "status": "error", "category": category, "message": message, "context": context,
            "errors": details if category == "VALIDATION_ERROR" else [], "links": {},
        }  # fmt: skip

    def batch_answer(self, results: list[Any], errors: list[Any], status: int) -> Answer:
        """The answer of a batch, 207 where it has errors."""
        now = iso_ms(self.clock.ms())
        body: dict[str, Any] = {"status": "COMPLETE", "results": results, "requestedAt": now, "startedAt": now,
                                "completedAt": now}  # fmt: skip
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return reply(body, 207 if errors else status, records=len(results))

    # objects: searching ----------------------------------------------------------------------------------------

    def search(self, call: Call) -> Answer:
        """Filters, one sort rule, at most 10,000 results; what was written a moment ago isn't found yet."""
        kind = self.kind_of(call)
        given = call.json()
        groups = given.get("filterGroups") or []
        if len(groups) > 5 or sum(len(item.get("filters", [])) for item in groups) > 18:
            raise self.invalid("Too many filters: at most 5 groups and 18 filters", "TOO_MANY_FILTERS")
        limit = int(given.get("limit") or 10)
        start = int(given.get("after") or 0)
        if not 1 <= limit <= 200:
            raise self.invalid("Invalid limit: must be from 1 to 200", "INVALID_LIMIT")
        if start + limit > MOST_RESULTS:
            raise self.invalid("The maximum number of results is 10000", "PAGING_TOO_DEEP")
        # What asks for changes sees none of the last moment; who is looked up by something else was there before.
        asked = {str(one.get("propertyName")) for item in groups for one in item.get("filters", [])}
        column = "updated" if asked & {"lastmodifieddate", "hs_lastmodifieddate"} else "created"
        values: list[object] = [self.clock.ms() - int(self.setting.search_lag * 1000)]
        where = f"state = 0 AND {column} <= ?"
        if groups:
            choices = []
            for item in groups:
                parts = [self.condition(kind, one, values) for one in item.get("filters", [])] or ["1"]
                choices.append("(" + " AND ".join(parts) + ")")
            where += " AND (" + " OR ".join(choices) + ")"
        if given.get("query"):
            pattern = f"%{str(given['query']).lower()}%"
            where += " AND (email LIKE ? OR phone LIKE ? OR lower(body) LIKE ?)"
            values += [pattern, pattern, pattern]
        total = self.kind(kind).count(where, values)
        rows = self.kind(kind).rows(
            where, (*values, limit, start), f"{self.order(kind, given)} LIMIT ? OFFSET ?"
        )
        body: dict[str, Any] = {
            "total": total,
            "results": [self.shape(kind, r, given.get("properties")) for r in rows],
        }
        if start + limit < total:
            body["paging"] = {"next": {"after": str(start + limit)}}
        return reply(body, records=len(rows))

    def column(self, kind: str, name: str) -> tuple[str, str]:
        """What a property is in SQL, and the way its values are compared: text, number, or moment."""
        if name in ("createdate", "hs_createdate"):
            return "created", "moment"
        if name in ("lastmodifieddate", "hs_lastmodifieddate"):
            return "updated", "moment"
        if name == "hs_object_id":
            return "seq", "number"
        meta = self.properties[kind].get(name)
        if name == "hs_searchable_calculated_phone_number":
            return "phone", "text"
        if meta is None or not re.fullmatch(r"\w+", name):
            raise self.invalid(
                f"There was a problem with the request: unknown property {name}", "INVALID_PROPERTY", name
            )
        if name == "email" and kind == "contacts":
            return "email", "text"
        column = f"json_extract(body, '$.properties.{name}')"
        if meta["type"] == "number":
            return f"CAST({column} AS REAL)", "number"
        return f"lower({column})", "text"

    def condition(self, kind: str, given: dict[str, Any], values: list[object]) -> str:
        """One filter as SQL."""
        column, way = self.column(kind, str(given["propertyName"]))
        operator = given["operator"]

        def bound(text: object) -> object:
            if way == "moment":
                moment = parse_ms(str(text))
                if moment is None:
                    raise self.invalid(f"Invalid date: {text}", "INVALID_DATE", str(given["propertyName"]))
                return moment
            if way == "number":
                return float(str(text))
            return str(text).lower()

        if operator in OPERATORS:
            values.append(bound(given["value"]))
            missing = f" OR {column} IS NULL" if operator == "NEQ" else ""
            return f"({column} {OPERATORS[operator]} ?{missing})"
        if operator == "BETWEEN":
            values += [bound(given["value"]), bound(given["highValue"])]
            return f"{column} BETWEEN ? AND ?"
        if operator in ("IN", "NOT_IN"):
            many = [bound(value) for value in given["values"]]
            values += many
            return f"{column} {'NOT ' if operator == 'NOT_IN' else ''}IN ({','.join('?' * len(many))})"
        if operator == "HAS_PROPERTY":
            return f"{column} IS NOT NULL"
        if operator == "NOT_HAS_PROPERTY":
            return f"{column} IS NULL"
        if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
            values.append("%" + str(given["value"]).lower().replace("*", "%") + "%")
            return f"{column} {'NOT ' if operator.startswith('NOT') else ''}LIKE ?"
        raise self.invalid(f"Unknown operator {operator}", "INVALID_OPERATOR")

    def order(self, kind: str, given: dict[str, Any]) -> str:
        """The one sort rule; by id where there is none."""
        sorts = given.get("sorts") or []
        if len(sorts) > 1:
            raise self.invalid("Only one sort rule is possible", "TOO_MANY_SORTS")
        if not sorts:
            return "ORDER BY seq"
        rule = sorts[0]
        if isinstance(rule, str):
            name, down = rule.lstrip("-"), rule.startswith("-")
        else:
            name, down = str(rule["propertyName"]), str(rule.get("direction", "")).upper().startswith("DESC")
        word = "DESC" if down else "ASC"
        return f"ORDER BY {self.column(kind, name)[0]} {word}, seq {word}"

    # objects: writing -----------------------------------------------------------------------------------------

    def checked(self, kind: str, given: dict[str, Any]) -> dict[str, str]:
        """The properties that a body sets; 400 for an unknown one, a read-only one, or a value of another type."""
        wanted = given.get("properties")
        if not isinstance(wanted, dict):
            raise self.invalid("properties: is required", "MISSING_PROPERTIES")
        made: dict[str, str] = {}
        for name, value in wanted.items():
            meta = self.properties[kind].get(name)
            if meta is None or meta["archived"]:
                message = f'Property "{name}" does not exist'
                raise self.invalid(
                    f"Property values were not valid: {message}", "PROPERTY_DOESNT_EXIST", name
                )
            if meta["modificationMetadata"]["readOnlyValue"]:
                raise self.invalid(
                    f"Property values were not valid: {name} is read-only", "READ_ONLY_VALUE", name
                )
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            self.check_value(meta, text)
            made[name] = text
        if kind == "contacts" and made.get("email"):
            email = made["email"].strip()
            if not EMAIL.fullmatch(email):
                message = f"Property values were not valid: Email address {email} is invalid"
                raise self.invalid(message, "INVALID_EMAIL", "email")
            made["email"] = email.lower()
        return made

    def check_value(self, meta: dict[str, Any], text: str) -> None:
        name = meta["name"]
        if not text:
            return
        if len(text) > 65_536:
            raise self.invalid(
                f"Property values were not valid: {name} is too long", "PROPERTY_TOO_LONG", name
            )
        kind = meta["type"]
        if kind == "number" and not re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text):
            raise self.invalid(
                f"Property values were not valid: {text} was not a valid number", "INVALID_NUMBER", name
            )
        if kind in ("date", "datetime") and parse_ms(text) is None:
            raise self.invalid(
                f"Property values were not valid: {text} was not a valid long", "INVALID_DATE", name
            )
        if kind == "bool" and text not in ("true", "false"):
            raise self.invalid(
                f"Property values were not valid: {text} was not true or false", "INVALID_OPTION", name
            )
        if kind == "enumeration":
            options = {option["value"] for option in meta["options"]}
            if not set(text.split(";")) <= options:
                words = f"{text} was not one of the allowed options: {sorted(options)}"
                message = f"Property values were not valid: {words}"
                raise self.invalid(message, "INVALID_OPTION", name)

    def refuse_bad(self, *emails: str | None) -> None:
        if self.refuses(*(normal_email(email) for email in emails)):
            raise self.invalid(
                "Property values were not valid: this record was refused", "INVALID_EMAIL", "email"
            )

    def insert(self, kind: str, properties: dict[str, str]) -> Row:
        """A new record; 409 where the address is somebody's."""
        if kind == "contacts":
            self.refuse_bad(properties.get("email"))
            self.free_email(properties.get("email"), "")
        self.free_values(kind, properties, "")
        return self.put_new(kind, properties)

    def put_new(self, kind: str, properties: dict[str, str], identifier: str = "") -> Row:
        now = self.clock.ms()
        seq = int(identifier) if identifier.isdigit() else self.kind(kind).next_seq()
        seq = seq if identifier else max(seq, 40_000_000_000) + self.chance.randrange(1, 900)
        cell = contact_cell(seq, now, now, properties)
        row = Row.of(cell)
        if kind != "contacts":
            row.email = row.phone = None
        self.kind(kind).put(row)
        self.announce(kind, "creation", row)
        return row

    def free_email(self, email: str | None, own: str) -> None:
        if not email:
            return
        other = self.kind("contacts").first("state = 0 AND email = ? AND id <> ?", normal_email(email), own)
        if other is not None:
            message = f"Contact already exists. Existing ID: {other.id}"
            raise Refused(self.error(409, "CONFLICT", message))

    def free_values(self, kind: str, properties: dict[str, str], own: str) -> None:
        for name, value in properties.items():
            meta = self.properties[kind][name]
            if meta["hasUniqueValue"] and value and name not in ("email", "hs_object_id"):
                other = self.found(kind, value, name)
                if other is not None and other.id != own:
                    message = (
                        f"{name} {value} is already the value of another record. Existing ID: {other.id}"
                    )
                    raise Refused(self.error(409, "CONFLICT", message))

    def alter(self, kind: str, row: Row, properties: dict[str, str]) -> Row:
        """Write what differs; a record doesn't move where nothing does."""
        if kind == "contacts":
            self.refuse_bad(row.email, properties.get("email"))
            self.free_email(properties.get("email"), row.id)
        self.free_values(kind, properties, row.id)
        return self.write(kind, row, properties)

    def write(self, kind: str, row: Row, properties: dict[str, str], source: str = "INTEGRATION") -> Row:
        kept = row.body["properties"]
        changed = {name: value for name, value in properties.items() if kept.get(name, "") != value}
        if not changed:
            return row
        for name, value in changed.items():
            if value:
                kept[name] = value
            else:
                kept.pop(name, None)
        if kind == "contacts":
            row.email, row.phone = normal_email(kept.get("email")), normal_phone(kept.get("phone"))
        row.touch(self.clock.ms())
        self.kind(kind).put(row)
        for name, value in changed.items():
            self.announce(kind, "propertyChange", row, name, value, source)
        return row

    def create(self, call: Call) -> Answer:
        """One new record."""
        kind = self.kind_of(call)
        given = call.json()
        row = self.insert(kind, self.checked(kind, given))
        for link in given.get("associations") or []:
            for way in link.get("types", []):
                other = self.type_by_association(way.get("associationTypeId"), kind)
                self.link(kind, row.id, other, str(link["to"]["id"]))
        return reply(self.shape(kind, row, list(given["properties"])), 201)

    def type_by_association(self, number: object, kind: str) -> str:
        return {507: "contacts", 508: "orders", 3: "contacts", 4: "deals"}.get(
            number if isinstance(number, int) else 0, "contacts" if kind != "contacts" else "orders"
        )

    def update(self, call: Call) -> Answer:
        """Change one record."""
        kind = self.kind_of(call)
        given = call.json()
        row = self.found(kind, call.params["id"], call.arg("idProperty"))
        if row is None:
            raise self.not_found()
        return reply(
            self.shape(kind, self.alter(kind, row, self.checked(kind, given)), list(given["properties"]))
        )

    def archive(self, call: Call) -> Answer:
        """Put a record into the bin; what is there already stays."""
        kind = self.kind_of(call)
        row = self.found(kind, call.params["id"])
        if row is not None:
            self.put_away(kind, row)
        return Answer(204)

    def put_away(self, kind: str, row: Row) -> None:
        row.state = ARCHIVED
        row.touch(self.clock.ms())
        self.kind(kind).put(row)
        self.announce(kind, "deletion", row)

    def each(self, call: Call, status: int, act: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Answer:
        """Do a batch one by one; what is refused stands among the errors, with the input's trace id."""
        kind, inputs, _ = self.batch(call)
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
                errors.append({
                    "status": "error", "category": said["category"], "message": said["message"], "context": context,
                    "errors": said.get("errors", []), "links": {},
                })  # fmt: skip
        return self.batch_answer(results, errors, status)

    def traced(self, shown: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
        """The record with the trace id of its input."""
        if item.get("objectWriteTraceId"):
            shown["objectWriteTraceId"] = str(item["objectWriteTraceId"])
        return shown

    def batch_create(self, call: Call) -> Answer:
        """Up to a hundred new records."""

        def act(kind: str, item: dict[str, Any]) -> dict[str, Any]:
            row = self.insert(kind, self.checked(kind, item))
            return self.traced(self.shape(kind, row, list(item["properties"])), item)

        return self.each(call, 201, act)

    def batch_update(self, call: Call) -> Answer:
        """Change up to a hundred records."""

        def act(kind: str, item: dict[str, Any]) -> dict[str, Any]:
            row = self.found(kind, str(item["id"]), item.get("idProperty") or "")
            if row is None:
                raise self.not_found()
            row = self.alter(kind, row, self.checked(kind, item))
            return self.traced(self.shape(kind, row, list(item["properties"])), item)

        return self.each(call, 200, act)

    def batch_upsert(self, call: Call) -> Answer:
        """Make or change up to a hundred records by a property with unique values."""

        def act(kind: str, item: dict[str, Any]) -> dict[str, Any]:
            by = item.get("idProperty") or ""
            properties = self.checked(kind, item)
            row = self.found(kind, str(item["id"]), by)
            if row is None and not by:
                raise self.not_found()
            new = row is None
            if row is None:
                row = self.insert(kind, {by: str(item["id"])} | properties)
            else:
                row = self.alter(kind, row, properties)
            return self.traced(self.shape(kind, row, list(properties)) | {"new": new}, item)

        return self.each(call, 200, act)

    def batch_archive(self, call: Call) -> Answer:
        """Put up to a hundred records into the bin."""
        kind, inputs, _ = self.batch(call)
        for item in inputs:
            row = self.found(kind, str(item["id"]))
            if row is not None:
                self.put_away(kind, row)
        return Answer(204)

    def merge(self, call: Call) -> Answer:
        """Two records become one."""
        kind = self.kind_of(call)
        given = call.json()
        winner = self.found(kind, str(given["primaryObjectId"]))
        loser = self.found(kind, str(given["objectIdToMerge"]))
        if winner is None or loser is None or winner.id == loser.id:
            raise self.not_found()
        return reply(self.shape(kind, self.unite(kind, winner, loser), None))

    def unite(self, kind: str, winner: Row, loser: Row) -> Row:
        kept, other = winner.body["properties"], loser.body["properties"]
        filled = {name: value for name, value in other.items() if name not in kept}
        if other.get("email") and other["email"] != kept.get("email") and kept.get("email"):
            more = [text for text in kept.get("hs_additional_emails", "").split(";") if text]
            filled["hs_additional_emails"] = ";".join([*more, other["email"]])
        loser.state, loser.ref = MERGED, winner.id
        loser.touch(self.clock.ms())
        self.kind(kind).put(loser)
        self.write(kind, winner, filled or {"hs_additional_emails": kept.get("hs_additional_emails", "")})
        self.announce(kind, "merge", winner, merged=[loser.id])
        return winner

    def gdpr_delete(self, call: Call) -> Answer:
        """Erase a contact for good."""
        given = call.json()
        row = self.found("contacts", str(given["objectId"]), given.get("idProperty") or "")
        if row is not None:
            self.kind("contacts").delete(row.id)
            self.announce("contacts", "privacyDeletion", row)
        return Answer(204)

    # properties ------------------------------------------------------------------------------------------------

    def list_properties(self, call: Call) -> Answer:
        """Every property of a kind."""
        archived = call.arg("archived") == "true"
        known = self.properties[self.kind_of(call)].values()
        return reply({"results": [found for found in known if found["archived"] is archived]})

    def property(self, call: Call) -> dict[str, Any]:
        """One property, else 404."""
        found = self.properties[self.kind_of(call)].get(call.params["name"])
        if found is None or found["archived"]:
            raise self.not_found(f"Property {call.params['name']} does not exist")
        return found

    def define(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """A new property; 409 where the name is taken, 400 where it can't be."""
        name = str(given.get("name", ""))
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
            raise self.invalid(f"Invalid property name {name!r}", "INVALID_NAME", name)
        for member in ("label", "type", "fieldType", "groupName"):
            if not given.get(member):
                raise self.invalid(f"{member}: is required", "REQUIRED_FIELD")
        if given["type"] not in FIELD_TYPES:
            raise self.invalid(f"Unknown type {given['type']}", "INVALID_TYPE")
        if not any(found["name"] == given["groupName"] for found in self.groups[kind]):
            raise self.invalid(f"Property group {given['groupName']} does not exist", "GROUP_DOESNT_EXIST")
        known = self.properties[kind].get(name)
        if known is not None and not known["archived"]:
            message = f"Property named '{name}' already exists."
            raise Refused(self.error(409, "OBJECT_ALREADY_EXISTS", message))
        unique = sum(
            meta["hasUniqueValue"] and not meta["hubspotDefined"] for meta in self.properties[kind].values()
        )
        if given.get("hasUniqueValue") and unique >= 10:
            raise self.invalid("At most 10 properties with unique values", "TOO_MANY_UNIQUE")
        made = definition(kind, name, given["type"], iso_ms(self.clock.ms()))
        made |= {member: given[member] for member in
                 ("label", "fieldType", "groupName", "description", "hasUniqueValue", "displayOrder", "hidden",
                  "formField") if given.get(member) is not None}  # fmt: skip
        made["options"] = [option({}, given_option) for given_option in given.get("options") or []]
        self.properties[kind][name] = made
        return made

    def create_property(self, call: Call) -> Answer:
        """One new property."""
        return reply(self.define(self.kind_of(call), call.json()), 201)

    def batch_create_properties(self, call: Call) -> Answer:
        """Several new properties."""
        return self.each(call, 201, self.define)

    def batch_read_properties(self, call: Call) -> Answer:
        """Several properties."""
        kind, inputs, _ = self.batch(call)
        known = [self.properties[kind].get(str(item["name"])) for item in inputs]
        return self.batch_answer([found for found in known if found], [], 200)

    def batch_archive_properties(self, call: Call) -> Answer:
        """Give up several properties."""
        kind, inputs, _ = self.batch(call)
        for item in inputs:
            self.give_up(kind, str(item["name"]))
        return Answer(204)

    def give_up(self, kind: str, name: str) -> None:
        meta = self.properties[kind].get(name)
        if meta is None or meta["archived"]:
            raise self.not_found(f"Property {name} does not exist")
        if meta["hubspotDefined"]:
            raise self.invalid(f"Property {name} is defined by HubSpot", "READ_ONLY_DEFINITION", name)
        meta["archived"] = True

    def update_property(self, call: Call) -> Answer:
        """Change a property's texts and options."""
        meta = self.property(call)
        given = call.json()
        meta |= {
            name: given[name]
            for name in ("label", "description", "groupName", "fieldType", "hidden")
            if name in given
        }
        if "options" in given:
            meta["options"] = [option({}, item) for item in given["options"]]
        meta["updatedAt"] = iso_ms(self.clock.ms())
        return reply(meta)

    def archive_property(self, call: Call) -> Answer:
        """Give a property up."""
        self.give_up(self.kind_of(call), call.params["name"])
        return Answer(204)

    def list_groups(self, call: Call) -> Answer:
        """Every group of properties."""
        return reply({"results": self.groups[self.kind_of(call)]})

    def group(self, call: Call) -> dict[str, Any]:
        """One group, else 404."""
        for found in self.groups[self.kind_of(call)]:
            if found["name"] == call.params["name"]:
                return found
        raise self.not_found("group not found")

    def create_group(self, call: Call) -> Answer:
        """A new group."""
        kind, given = self.kind_of(call), call.json()
        if any(found["name"] == given["name"] for found in self.groups[kind]):
            raise Refused(self.error(409, "OBJECT_ALREADY_EXISTS", f"Group {given['name']} already exists."))
        made = group(str(given["name"]), str(given["label"]), int(given.get("displayOrder", -1)))
        self.groups[kind].append(made)
        return reply(made, 201)

    def update_group(self, call: Call) -> Answer:
        """Change a group's text."""
        found = self.group(call)
        given = call.json()
        found |= {name: given[name] for name in ("label", "displayOrder") if name in given}
        return reply(found)

    def delete_group(self, call: Call) -> Answer:
        """Remove a group."""
        self.groups[self.kind_of(call)].remove(self.group(call))
        return Answer(204)

    # associations ----------------------------------------------------------------------------------------------

    def links(self, kind: str, identifier: str, other: str) -> list[Row]:
        """What a record is tied to."""
        return self.kind("associations").rows("ref = ?", (f"{kind}/{identifier}/{other}",))

    def link(self, kind: str, identifier: str, other: str, to: str) -> None:
        """Tie two records, seen from both."""
        if self.found(kind, identifier) is None or self.found(other, to) is None:
            raise self.not_found()
        now = self.clock.ms()
        for one, a, two, b in ((kind, identifier, other, to), (other, to, kind, identifier)):
            key = f"{one}/{a}/{two}/{b}"
            if self.kind("associations").get(key) is None:
                self.kind("associations").put(
                    Row(None, key, None, None, f"{one}/{a}/{two}", now, now, LIVE, {"to": b})
                )

    def pair(self, call: Call) -> tuple[str, str]:
        return self.kind_of(call, "from"), self.kind_of(call, "to")

    def association_type(self, kind: str, other: str) -> int:
        return {("orders", "contacts"): 507, ("contacts", "orders"): 508, ("deals", "contacts"): 3,
                ("contacts", "deals"): 4}.get((kind, other), 1)  # fmt: skip

    def default_result(self, kind: str, one: str, other: str, two: str) -> list[dict[str, Any]]:
        self.link(kind, one, other, two)
        return [
            {"from": {"id": a}, "to": {"id": b},
             "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}}
            for a, b, number in ((one, two, self.association_type(kind, other)),
                                 (two, one, self.association_type(other, kind)))
        ]  # fmt: skip

    def associate_default(self, call: Call) -> Answer:
        """Tie two records in the usual way."""
        kind, other = self.pair(call)
        return self.batch_answer(
            self.default_result(kind, call.params["id"], other, call.params["other"]), [], 200
        )

    def batch_associate_default(self, call: Call) -> Answer:
        """Tie many in the usual way."""
        kind, other = self.pair(call)
        results = []
        for item in call.json()["inputs"]:
            results += self.default_result(kind, str(item["from"]["id"]), other, str(item["to"]["id"]))
        return self.batch_answer(results, [], 200)

    def labels(self, kind: str, one: str, other: str, two: str) -> dict[str, Any]:
        self.link(kind, one, other, two)
        return {"fromObjectTypeId": TYPES[kind], "fromObjectId": one, "toObjectTypeId": TYPES[other],
                "toObjectId": two, "labels": []}  # fmt: skip

    def associate(self, call: Call) -> Answer:
        """Tie two records."""
        kind, other = self.pair(call)
        return reply(self.labels(kind, call.params["id"], other, call.params["other"]), 201)

    def batch_associate(self, call: Call) -> Answer:
        """Tie many."""
        kind, other = self.pair(call)
        inputs = call.json()["inputs"]
        results = [self.labels(kind, str(i["from"]["id"]), other, str(i["to"]["id"])) for i in inputs]
        return self.batch_answer(results, [], 201)

    def tied(self, kind: str, identifier: str, other: str) -> list[dict[str, Any]]:
        number = self.association_type(kind, other)
        return [
            {
                "toObjectId": row.body["to"],
                "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": number}],
            }
            for row in self.links(kind, identifier, other)
        ]

    def associated(self, call: Call) -> Answer:
        """What a record is tied to."""
        kind, other = self.pair(call)
        return reply({"results": self.tied(kind, call.params["id"], other)})

    def batch_associated(self, call: Call) -> Answer:
        """What many are tied to."""
        kind, other = self.pair(call)
        ids = [str(item["id"]) for item in call.json()["inputs"]]
        return self.batch_answer([{"from": {"id": i}, "to": self.tied(kind, i, other)} for i in ids], [], 200)

    def untie(self, kind: str, one: str, other: str, two: str) -> None:
        self.kind("associations").delete(f"{kind}/{one}/{other}/{two}")
        self.kind("associations").delete(f"{other}/{two}/{kind}/{one}")

    def dissociate(self, call: Call) -> Answer:
        """Untie two records."""
        kind, other = self.pair(call)
        self.untie(kind, call.params["id"], other, call.params["other"])
        return Answer(204)

    def batch_dissociate(self, call: Call) -> Answer:
        """Untie many."""
        kind, other = self.pair(call)
        for item in call.json()["inputs"]:
            for to in item["to"]:
                self.untie(kind, str(item["from"]["id"]), other, str(to["id"]))
        return Answer(204)

    # webhooks ------------------------------------------------------------------------------------------------

    def get_settings(self, call: Call) -> Answer:
        """The one address of the app."""
        if self.settings is None:
            raise self.not_found("no webhook settings")
        return reply(self.settings)

    def put_settings(self, call: Call) -> Answer:
        """Set the one address of the app."""
        given = call.json()
        now = iso_ms(self.clock.ms())
        self.settings = {
            "targetUrl": str(given["targetUrl"]),
            "throttling": {"maxConcurrentRequests": int(given["throttling"]["maxConcurrentRequests"])},
            "createdAt": self.settings["createdAt"] if self.settings else now,
            "updatedAt": now,
        }
        return reply(self.settings)

    def delete_settings(self, call: Call) -> Answer:
        """Forget the address."""
        self.settings = None
        return Answer(204)

    def subscribe(self, call: Call) -> Answer:
        """Ask for a kind of event; sleeping until it is made active."""
        given = call.json()
        kind = str(given["eventType"])
        if not re.fullmatch(r"(contact|company|deal|object|order)\.\w+", kind):
            raise self.invalid(f"Unknown event type {kind}", "INVALID_EVENT_TYPE")
        now = iso_ms(self.clock.ms())
        made = {"id": str(1000 + self.chance.randrange(10**8)), "eventType": kind, "active": bool(given.get("active")),
                "createdAt": now, "updatedAt": now}  # fmt: skip
        made |= {name: given[name] for name in ("propertyName", "objectTypeId") if given.get(name)}
        self.subscriptions[str(made["id"])] = made
        return reply(made, 201)

    def subscription(self, identifier: str) -> dict[str, Any]:
        """One subscription, else 404."""
        found = self.subscriptions.get(identifier)
        if found is None:
            raise self.not_found("subscription not found")
        return found

    def update_subscription(self, call: Call) -> Answer:
        """Wake a subscription or let it sleep."""
        found = self.subscription(call.params["id"])
        found |= {"active": bool(call.json().get("active")), "updatedAt": iso_ms(self.clock.ms())}
        return reply(found)

    def update_subscriptions(self, call: Call) -> Answer:
        """Wake many, or let them sleep."""
        results = []
        for item in call.json()["inputs"]:
            found = self.subscription(str(item["id"]))
            found |= {"active": bool(item.get("active")), "updatedAt": iso_ms(self.clock.ms())}
            results.append(found)
        return self.batch_answer(results, [], 200)

    def unsubscribe(self, call: Call) -> Answer:
        """Give up a subscription."""
        self.subscriptions.pop(self.subscription(call.params["id"])["id"])
        return Answer(204)

    def announce(
        self, kind: str, word: str, row: Row, name: str = "", value: str = "", source: str = "INTEGRATION",
        merged: list[str] | None = None,
    ) -> None:  # fmt: skip
        """Send an event to the app's address, if somebody asked for it."""
        if self.settings is None:
            return
        event = f"{kind[:-1]}.{word}"
        for found in self.subscriptions.values():
            known = found["eventType"]
            if not found["active"] or known not in (event, f"object.{word}"):
                continue
            if known.startswith("object.") and found.get("objectTypeId") not in (None, TYPES[kind]):
                continue
            if found.get("propertyName") not in (None, name):
                continue
            message: dict[str, Any] = {
                "eventId": self.chance.getrandbits(40), "subscriptionId": int(found["id"]), "portalId": PORTAL,
                "appId": APP, "occurredAt": row.updated, "subscriptionType": known, "attemptNumber": 0,
                "objectId": int(row.id), "changeSource": source,
            }  # fmt: skip
            if known.startswith("object."):
                message["objectTypeId"] = TYPES[kind]
            if name:
                message |= {"propertyName": name, "propertyValue": value}
            if merged:
                message |= {"primaryObjectId": int(row.id), "mergedObjectIds": [int(i) for i in merged]}
            url = self.settings["targetUrl"]
            body = orjson.dumps([message])
            self.courier.send(Delivery(url, body, "application/json", self.signer(url), timeout=5.0))

    def signer(self, url: str) -> Callable[[bytes, int, bool], dict[str, str]]:
        """Signatures of versions 3 and 1 over the raw body."""

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            secret = "wrong" if wrong else self.grants.client_secret
            moment = str(int((self.told_time()) * 1000))
            text = b"POST" + url.encode() + body + moment.encode()
            three = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
            one = hashlib.sha256(secret.encode() + body).hexdigest()
            return {"X-HubSpot-Signature-v3": three, "X-HubSpot-Request-Timestamp": moment,
                    "X-HubSpot-Signature": one, "X-HubSpot-Signature-Version": "v1"}  # fmt: skip

        return sign

    # control -------------------------------------------------------------------------------------------------

    def page_mark(self, call: Call) -> str | None:
        """Lists go by `after`, searches by the one in the body."""
        if call.method == "GET" and re.fullmatch(
            r"/crm/(v3/objects|objects/[\d-]+(?:-beta)?)/\w+", call.path
        ):
            return call.arg("after")
        if call.path.endswith("/search"):
            return f"{call.json().get('after', '')} "
        return None

    def disturb(self, call: Call) -> None:
        """Somebody edits the oldest record, so that a list by change moves."""
        row = self.kind("contacts").first("state = 0")
        if row is not None:
            row.touch(self.clock.ms())
            self.kind("contacts").put(row)

    def view(self, kind: str, row: Row) -> Any:
        """A record with all its properties."""
        return self.shape(kind, row, list(row.body["properties"]))

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person in HubSpot's screens."""
        given = part.get("properties", part)
        properties = {name: "" if value is None else str(value) for name, value in given.items()}
        row = self.kind(kind).get(identifier)
        if row is None:
            row = self.put_new(kind, properties, identifier)
        else:
            row.state = LIVE
            row = self.write(kind, row, properties, "CRM_UI")
        return self.shape(kind, row, list(row.body["properties"]))

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Into the bin."""
        row = self.found(kind, identifier)
        if row is not None:
            self.put_away(kind, row)
        return row is not None

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New contacts."""
        if kind != "contacts":
            raise ValueError("only contacts can be made")
        made = []
        for _ in range(count):
            person = invent(self.chance)
            made.append(self.put_new(kind, {
                "firstname": person.first, "lastname": person.last, "email": person.email,
                "phone": international(person.phone), "date_of_birth": person.birthday, "lifecyclestage": "lead",
            }).id)  # fmt: skip
        return made

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """Merge two contacts."""
        one, two = self.found(kind, winner), self.found(kind, loser)
        if one is None or two is None:
            raise KeyError(winner if one is None else loser)
        return self.shape(kind, self.unite(kind, one, two), None)

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in HubSpot's form."""
        return {"firstname": first, "lastname": last}


def created_name(kind: str) -> str:
    """The property that tells when a record was made."""
    return "hs_createdate" if kind == "orders" else "createdate"


def modified_name(kind: str) -> str:
    """The property that tells when a record was last changed."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def definition(kind: str, name: str, type_: str, made: str) -> dict[str, Any]:
    """A property's description."""
    return {
        "name": name, "label": name.replace("_", " ").capitalize(), "type": type_, "fieldType": FIELD_TYPES[type_],
        "description": "", "groupName": f"{kind[:-1]}information", "options": [], "displayOrder": -1,
        "calculated": False, "externalOptions": False, "hasUniqueValue": False, "hidden": False,
        "hubspotDefined": False, "formField": True, "archived": False, "createdAt": made, "updatedAt": made,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
    }  # fmt: skip


def option(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """An option of an enumeration."""
    return base | {"label": str(given["label"]), "value": str(given["value"]), "hidden": bool(given.get("hidden")),
                   "displayOrder": int(given.get("displayOrder", -1)),
                   "description": str(given.get("description") or "")}  # fmt: skip


def group(name: str, label: str, order: int) -> dict[str, Any]:
    """A group of properties."""
    return {"name": name, "label": label, "displayOrder": order, "archived": False}


def listed(call: Call, name: str) -> list[str]:
    """A list in the query, by commas or by repetition."""
    return [word for text in call.query.get(name, []) for word in text.split(",") if word]


def numbered(path: str) -> str:
    """`/crm/objects/2026-03/contacts` as `/crm/v3/objects/contacts`, and so on."""
    path = re.sub(rf"^/crm/(objects|properties)/{DATED}/", r"/crm/v3/\1/", path)
    path = re.sub(rf"^/crm/associations/{DATED}/", "/crm/v4/associations/", path)
    path = re.sub(r"^/crm/v3/objects/(\w+)/(\w+)/associations/", r"/crm/v4/objects/\1/\2/associations/", path)
    path = re.sub(rf"^/(oauth|account-info)/{DATED}/", r"/\1/v3/", path)
    return re.sub(rf"^/webhooks/{DATED}/", "/webhooks/v3/", path)
