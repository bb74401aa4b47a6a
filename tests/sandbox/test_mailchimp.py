"""Mailchimp as the sandbox plays it."""

import base64
import hashlib
import hmac
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

LIST = "a1b2c3d4e5"
MEMBERS = f"/3.0/lists/{LIST}/members"


def member(box, email="ada@gmail.com", **more):
    return box.call("mailchimp", "POST", MEMBERS, {"email_address": email, "status": "subscribed"} | more)


def hashed(email):
    return hashlib.md5(email.lower().encode()).hexdigest()


def test_the_key_goes_as_basic_or_bearer_and_a_wrong_one_is_a_problem(box):
    key = box.line["platforms"]["mailchimp"]["credentials"]["api_key"]
    basic = base64.b64encode(f"anyone:{key}".encode()).decode()
    answer = box.call("mailchimp", "GET", "/3.0/ping", headers={"Authorization": f"Basic {basic}"})
    assert answer.json() == {"health_status": "Everything's Chimpy!"}
    refused = box.call("mailchimp", "GET", "/3.0/ping", headers={"Authorization": "Bearer no"})
    assert refused.status_code == 401 and refused.json()["title"] == "API Key Invalid"
    assert refused.headers["content-type"].startswith("application/problem+json")


def test_pages_by_count_and_offset_with_only_the_fields_asked_for(box):
    seen = []
    for offset in (0, 25, 50):
        path = f"{MEMBERS}?count=25&offset={offset}&fields=members.id,total_items"
        page = box.call("mailchimp", "GET", path).json()
        assert page["total_items"] == 60 and set(page) == {"members", "total_items"}
        assert all(set(item) == {"id"} for item in page["members"])
        seen += [item["id"] for item in page["members"]]
    assert len(seen) == len(set(seen)) == 60
    assert box.call("mailchimp", "GET", f"{MEMBERS}?count=1001").status_code == 400
    assert (
        "merge_fields"
        not in box.call("mailchimp", "GET", f"{MEMBERS}?exclude_fields=members.merge_fields").json()[
            "members"
        ][0]
    )


@pytest.mark.parametrize("way", ["hash", "email", "contact_id"])
def test_a_member_is_found_by_hash_address_and_contact_id(box, way):
    made = member(box, "Ada@Gmail.com").json()
    name = {"hash": hashed("ada@gmail.com"), "email": "ADA@gmail.com", "contact_id": made["contact_id"]}[way]
    assert (
        box.call("mailchimp", "GET", f"{MEMBERS}/{name}").json()["id"]
        == made["id"]
        == hashed("ada@gmail.com")
    )


def test_a_second_member_with_an_address_is_refused_and_put_changes_the_first(box):
    member(box)
    again = member(box)
    assert (again.status_code, again.json()["title"]) == (400, "Member Exists")
    body = {"email_address": "ada@gmail.com", "status_if_new": "pending", "merge_fields": {"FNAME": "Ada"}}
    put = box.call("mailchimp", "PUT", f"{MEMBERS}/{hashed('ada@gmail.com')}", body).json()
    assert (put["status"], put["full_name"]) == ("subscribed", "Ada")
    new = box.call(
        "mailchimp", "PUT", f"{MEMBERS}/{hashed('b@gmail.com')}", body | {"email_address": "b@gmail.com"}
    )
    assert new.json()["status"] == "pending"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email_address": "nobody"}, "email_address"),
        ({"merge_fields": {"BIRTHDAY": "1990-05-14"}}, "BIRTHDAY"),
        ({"merge_fields": {"ADDRESS": {"addr1": "x"}}}, "ADDRESS"),
        ({"status": "sleeping"}, "status"),
    ],
)
def test_a_wrong_value_is_named_by_field(box, given, field):
    answer = box.call(
        "mailchimp", "POST", MEMBERS, {"email_address": "x@gmail.com", "status": "subscribed"} | given
    )
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")
    assert answer.json()["errors"][0]["field"] == field


def test_invented_addresses_are_refused_and_those_of_the_seed_are_not(box):
    assert "fake" in member(box, "ada@example.com").json()["detail"]
    for item in box.records("mailchimp", "members")[:20]:
        again = box.call(
            "mailchimp", "POST", MEMBERS, {"email_address": item["email_address"], "status": "subscribed"}
        )
        assert again.json()["title"] == "Member Exists"


def test_who_left_does_not_come_back_by_our_word(box):
    member(box)
    path = f"{MEMBERS}/{hashed('ada@gmail.com')}"
    assert box.call("mailchimp", "PATCH", path, {"status": "unsubscribed"}).json()["status"] == "unsubscribed"
    back = box.call("mailchimp", "PATCH", path, {"status": "subscribed"})
    assert (back.status_code, back.json()["title"]) == (400, "Member In Compliance State")
    assert box.call("mailchimp", "PATCH", path, {"status": "pending"}).json()["status"] == "pending"
    box.control("PUT", f"/mailchimp/records/members/{hashed('ada@gmail.com')}", {"status": "subscribed"})
    assert box.call("mailchimp", "GET", path).json()["status"] == "subscribed"


