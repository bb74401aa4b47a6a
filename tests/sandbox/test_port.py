"""HTTP at the sandbox's ports, spoken by hand."""

import json
import socket

import pytest


def talk(box, *pieces, until=b""):
    """Send pieces to Perkstar's port and read until the other side is silent or says `until`."""
    host, port = box.base("perkstar").removeprefix("http://").split(":")
    key = box.line["perkstar"]["api_key"].encode()
    heard = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece.replace(b"KEY", key))
        while not until or until not in heard:
            part = connection.recv(65_536)
            if not part:
                break
            heard += part
    return heard


GET = b"GET /api/v2/profile HTTP/1.1\r\nHost: x\r\nX-API-Key: KEY\r\n"


def test_requests_sent_at_once_are_answered_in_order(box):
    last = b"GET /api/v2/nothing HTTP/1.1\r\nHost: x\r\nX-API-Key: KEY\r\nConnection: close\r\n\r\n"
    heard = talk(box, GET + b"\r\n" + GET + b"\r\n" + last)
    assert heard.count(b"HTTP/1.1 200 OK") == 2 and heard.count(b"HTTP/1.1 404") == 1
    assert b"connection: close" in heard.split(b"HTTP/1.1 404")[1]


def test_a_body_comes_in_chunks_and_in_pieces(box):
    body = json.dumps({"firstName": "Chunk"}).encode()
    head = b"POST /api/v2/customers HTTP/1.1\r\nHost: x\r\nX-API-Key: KEY\r\nConnection: close\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:])) + b"0\r\n\r\n"
    assert b"201 Created" in talk(box, head + b"Transfer-Encoding: chunked\r\n\r\n", chunks[:7], chunks[7:])
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body)
    assert b"201 Created" in talk(box, whole[:20], whole[20:], body[:4], body[4:])


def test_who_asks_whether_to_go_on_is_told_so(box):
    head = b"POST /api/v2/customers HTTP/1.1\r\nHost: x\r\nX-API-Key: KEY\r\nExpect: 100-continue\r\n"
    assert b"100 Continue" in talk(box, head + b"Content-Length: 20\r\n\r\n", until=b"Continue\r\n\r\n")


def test_head_has_no_body_and_nonsense_is_refused(box):
    heard = talk(box, GET.replace(b"GET", b"HEAD", 1) + b"Connection: close\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200") and heard.endswith(b"\r\n\r\n")
    assert b"HTTP/1.1 400" in talk(box, b"hello\r\n\r\n")
    assert b"HTTP/1.1 400" in talk(box, GET + b"Content-Length: many\r\n\r\n")


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b'"text"', b"null"])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("perkstar", "/api/v2/customers"),
        ("hubspot", "/crm/v3/objects/contacts/batch/create"),
        ("mailchimp", "/3.0/lists/a1b2c3d4e5/members"),
        ("square", "/v2/customers/bulk-create"),
    ],
)
def test_a_body_of_another_shape_is_a_refusal_of_the_vendor_not_a_failure(box, name, path, body):
    headers = box.key(name) | {"content-type": "application/json"}
    answer = box.http.post(box.base(name) + path, content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()
    told = box.control("GET", "/platforms")["platforms"]
    assert not told[name]["bugs"]


@pytest.mark.parametrize("name", ["perkstar", "hubspot", "mailchimp", "square"])
def test_an_unknown_path_and_method_are_refused_in_the_vendors_form(box, name):
    known = {"perkstar": "/api/v2/profile", "hubspot": "/account-info/v3/details", "mailchimp": "/3.0/ping",
             "square": "/v2/merchants"}[name]  # fmt: skip
    assert box.call(name, "GET", "/no/such/thing").status_code == 404
    answer = box.call(name, "DELETE", known)
    assert answer.status_code == 405 and answer.json()
