"""Mailchimp's Marketing API: one audience, its members, merge fields, tags, webhooks, batches and shops."""

from .vendor import Mailchimp

__all__ = ["Mailchimp"]
