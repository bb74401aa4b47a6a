"""The merchant and the places of business."""

from typing import TYPE_CHECKING, Any

from .. import business
from ..clock import iso_utc
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .errors import not_found

if TYPE_CHECKING:
    from .vendor import Square

MERCHANT = "MLQ8TQ4XK0R7N"
LOCATIONS = ("L7HXK3VQ9D2MA", "LB4N8RZ1T6WYE", "LQ2C5J9P0G8SF")


class Locations(Resource):
    """Three shops of one merchant."""

    vendor: "Square"

    def __init__(self, vendor: "Square") -> None:
        super().__init__(vendor)
        made = iso_utc(vendor.started - business.AGE_MS)
        self.locations = [
            {"id": identifier, "name": name, "timezone": business.TIMEZONE, "status": "ACTIVE", "created_at": made,
             "address": {"address_line_1": line, "locality": town, "postal_code": code, "country": business.COUNTRY},
             "capabilities": ["CREDIT_CARD_PROCESSING"], "merchant_id": MERCHANT, "country": business.COUNTRY,
             "language_code": "en-GB", "currency": business.CURRENCY, "business_name": business.NAME,
             "type": "PHYSICAL"}
            for identifier, name, line, town, code in zip(
                LOCATIONS, ("Harbourside", "Old Market", "Station kiosk"),
                (business.STREET, "3 Old Market Street", "Temple Meads"), (business.TOWN,) * 3,
                (business.POSTCODE, "BS2 0EJ", "BS1 6QF"), strict=True)
        ]  # fmt: skip
        self.merchant = {"id": MERCHANT, "business_name": business.NAME, "country": business.COUNTRY,
                         "language_code": "en-GB", "currency": business.CURRENCY, "status": "ACTIVE",
                         "main_location_id": LOCATIONS[0], "created_at": made}  # fmt: skip

    def route(self, routes: Routes) -> None:
        """The paths of `/v2/locations` and `/v2/merchants`."""
        routes.add("GET", "/v2/locations", lambda call: reply({"locations": self.locations}))
        routes.add("GET", "/v2/locations/{id}", self.retrieve)
        routes.add("GET", "/v2/merchants", lambda call: reply({"merchant": [self.merchant]}))
        routes.add("GET", "/v2/merchants/{id}", self.retrieve_merchant)

    def found(self, identifier: object) -> dict[str, Any]:
        """A place of business, else 404."""
        for found in self.locations:
            if found["id"] == identifier or (identifier == "main" and found["id"] == LOCATIONS[0]):
                return found
        raise not_found(f"Location `{identifier}` not found.", "location_id")

    def retrieve(self, call: Call) -> Answer:
        """One place of business."""
        return reply({"location": self.found(call.params["id"])})

    def retrieve_merchant(self, call: Call) -> Answer:
        """The merchant."""
        if call.params["id"] not in ("me", MERCHANT):
            raise not_found("Merchant not found.")
        return reply({"merchant": self.merchant})
