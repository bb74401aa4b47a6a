"""WooCommerce's own client (WooCommerce, wc/v3) on the sandbox; it signs with OAuth 1.0a where there is no TLS."""

import pytest
from woocommerce import API

VENDOR = "woocommerce"


def client_of(vendor, key, secret):
    return API(url=vendor.url, consumer_key=key, consumer_secret=secret, version="wc/v3", timeout=30)


@pytest.fixture
def shop(vendor):
    return client_of(vendor, vendor.credentials["consumer_key"], vendor.credentials["consumer_secret"])


def made(shop, email, **fields):
    answer = shop.post("customers", {"email": email, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refusal(answer):
    # The client raises nothing of its own: what is wrong stands in the answer.
    return answer.status_code, answer.json()["code"]


def test_every_customer_is_listed_page_by_page(vendor, shop):
    listed, pages, number = [], 1, 0
    while number < pages:
        number += 1
        answer = shop.get("customers", params={"per_page": 7, "page": number, "orderby": "id"})
        pages = int(answer.headers["X-WP-TotalPages"])
        listed += [customer["id"] for customer in answer.json()]
    kept = [int(record["id"]) for record in vendor.records("customers")]
    assert pages > 1
    assert listed == sorted(kept)


def test_a_customer_is_created_changed_and_read(vendor, shop):
    email = vendor.address()
    new = made(shop, email, first_name="Ana", billing={"phone": "+442071838750"})
    assert shop.put(f"customers/{new['id']}", {"last_name": "Lee"}).status_code == 200
    read = shop.get(f"customers/{new['id']}").json()
    assert (read["email"], read["first_name"], read["last_name"]) == (email, "Ana", "Lee")
    assert read["billing"]["phone"] == "+442071838750"


def test_a_customer_is_found_by_address(vendor, shop):
    email = vendor.address()
    new = made(shop, email)
    assert [one["id"] for one in shop.get("customers", params={"email": email}).json()] == [new["id"]]
    assert shop.get("customers", params={"email": vendor.address()}).json() == []


def test_a_batch_says_for_each_customer_what_became_of_it(vendor, shop):
    old = made(shop, vendor.address())
    new = {"email": vendor.address()}
    body = {"create": [new, {"email": "no address"}], "update": [{"id": old["id"], "first_name": "Ana"}]}
    said = shop.post("customers/batch", body).json()
    assert said["create"][0]["email"] == new["email"]
    assert said["create"][1]["error"]["code"] == "rest_invalid_param"
    assert said["update"][0]["first_name"] == "Ana"


def test_a_customer_is_deleted_for_good(vendor, shop):
    new = made(shop, vendor.address())
    assert shop.delete(f"customers/{new['id']}", params={"force": True}).status_code == 200
    assert refusal(shop.get(f"customers/{new['id']}")) == (404, "woocommerce_rest_invalid_id")


def test_orders_are_read_with_their_customer_and_total(shop):
    orders = shop.get("orders", params={"per_page": 5, "status": "completed"}).json()
    assert orders
    assert all(order["status"] == "completed" and float(order["total"]) >= 0 for order in orders)


def test_a_wrong_or_taken_address_is_refused(vendor, shop):
    email = vendor.address()
    made(shop, email)
    assert refusal(shop.post("customers", {"email": "no address"})) == (400, "rest_invalid_param")
    assert refusal(shop.post("customers", {"email": email})) == (400, "registration-error-email-exists")


@pytest.mark.parametrize("wrong", ["consumer_key", "consumer_secret"])
def test_a_wrong_key_or_secret_is_refused(vendor, wrong):
    given = {**vendor.credentials, wrong: "ck_wrong"}
    answer = client_of(vendor, given["consumer_key"], given["consumer_secret"]).get("customers")
    assert answer.status_code == 401
