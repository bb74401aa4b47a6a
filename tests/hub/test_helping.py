"""What the hub says of platforms before anything is connected, from their manifests."""

import pytest

from perkstar_tui.hub.helping import forms
from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
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


@pytest.fixture
def hub(tmp_path):
    made = Hub(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file"))
    made.attach_local("Bean & Leaf")
    yield made
    made.close()


def test_the_catalog_has_every_option_of_a_platform(hub):
    xero = next(item for item in hub.catalog() if item.name == "xero")
    options = {option.name: option for option in xero.options}
    assert options["books"].choices == ("yes", "no") and options["books"].default == "no"
    assert options["point_value"].number and "In your currency" in options["point_value"].help
    assert options["webhook_key"].secret
