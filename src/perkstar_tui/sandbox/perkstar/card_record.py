"""A card as it is kept: its serial, and the members of its balance by its type."""

import random
from typing import Any

import orjson

from ..clock import iso_s
from ..state import LIVE, Cell
from .company import COMPANY
from .earning import STAMPS_PER_REWARD, TYPES

EMPTY: dict[int, dict[str, Any]] = {
    0: {"numberStampsTotal": 0, "stampsBeforeReward": STAMPS_PER_REWARD, "numberRewardsUnused": 0,
        "currentNumberOfUses": 0},
    1: {"balance": 0, "bonusBalance": 0, "cashbackPercent": 5},
    2: {"currentNumberOfUses": 0, "bonusBalance": 0},
    3: {},
    4: {"discountPercentage": 10, "discountAmount": 0},
    5: {"balance": 0},
    6: {"currentNumberOfUses": 0},
    7: {"bonusBalance": 0, "numberRewardsUnused": 0},
}  # fmt: skip


def card_number(chance: random.Random) -> str:
    """A card's serial."""
    number = chance.randrange(10**12)
    return f"{number // 10**6:06d}-{number // 1000 % 1000:03d}-{number % 1000:03d}"


def card_cell(
    identifier: str,
    customer: str,
    template: int,
    kind: int,
    created: int,
    fields: dict[str, Any],
    seq: int | None = None,
) -> Cell:
    """A card as it is kept; the members of its balance are those of its type."""
    body = {
        "id": identifier,
        "companyId": COMPANY,
        "templateId": template,
        "customerId": customer,
        "type": TYPES[kind],
        "status": fields.get("status", "not_installed"),
        "balance": EMPTY[kind] | fields.get("balance", {}),
        "device": fields.get("device"),
        "installLink": f"https://perkstar.example/install/{identifier}",
        "shareLink": f"https://perkstar.example/share/{identifier}",
        "qrLink": f"https://perkstar.example/qr/{identifier}",
        "directInstallLink": {
            way: f"https://perkstar.example/{way}/{identifier}"
            for way in ("universal", "apple", "google", "pwa")
        },
        "customFields": [],
        "availableRewardTiers": [],
        "membershipTier": None,
        "customerSubscription": None,
        "couponRedeemed": False if kind == 3 else None,
        "firstVisitDiscount": None,
        "utmSource": None,
        "expiresAt": None,
        "createdAt": iso_s(created),
        "updatedAt": iso_s(created),
    }
    return (seq, identifier, None, None, customer, created, created, LIVE, orjson.dumps(body).decode())
