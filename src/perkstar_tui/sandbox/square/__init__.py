"""Square: customers with custom attributes and groups, orders, payments, refunds, OAuth and signed webhooks."""

from .vendor import Square

__all__ = ["Square"]
