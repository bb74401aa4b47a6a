"""The one audience, with its figures."""

from typing import TYPE_CHECKING, Any

from .. import business
from ..clock import iso_s
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp

LIST = "a1b2c3d4e5"


class Audience(Resource):
    """What is told of the audience itself."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        made = iso_s(vendor.started - business.AGE_MS)
        self.told: dict[str, Any] = {
            "id": LIST, "web_id": 81_337, "name": business.NAME, "permission_reminder": "You signed up in our shop.",
            "contact": {"company": business.NAME, "address1": business.STREET, "address2": "", "city": business.TOWN,
                        "state": "", "zip": business.POSTCODE, "country": business.COUNTRY, "phone": ""},
            "use_archive_bar": True, "notify_on_subscribe": "", "notify_on_unsubscribe": "", "date_created": made,
            "campaign_defaults": {"from_name": business.NAME, "from_email": business.EMAIL, "subject": "",
                                  "language": "en"},
            "list_rating": 3, "email_type_option": False, "subscribe_url_short": "", "subscribe_url_long": "",
            "beamer_address": "", "visibility": "prv", "double_optin": False, "has_welcome": False,
            "marketing_permissions": False, "modules": [],
        }  # fmt: skip

    def route(self, routes: Routes) -> None:
        """The paths of `/lists`."""
        routes.add("GET", "/lists", self.listed)
        routes.add("GET", "/lists/{list}", lambda call: trimmed(call, self.shown()))
        routes.add("PATCH", "/lists/{list}", self.update)

    def listed(self, call: Call) -> Answer:
        """Every audience."""
        return trimmed(call, {"lists": [self.shown()], "total_items": 1})

    def shown(self) -> dict[str, Any]:
        """The audience with its figures."""
        count = self.kind("members").count
        by_status = "state = 0 AND json_extract(body, '$.status') = ?"
        stats = {
            "member_count": count(by_status, ("subscribed",)),
            "total_contacts": count(),
            "unsubscribe_count": count(by_status, ("unsubscribed",)),
            "cleaned_count": count(by_status, ("cleaned",)),
            "merge_field_count": len(self.vendor.merge_fields.known),
            "avg_sub_rate": 0,
            "avg_unsub_rate": 0,
            "target_sub_rate": 0,
            "open_rate": 0,
            "click_rate": 0,
            "campaign_count": 0,
        }
        return self.told | {"stats": stats}

    def update(self, call: Call) -> Answer:
        """Change the audience."""
        given = call.json()
        for name in ("name", "permission_reminder", "contact", "campaign_defaults", "double_optin"):
            if name in given:
                self.told[name] = given[name]
        return reply(self.shown())
