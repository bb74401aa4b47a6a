"""Square's own client (squareup) on the sandbox."""

import uuid

import pytest
from square import Square
from square.core.api_error import ApiError

VENDOR = "square"
SEARCH_DELAY_S = 60
"""After so long search knows what was written."""


@pytest.fixture
def square(vendor):
    return Square(token=vendor.credentials["access_token"], base_url=vendor.url)


def made(square, email, **fields):
    answer = square.customers.create(idempotency_key=str(uuid.uuid4()), email_address=email, **fields)
    return answer.customer


def refusal(problem):
    error = problem.value.errors[0]
    return problem.value.status_code, error.category, error.code


def test_every_customer_is_listed_page_by_page(vendor, square):
    first = square.customers.list(limit=7)
    assert len(first.items) == 7
    assert first.has_next
    listed = [customer.id for customer in square.customers.list(limit=7)]
    kept = [record["id"] for record in vendor.records("customers")]
    assert sorted(listed) == sorted(kept)


def test_a_customer_is_created_changed_and_read(vendor, square):
    email = vendor.address()
    new = made(square, email, given_name="Ana", phone_number="+442071838750")
    square.customers.update(new.id, family_name="Lee", version=new.version)
    read = square.customers.get(new.id).customer
    assert (read.given_name, read.family_name, read.email_address) == ("Ana", "Lee", email)
    assert read.version == new.version + 1


def test_a_customer_is_found_by_address(vendor, square):
    email = vendor.address()
    new = made(square, email, given_name="Ana")
    vendor.advance(SEARCH_DELAY_S)
    answer = square.customers.search(query={"filter": {"email_address": {"exact": email}}})
    assert [customer.id for customer in answer.customers] == [new.id]


def test_what_changed_is_found_by_its_time(vendor, square):
    new = made(square, vendor.address())
    window = {"start_at": new.updated_at, "end_at": "2099-01-01T00:00:00Z"}
    vendor.advance(SEARCH_DELAY_S)
    answer = square.customers.search(
        query={"filter": {"updated_at": window}, "sort": {"field": "CREATED_AT", "order": "ASC"}}
    )
    assert new.id in [customer.id for customer in answer.customers]


def test_the_same_key_twice_makes_one_customer(vendor, square):
    key, email = str(uuid.uuid4()), vendor.address()
    first = square.customers.create(idempotency_key=key, email_address=email)
    second = square.customers.create(idempotency_key=key, email_address=email)
    assert first.customer.id == second.customer.id


def test_several_customers_are_created_at_once(vendor, square):
    wanted = {str(uuid.uuid4()): {"email_address": vendor.address()} for _ in range(3)}
    answer = square.customers.batch_create(customers=wanted)
    assert set(answer.responses) == set(wanted)
    for key, body in wanted.items():
        assert answer.responses[key].customer.email_address == body["email_address"]


def test_a_deleted_customer_is_gone(vendor, square):
    new = made(square, vendor.address())
    square.customers.delete(new.id)
    with pytest.raises(ApiError) as problem:
        square.customers.get(new.id)
    assert refusal(problem) == (404, "INVALID_REQUEST_ERROR", "NOT_FOUND")


def test_the_orders_of_the_place_are_read_with_their_money(vendor, square):
    place = square.locations.list().locations[0]
    assert place.id == vendor.credentials["location_id"]
    orders = square.orders.search(location_ids=[place.id], limit=5).orders
    assert orders
    assert all(order.location_id == place.id and order.total_money.amount is not None for order in orders)


def test_a_customer_without_a_name_or_address_is_refused(square):
    with pytest.raises(ApiError) as problem:
        square.customers.create(idempotency_key=str(uuid.uuid4()))
    assert refusal(problem)[:2] == (400, "INVALID_REQUEST_ERROR")


def test_a_wrong_address_is_refused(square):
    with pytest.raises(ApiError) as problem:
        made(square, "no address")
    assert refusal(problem) == (400, "INVALID_REQUEST_ERROR", "INVALID_EMAIL_ADDRESS")


def test_an_older_version_is_a_conflict(vendor, square):
    new = made(square, vendor.address())
    square.customers.update(new.id, given_name="Ana", version=new.version)
    with pytest.raises(ApiError) as problem:
        # The client would otherwise try a conflict again, each time after a pause.
        square.customers.update(
            new.id, given_name="Bea", version=new.version, request_options={"max_retries": 0}
        )
    assert refusal(problem) == (409, "INVALID_REQUEST_ERROR", "CONFLICT")


def test_a_wrong_token_is_refused(vendor):
    with pytest.raises(ApiError) as problem:
        Square(token="wrong", base_url=vendor.url).customers.list()
    assert refusal(problem) == (401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")
