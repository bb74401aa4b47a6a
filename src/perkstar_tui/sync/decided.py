"""What a person has decided about single records, as the engine reads it on their links.

A link that bears one of these codes is no longer compared, matched or sent, whatever becomes of either side, until
the decision is taken back (hub/queue.py).
"""

from typing import Any

LEFT_OUT = "left_out_by_hand"
"""The code of a record or customer that a person keeps out of an integration for good."""

SECOND = "second_record"
"""The code of a second record of a linked customer at the same platform that may stay: its sales are the customer's."""

BY_HAND = (LEFT_OUT, SECOND)


def by_hand(link: Any) -> bool:
    """Whether a person has taken a link's record out of the sync."""
    return link is not None and link.code in BY_HAND
