"""HubSpot: contacts and other CRM objects, properties, associations, OAuth and app-wide webhooks."""

from .vendor import HubSpot

__all__ = ["HubSpot"]