def test_a_changed_address_gives_a_new_id_and_keeps_the_contact(box):
    made = member(box).json()
    changed = box.call(
        "mailchimp", "PATCH", f"{MEMBERS}/{made['id']}", {"email_address": "new@gmail.com"}
    ).json()
    assert changed["id"] == hashed("new@gmail.com") and changed["contact_id"] == made["contact_id"]
    assert box.call("mailchimp", "GET", f"{MEMBERS}/{made['id']}").status_code == 404


def test_archived_members_are_asked_for_by_name_and_erased_ones_never_return(box):
    made = member(box).json()
    assert box.call("mailchimp", "DELETE", f"{MEMBERS}/{made['id']}").status_code == 204
    assert box.call("mailchimp", "GET", f"{MEMBERS}/{made['id']}").json()["status"] == "archived"
    assert box.call("mailchimp", "GET", MEMBERS).json()["total_items"] == 60
    archived = box.call("mailchimp", "GET", f"{MEMBERS}?status=archived").json()["members"]
    assert [item["id"] for item in archived] == [made["id"]]
    assert member(box).json()["contact_id"] == made["contact_id"]
    path = f"{MEMBERS}/{made['id']}/actions/delete-permanent"
    assert box.call("mailchimp", "POST", path).status_code == 204
    assert member(box).json()["title"] == "Forgotten Email Not Subscribed"


def test_a_batch_makes_changes_and_names_the_refused(box):
    member(box)
    entries = [{"email_address": "ada@gmail.com", "status": "subscribed", "merge_fields": {"FNAME": "Ada"}},
               {"email_address": "new@gmail.com", "status": "subscribed"},
               {"email_address": "x@example.com", "status": "subscribed"}]  # fmt: skip
    body = {"members": entries, "update_existing": True}
    answer = box.call("mailchimp", "POST", f"/3.0/lists/{LIST}", body).json()
    assert (answer["total_created"], answer["total_updated"], answer["error_count"]) == (1, 1, 1)
    assert answer["errors"][0]["email_address"] == "x@example.com"
    kept = box.call("mailchimp", "POST", f"/3.0/lists/{LIST}", {"members": entries[:1]}).json()
    assert kept["errors"][0]["error_code"] == "ERROR_CONTACT_EXISTS"
    assert box.call("mailchimp", "POST", f"/3.0/lists/{LIST}", {"members": [{}] * 501}).status_code == 400


def test_changes_since_a_moment_in_order(box):
    box.control("POST", "/clock", {"advance_s": 100})
    now = box.control("GET", "/clock")["now"]
    moment = f"{int(now)}"
    for name in ("c", "a", "b"):
        member(box, f"{name}@gmail.com")
        box.control("POST", "/clock", {"advance_s": 2})
    path = f"{MEMBERS}?since_last_changed={moment}000&sort_field=last_changed&sort_dir=ASC"
    found = box.call("mailchimp", "GET", path).json()["members"]
    assert [item["email_address"][0] for item in found] == ["c", "a", "b"]
    box.call("mailchimp", "PATCH", f"{MEMBERS}/{found[0]['id']}", {"merge_fields": {"FNAME": ""}})
    assert box.call("mailchimp", "GET", path).json()["members"] == found


def test_a_new_merge_field_shows_at_every_member(box):
    made = box.call(
        "mailchimp", "POST", f"/3.0/lists/{LIST}/merge-fields", {"name": "Points", "type": "number"}
    ).json()
    assert made["tag"] == "POINTS"
    again = box.call(
        "mailchimp", "POST", f"/3.0/lists/{LIST}/merge-fields", {"name": "Points", "type": "number"}
    )
    assert again.status_code == 400
    assert all("POINTS" in m["merge_fields"] for m in box.call("mailchimp", "GET", MEMBERS).json()["members"])
    wrong = member(box, merge_fields={"POINTS": "many"})
    assert wrong.json()["errors"][0]["field"] == "POINTS"
    assert member(box, merge_fields={"POINTS": "12"}).json()["merge_fields"]["POINTS"] == 12


def test_tags_come_and_go(box):
    made = member(box, tags=["Regular"]).json()
    path = f"{MEMBERS}/{made['id']}/tags"
    body = {"tags": [{"name": "Gold", "status": "active"}, {"name": "Regular", "status": "inactive"}]}
    assert box.call("mailchimp", "POST", path, body).status_code == 204
    assert [tag["name"] for tag in box.call("mailchimp", "GET", path).json()["tags"]] == ["Gold"]


