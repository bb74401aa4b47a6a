"""Shopify's own client (ShopifyAPI, the GraphQL Admin API) on the sandbox."""

import json
from urllib.error import HTTPError

import pytest
import shopify

VENDOR = "shopify"
SEARCH_DELAY_S = 60
"""After so long search knows what was written."""

LIST = """
query ($first: Int!, $after: String, $query: String) {
  customers(first: $first, after: $after, query: $query) {
    nodes { id firstName lastName defaultEmailAddress { emailAddress } }
    pageInfo { hasNextPage endCursor }
  }
}"""
CREATE = """
mutation ($input: CustomerInput!) {
  customerCreate(input: $input) { customer { id firstName } userErrors { field message } }
}"""
UPDATE = """
mutation ($input: CustomerInput!) {
  customerUpdate(input: $input) { customer { id firstName lastName } userErrors { field message } }
}"""
READ = "query ($id: ID!) { customer(id: $id) { firstName lastName defaultEmailAddress { emailAddress } } }"


@pytest.fixture
def opened(vendor, monkeypatch):
    # A shop's address is made of its name and what stands here; with these it is loopback.
    monkeypatch.setattr(shopify.Session, "protocol", "http")
    monkeypatch.setattr(shopify.Session, "myshopify_domain", "0.0.1")
    monkeypatch.setattr(shopify.Session, "port", int(vendor.host.rpartition(":")[2]))

    def make(token):
        shopify.ShopifyResource.activate_session(shopify.Session("127.0.0.1", "2026-04", token))
        return shopify.GraphQL()

    yield make
    shopify.ShopifyResource.clear_session()


@pytest.fixture
def shop(vendor, opened):
    return opened(vendor.credentials["access_token"])


def ask(shop, document, **variables):
    answer = json.loads(shop.execute(document, variables))
    assert "errors" not in answer, answer
    (result,) = answer["data"].values()
    return result


def made(shop, email, **fields):
    answer = ask(shop, CREATE, input={"email": email, **fields})
    assert answer["userErrors"] == []
    return answer["customer"]["id"]


def test_every_customer_is_listed_page_by_page(vendor, shop):
    listed, after, pages, more = [], None, 0, True
    while more:
        page = ask(shop, LIST, first=7, after=after)
        listed += [node["id"] for node in page["nodes"]]
        after, more, pages = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"], pages + 1
    assert pages > 1
    assert sorted(listed) == sorted(record["id"] for record in vendor.records("customers"))


def test_a_customer_is_created_changed_and_read(vendor, shop):
    email = vendor.address()
    identifier = made(shop, email, firstName="Ana")
    assert ask(shop, UPDATE, input={"id": identifier, "lastName": "Lee"})["userErrors"] == []
    read = ask(shop, READ, id=identifier)
    assert (read["firstName"], read["lastName"]) == ("Ana", "Lee")
    assert read["defaultEmailAddress"]["emailAddress"] == email


def test_a_customer_is_found_by_address(vendor, shop):
    email = vendor.address()
    identifier = made(shop, email)
    vendor.advance(SEARCH_DELAY_S)
    found = ask(shop, LIST, first=5, query=f"email:'{email}'")
    assert [node["id"] for node in found["nodes"]] == [identifier]


def test_a_wrong_or_taken_address_is_told_as_a_user_error(vendor, shop):
    email = vendor.address()
    made(shop, email)
    for wrong in ("no address", email):
        answer = ask(shop, CREATE, input={"email": wrong})
        assert answer["customer"] is None
        assert answer["userErrors"][0]["field"] == ["email"]


def test_a_field_that_is_not_there_is_an_error_of_the_query(shop):
    answer = json.loads(shop.execute("{ customers(first: 1) { nodes { shoeSize } } }"))
    assert "shoeSize" in answer["errors"][0]["message"]


def test_a_wrong_token_is_refused(opened):
    with pytest.raises(HTTPError) as problem:
        opened("wrong").execute("{ shop { name } }")
    assert problem.value.code == 401
