"""Perkstar's cloud: customers, wallet cards, operations that earn and redeem, and webhooks."""

from .vendor import Perkstar

__all__ = ["Perkstar"]