def test_search_finds_exactly_and_in_parts(box):
    member(box, "ada.lovelace@gmail.com", merge_fields={"LNAME": "Lovelace"})
    exact = box.call("mailchimp", "GET", "/3.0/search-members?query=ada.lovelace@gmail.com").json()
    assert exact["exact_matches"]["total_items"] == 1
    part = box.call("mailchimp", "GET", "/3.0/search-members?query=lovelace").json()
    assert (part["exact_matches"]["total_items"], part["full_search"]["total_items"]) == (0, 1)


def test_an_eleventh_connection_is_one_too_many(strict_box):
    # Each answer is held for longer than it takes to ask for all of them, so that they are there at once.
    slow = {"rules": [{"effect": "slow", "seconds": 2.0}]}
    strict_box.control("POST", "/mailchimp/faults", slow)
    with ThreadPoolExecutor(11) as pool:
        calls = [pool.submit(strict_box.call, "mailchimp", "GET", "/3.0/ping") for _ in range(11)]
        statuses = {call.result().status_code for call in calls}
    strict_box.control("POST", "/mailchimp/faults", {"rules": []})
    assert statuses == {200, 429}
    assert strict_box.call("mailchimp", "GET", "/3.0/ping").status_code == 200


def test_a_webhook_needs_an_address_that_answers_and_hears_only_its_sources(box, ear):
    hooks = f"/3.0/lists/{LIST}/webhooks"
    body = {"url": ear.url.replace("hook", "missing"), "events": {"profile": True}, "sources": {"user": True}}
    assert box.call("mailchimp", "POST", hooks, body).status_code == 400
    hook = box.call("mailchimp", "POST", hooks, body | {"url": ear.url}).json()
    assert "signing_secret" not in box.call("mailchimp", "GET", f"{hooks}/{hook['id']}").json()
    made = member(box).json()
    box.call("mailchimp", "PATCH", f"{MEMBERS}/{made['id']}", {"merge_fields": {"FNAME": "Ours"}})
    box.control("PUT", f"/mailchimp/records/members/{made['id']}", {"merge_fields": {"FNAME": "Theirs"}})
    headers, raw = ear.next()
    form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
    assert (form["type"], form["data[email]"], form["data[merges][FNAME]"]) == (
        "profile",
        "ada@gmail.com",
        "Theirs",
    )
    moment, digest = (part.partition("=")[2] for part in headers["x-mailchimp-signature"].split(","))
    text = f"{moment}.".encode() + raw
    assert digest == hmac.new(hook["signing_secret"].encode(), text, hashlib.sha256).hexdigest()
    assert box.call("mailchimp", "DELETE", f"{hooks}/{hook['id']}").status_code == 204


def test_a_batch_of_operations_leaves_its_answers_in_an_archive(box):
    operations = [
        {"method": "POST", "path": f"/lists/{LIST}/members", "operation_id": "one",
         "body": json.dumps({"email_address": "ada@gmail.com", "status": "subscribed"})},
        {"method": "GET", "path": f"/lists/{LIST}/members/none@gmail.com", "operation_id": "two"},
    ]  # fmt: skip
    started = box.call("mailchimp", "POST", "/3.0/batches", {"operations": operations}).json()
    done = box.call("mailchimp", "GET", f"/3.0/batches/{started['id']}").json()
    assert (done["status"], done["finished_operations"], done["errored_operations"]) == ("finished", 2, 1)
    packed = box.http.get(done["response_body_url"]).content
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        answers = json.loads(archive.extractfile(archive.getmembers()[0]).read())
    assert [(item["operation_id"], item["status_code"]) for item in answers] == [("one", 200), ("two", 404)]


def test_a_shop_takes_orders_of_known_products(box):
    def post(path, **body):
        return box.call("mailchimp", "POST", f"/3.0/ecommerce/stores{path}", body)

    assert post("", id="s", list_id=LIST, name="Shop", currency_code="GBP").status_code == 200
    order = {"id": "o", "customer": {"id": "c"}, "currency_code": "GBP", "order_total": 3.4,
             "lines": [{"id": "1", "product_id": "p", "product_variant_id": "p", "quantity": 1,
                        "price": 3.4}]}  # fmt: skip
    assert post("/s/orders", **order).status_code == 400
    assert (
        post("/s/products", id="p", title="Flat white", variants=[{"id": "p", "title": "x"}]).status_code
        == 200
    )
    assert post("/s/orders", **order).status_code == 200
    assert post("/s/orders", **order).status_code == 400
    assert box.call("mailchimp", "GET", "/3.0/ecommerce/orders").json()["total_items"] == 1
