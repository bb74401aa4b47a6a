"""BigCommerce's own client (bigcommerce) on the sandbox: orders by its resources, customers by its connection to v3."""

import pytest
from bigcommerce.api import BigcommerceApi
from bigcommerce.connection import OAuthConnection
from bigcommerce.exception import ClientRequestException

VENDOR = "bigcommerce"


@pytest.fixture
def connection_of(vendor, as_plain_http):
    given = vendor.credentials

    def make(token):
        # Resources are those of v2; customers are written in v3, which the connection reaches by its path.
        made = OAuthConnection(
            given["client_id"], given["store_hash"], token, host=vendor.host, api_path="/stores/{}/v3/{}"
        )
        made._session.mount("https://", as_plain_http)
        return made

    return make


@pytest.fixture
def store(vendor, connection_of):
    return connection_of(vendor.credentials["access_token"])


@pytest.fixture
def orders(vendor, as_plain_http, monkeypatch):
    # The client's own setting for another host.
    monkeypatch.setenv("BC_API_ENDPOINT", vendor.host)
    given = vendor.credentials
    api = BigcommerceApi(
        client_id=given["client_id"], store_hash=given["store_hash"], access_token=given["access_token"]
    )
    api.connection._session.mount("https://", as_plain_http)
    return api.Orders


def made(store, email, **fields):
    body = {"email": email, "first_name": "Ana", "last_name": "Lee", **fields}
    return store.create("customers", [body])["data"][0]


def test_every_customer_is_listed_page_by_page(vendor, store):
    listed, number, pages = [], 0, 1
    while number < pages:
        number += 1
        page = store.get("customers", page=number, limit=7)
        pages = page["meta"]["pagination"]["total_pages"]
        listed += [customer["id"] for customer in page["data"]]
    assert pages > 1
    assert sorted(listed) == sorted(int(record["id"]) for record in vendor.records("customers"))


def test_a_customer_is_created_changed_and_found_by_address(vendor, store):
    email = vendor.address()
    new = made(store, email)
    store.put("customers", [{"id": new["id"], "first_name": "Bea"}])
    found = store.get("customers", **{"email:in": email})["data"]
    assert [(one["id"], one["first_name"], one["last_name"]) for one in found] == [(new["id"], "Bea", "Lee")]


def test_a_deleted_customer_is_gone(vendor, store):
    new = made(store, vendor.address())
    store.make_request("DELETE", "customers", params={"id:in": new["id"]})
    assert store.get("customers", **{"id:in": new["id"]})["data"] == []


def test_every_order_is_read_and_each_has_its_products(vendor, orders):
    listed = list(orders.iterall())
    assert sorted(order.id for order in listed) == sorted(int(r["id"]) for r in vendor.records("orders"))
    assert orders.get(listed[0].id).products()


def test_a_wrong_or_taken_address_is_refused(vendor, store):
    email = vendor.address()
    made(store, email)
    for wrong in ("no address", email):
        with pytest.raises(ClientRequestException) as problem:
            made(store, wrong)
        assert problem.value.status_code == 422


def test_a_wrong_token_is_refused(connection_of):
    with pytest.raises(ClientRequestException) as problem:
        connection_of("wrong").get("customers")
    assert problem.value.status_code == 401
