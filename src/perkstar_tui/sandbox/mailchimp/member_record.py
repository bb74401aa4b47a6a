"""A member as it is kept, and the id that its address gives it."""

import hashlib
import random
from typing import Any

import orjson

from ..clock import iso_s
from ..state import LIVE, Cell, normal_email, normal_phone
from .audience import LIST


def subscriber_hash(email: str) -> str:
    """The id of a member: MD5 of the address in lower case, as Mailchimp has it."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def member_cell(
    seq: int | None, created: int, updated: int, fields: dict[str, Any], chance: random.Random
) -> Cell:
    """A member as it is kept; `fields` are in Mailchimp's form and must hold an address."""
    email = str(fields["email_address"])
    merges: dict[str, Any] = {"FNAME": "", "LNAME": "", "ADDRESS": "", "PHONE": "", "BIRTHDAY": ""}
    merges.update(fields.get("merge_fields") or {})
    contact = f"{chance.getrandbits(128):032x}"
    status = fields.get("status", "subscribed")
    tags = fields.get("tags") or []
    body = {
        "id": subscriber_hash(email),
        "email_address": email,
        "unique_email_id": f"{chance.getrandbits(40):010x}",
        "contact_id": contact,
        "full_name": f"{merges['FNAME']} {merges['LNAME']}".strip(),
        "web_id": 500_000_000 + chance.getrandbits(28),
        "email_type": fields.get("email_type", "html"),
        "status": status,
        "consents_to_one_to_one_messaging": True,
        "sms_phone_number": "",
        "merge_fields": merges,
        "interests": fields.get("interests") or {},
        "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
        "ip_signup": "",
        "timestamp_signup": iso_s(created) if status == "subscribed" else "",
        "ip_opt": "",
        "timestamp_opt": iso_s(created),
        "member_rating": 2,
        "last_changed": iso_s(updated),
        "language": fields.get("language", ""),
        "vip": bool(fields.get("vip")),
        "email_client": "",
        "location": {
            "latitude": 0,
            "longitude": 0,
            "gmtoff": 0,
            "dstoff": 0,
            "country_code": "",
            "timezone": "",
        },
        "source": fields.get("source", "API - Generic"),
        "tags_count": len(tags),
        "tags": tags,
        "list_id": LIST,
    }
    # A timestamp that isn't known is left out rather than shown as an empty text, which is no date.
    if not body["timestamp_signup"]:
        del body["timestamp_signup"]
    return (
        seq, body["id"], normal_email(email), normal_phone(merges["PHONE"]), contact, created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip
