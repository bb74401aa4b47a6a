"""Dated paths (`/crm/objects/2026-03/...`) as the numbered ones (`/crm/v3/...`) that the handlers are known by."""

import re

DATED = r"20\d\d-(?:03|09)(?:-beta)?"
LIST = re.compile(r"/crm/(v3/objects|objects/[\d-]+(?:-beta)?)/\w+")
"""The path of a list of CRM objects, numbered or dated."""


def numbered(path: str) -> str:
    """`/crm/objects/2026-03/contacts` as `/crm/v3/objects/contacts`, and so on."""
    if not path.startswith(("/crm/", "/oauth/20", "/account-info/", "/webhooks/")):
        return path
    path = re.sub(rf"^/crm/(objects|properties)/{DATED}/", r"/crm/v3/\1/", path)
    path = re.sub(rf"^/crm/associations/{DATED}/", "/crm/v4/associations/", path)
    path = re.sub(r"^/crm/v3/objects/(\w+)/(\w+)/associations/", r"/crm/v4/objects/\1/\2/associations/", path)
    path = re.sub(rf"^/(oauth|account-info)/{DATED}/", r"/\1/v3/", path)
    return re.sub(rf"^/webhooks/{DATED}/", "/webhooks/v3/", path)
