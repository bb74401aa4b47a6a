"""Manifests that people write: what is wrong is named with its line and a remedy."""

import pytest
from till import MANIFEST

from perkstar_tui.platforms.authored import read_manifest
from perkstar_tui.platforms.catalog import load_catalog

GOOD = MANIFEST.read_text()


def complaints(text: str) -> list[tuple[str, str]]:
    """Each complaint with the line that it blames."""
    lines = ["", *text.splitlines()]
    _, found = read_manifest(text)
    assert all(one.message and one.remedy for one in found)
    return [(lines[one.line].strip(), one.message) for one in found]


def test_a_good_manifest_gives_no_complaint() -> None:
    manifest, found = read_manifest(GOOD)
    assert manifest is not None and manifest.name == "my-till"
    assert found == []


@pytest.mark.parametrize("name", sorted(n for n, m in load_catalog(drafts=True).items() if m.identify))
def test_the_catalogs_own_manifests_pass_what_is_asked_of_an_admins(name: str) -> None:
    from perkstar_tui.platforms.catalog import FOLDER

    _, found = read_manifest((FOLDER / f"{name}.toml").read_text())
    assert [(one.place, one.message) for one in found] == []


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('title = "My till"\n', "", "", "'title' is missing"),
        ('title = "My till"', "title = 5", "title = 5", "valid string"),
        ('title = "My till"', 'title = "My till', 'title = "My till', "no TOML"),
        ("page_size = 50", 'page_size = "many"', 'page_size = "many"', "valid integer"),
        ("page_size = 50", "page_sise = 50", "page_sise = 50", "no 'page_sise' here"),
        ('type = "api_key_header"', 'type = "magic"', 'type = "magic"', "Input should be"),
        ('header = "X-Key"\n', "", "[[auth]]", "names no header"),
        ('"http://127.0.0.1:{port}"', '"http://till.example"', 'base_url = "http://till.example"', "not https"),
        ("{port}", "{harbour}", 'base_url = "http://127.0.0.1:{harbour}"', "no member of the credential"),
        ('"/people/{id}" }\n\n[data.customers.find', '"/people/{ident}" }\n\n[data.customers.find',
         'one = { path = "/people/{ident}" }', "filled by nothing"),
        ('update = { method = "PATCH", path = "/people/{id}", json_body = "{record}", repeatable = true }\n', "",
         "[data.customers.write]", "how a record is changed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: str, says: str) -> None:
    assert old in GOOD
    found = complaints(GOOD.replace(old, new))
    assert any(blamed == line and says in message for blamed, message in found), found


def test_a_part_that_is_promised_and_not_described_is_named() -> None:
    start = GOOD.index("[data.customers.write]")
    assert ("[data.customers]", "[data.customers.write] is missing.") in complaints(GOOD[:start])


def test_what_a_check_needs_and_nobody_gives_is_named() -> None:
    from perkstar_tui.platforms.catalog import FOLDER

    text = (FOLDER / "google-analytics.toml").read_text().replace('name = "property_id"', 'name = "property"')
    said = [one.message for one in read_manifest(text)[1]]
    assert said == ["It needs property_id, which nobody gives.", "{property_id} is filled by nothing."]


def test_a_field_in_a_list_of_many_lines_is_found_on_its_own_line() -> None:
    wrong = GOOD.replace('label = "E-mail", type', 'label = "E-mail", kind')
    [(line, message)] = complaints(wrong)
    assert line.startswith('{ hub = "email"') and "'kind'" in message


FIFTEEN = (
    # what stood there, what stands there instead, what is said of it
    ('title = "My till"', "title = 5", "title", "valid string"),
    ('category = "Custom"', 'category = "Custom"\nkolour = "red"', "kolour", "no 'kolour' here"),
    ('"http://127.0.0.1:{port}"', '"http://till.example/{harbour}"', "base_url", "not https"),
    ("", "", "base_url", "{harbour} is no member of the credential"),
    ('header = "X-Key"\n', "", "auth.0", "names no header"),
    ('secret = false', 'secret = "perhaps"', "auth.0.fields.1.secret", "valid boolean"),
    ('id = "shop"\n', "", "identify.id", "'id' is missing"),
    ('field_name = ["field"]', 'field_name = 7', "error_body.field_name", "valid tuple"),
    ("page_size = 50", 'page_size = "many"', "data.customers.page_size", "valid integer"),
    ('twins = "allowed"', 'twins = "sometimes"', "data.customers.twins", "Input should be"),
    ('label = "E-mail", type', 'label = "E-mail", kind', "data.customers.fields.1.kind", "no 'kind' here"),
    ('changed_form = "s"', 'changed_form = "moonphase"', "data.customers.record.changed_form", "Input should be"),
    ('since = "s"', 'sinse = "s"', "data.customers.read.sinse", "no 'sinse' here"),
    ('one = { path = "/people/{id}" }', 'one = { path = "/people/{ident}" }', "data.customers.fetch.one",
     "filled by nothing"),
    ('update = { method = "PATCH", path = "/people/{id}", json_body = "{record}", repeatable = true }', "",
     "data.customers.write", "how a record is changed"),
)  # fmt: skip


def test_fifteen_mistakes_in_one_file_give_fifteen_errors_each_with_line_thing_and_remedy() -> None:
    text = GOOD
    for old, new, _, _ in FIFTEEN:
        assert old in text
        text = text.replace(old, new, 1) if old else text
    lines = ["", *text.splitlines()]
    manifest, found = read_manifest(text)
    assert manifest is None
    said = {(one.place, one.message) for one in found}
    for _, _, place, words in FIFTEEN:
        assert any(at == place and words in message for at, message in said), (place, words, sorted(said))
    assert len(found) == len(said) == len(FIFTEEN) == 15
    for one in found:
        # The thing stands on the line, or is missing from the part that begins there.
        thing = one.place.rpartition(".")[2]
        part = one.place.split(".")[-2:]
        assert one.line and one.remedy and any(name in lines[one.line] for name in (thing, *part)), one
    assert [one.line for one in found] == sorted(one.line for one in found)
