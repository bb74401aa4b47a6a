"""What the hub says of platforms before anything is connected, from their manifests."""

import pytest

from perkstar_tui.hub.helping import forms
from perkstar_tui.platforms.catalog import load_catalog


@pytest.mark.parametrize(
    ("platform", "form", "may"),
    [
        ("webhook", "endpoint", {"secret"}),
        ("webhook", "inbox", {"secret"}),
        ("square", "oauth", {"client_secret"}),
        ("xero", "oauth", {"client_secret", "tenant_id"}),
        ("hubspot", "oauth", set()),
        ("shopify", "oauth", set()),
        ("mailchimp", "api_key", set()),
    ],
)
def test_a_field_may_stay_empty_where_the_connection_does_without_it(platform, form, may):
    view = next(view for view in forms(load_catalog()[platform]) if view.id == form)
    assert {field.name for field in view.fields if field.optional} == may
