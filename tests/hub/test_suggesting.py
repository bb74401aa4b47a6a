"""Suggestions for the mapping, by names alone."""

from perkstar_tui.hub.suggesting import suggest
from perkstar_tui.model.enums import Write
from perkstar_tui.model.remote import RemoteField

FIELDS = [
    RemoteField("properties.dateOfBirth", "Date of birth", "date"),
    RemoteField("properties.zip_code", "ZIP", "text"),
    RemoteField("properties.favourite_colour", "Favourite colour", "text"),
    RemoteField("properties.last_name", "Surname", "text", write=Write.NEVER),
    RemoteField("properties.city", "City", "text"),
]


def test_fields_that_sound_alike_are_suggested_with_a_fitting_transform():
    lines = {line.hub: line for line in suggest(FIELDS, {"email"}, set())}
    assert (lines["birth_date"].remote, lines["birth_date"].transform) == (
        "properties.dateOfBirth",
        "date_iso",
    )
    assert lines["postcode"].remote == "properties.zip_code"


def test_nothing_is_suggested_twice_for_what_is_mapped_or_cannot_be_written():
    lines = suggest(FIELDS, {"city"}, {"properties.zip_code"})
    assert not {line.remote for line in lines} & {
        "properties.zip_code",
        "properties.city",
        "properties.last_name",
    }
    assert "properties.favourite_colour" not in {line.remote for line in lines}
