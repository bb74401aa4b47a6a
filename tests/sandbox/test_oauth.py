"""Authorising, exchanging, renewing and withdrawing, each vendor's way."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://127.0.0.1:9/back"
TOKEN = {"hubspot": "/oauth/v3/token", "mailchimp": "/oauth2/token", "square": "/oauth2/token"}


def app(box, name):
    platform = box.line["platforms"][name]
    given = platform["alternatives"]["app"] if name == "mailchimp" else platform["credentials"]
    return {"client_id": given["client_id"], "client_secret": given["client_secret"]}


def code(box, name, **more):
    params = {
        "client_id": app(box, name)["client_id"],
        "redirect_uri": BACK,
        "state": "s",
        "response_type": "code",
    } | more
    answer = box.http.get(box.line["platforms"][name]["authorize_url"], params=params)
    assert answer.status_code == 302
    found = parse_qs(urlsplit(answer.headers["location"]).query)
    assert found["state"] == ["s"]
    return found["code"][0]


def exchange(box, name, **form):
    how = {"json": form} if name == "square" else {"data": form}
    return box.http.post(box.base(name) + TOKEN[name], **how)


def works(box, name, token):
    path = {"hubspot": "/account-info/v3/details", "mailchimp": "/3.0/ping", "square": "/v2/merchants/me"}[
        name
    ]
    return box.call(name, "GET", path, headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("name", ["hubspot", "mailchimp", "square"])
def test_a_code_is_good_for_one_exchange_by_its_own_app(box, name):
    form = app(box, name) | {"grant_type": "authorization_code", "redirect_uri": BACK}
    first = code(box, name)
    wrong = exchange(box, name, **(form | {"client_secret": "no", "code": first}))
    assert wrong.status_code in (400, 401)
    answer = exchange(box, name, **form, code=first)
    assert answer.status_code == 200 and works(box, name, answer.json()["access_token"])
    assert exchange(box, name, **form, code=first).status_code == 400
    late = code(box, name)
    box.control("POST", "/clock", {"advance_s": 1000})
    assert exchange(box, name, **form, code=late).status_code == 400


@pytest.mark.parametrize("name", ["hubspot", "square"])
def test_a_challenge_wants_its_verifier(box, name):
    form = app(box, name) | {"grant_type": "authorization_code", "redirect_uri": BACK}
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    wrong = exchange(box, name, **form, code=code(box, name, **challenge), code_verifier="w" * 50)
    assert wrong.status_code == 400
    right = exchange(box, name, **form, code=code(box, name, **challenge), code_verifier=VERIFIER)
    assert right.status_code == 200


def test_a_denied_authorisation_says_so(box):
    params = {"client_id": app(box, "hubspot")["client_id"], "redirect_uri": BACK, "state": "s", "deny": "1"}
    answer = box.http.get(box.line["platforms"]["hubspot"]["authorize_url"], params=params)
    assert "error=access_denied" in answer.headers["location"]


@pytest.mark.parametrize("name", ["hubspot", "square"])
def test_an_expired_token_is_refused_in_the_vendors_words_and_renewed(box, name):
    given = box.line["platforms"][name]["credentials"]
    box.control("POST", "/clock", {"advance_s": given["expires_in"] + 1})
    path = "/v2/merchants/me" if name == "square" else "/account-info/v3/details"
    refused = box.call(name, "GET", path)
    assert refused.status_code == 401
    assert ("EXPIRED_AUTHENTICATION" if name == "hubspot" else "ACCESS_TOKEN_EXPIRED") in refused.text
    form = app(box, name) | {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    for _ in range(2):  # neither rotates
        answer = exchange(box, name, **form).json()
        assert works(box, name, answer["access_token"]) and answer["refresh_token"] == given["refresh_token"]


def test_square_without_a_secret_gives_a_refresh_token_for_one_use(box):
    public = {"client_id": app(box, "square")["client_id"]}
    first = code(box, "square", code_challenge=CHALLENGE)
    form = public | {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}
    granted = exchange(box, "square", **form, code=first).json()
    assert granted["refresh_token_expires_at"] and granted["expires_at"].endswith("Z")
    renew = public | {"grant_type": "refresh_token"}
    second = exchange(box, "square", **renew, refresh_token=granted["refresh_token"]).json()
    assert second["refresh_token"] != granted["refresh_token"]
    again = exchange(box, "square", **renew, refresh_token=granted["refresh_token"])
    assert again.status_code == 400 and again.json()["error"] == "invalid_grant"
    without = exchange(box, "square", **form, code=code(box, "square"))
    assert without.status_code == 401


def test_mailchimp_tells_where_a_token_belongs_and_gives_none_to_renew(box):
    form = app(box, "mailchimp") | {"grant_type": "authorization_code", "redirect_uri": BACK}
    granted = exchange(box, "mailchimp", **form, code=code(box, "mailchimp")).json()
    assert granted["expires_in"] == 0 and granted["scope"] is None and "refresh_token" not in granted
    headers = {"Authorization": f"OAuth {granted['access_token']}"}
    told = box.http.get(box.base("mailchimp") + "/oauth2/metadata", headers=headers).json()
    assert told["api_endpoint"] == box.base("mailchimp") and told["dc"]


def test_hubspot_withdraws_the_grant_but_not_the_token_already_given(box):
    given = box.line["platforms"]["hubspot"]["credentials"]
    base = box.base("hubspot")
    about = box.http.get(f"{base}/oauth/v1/access-tokens/{given['access_token']}").json()
    assert about["hub_id"] and about["token"] == given["access_token"]
    box.http.post(f"{base}/oauth/2026-03/token/revoke", data={"token": given["refresh_token"]})
    assert works(box, "hubspot", given["access_token"])
    renew = app(box, "hubspot") | {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    refused = exchange(box, "hubspot", **renew)
    assert refused.status_code == 400 and refused.json()["status"] == "BAD_REFRESH_TOKEN"
    state = box.http.post(f"{base}/oauth/v3/token/introspect", data={"token": given["refresh_token"]}).json()
    assert state["active"] is False


def test_square_withdraws_with_the_apps_secret_alone(box):
    given = box.line["platforms"]["square"]["credentials"]
    body = {"client_id": given["client_id"], "access_token": given["access_token"]}
    url = box.base("square") + "/oauth2/revoke"
    assert box.http.post(url, json=body).status_code == 401
    done = box.http.post(url, json=body, headers={"Authorization": f"Client {given['client_secret']}"})
    assert done.json() == {"success": True}
    refused = box.call("square", "GET", "/v2/merchants/me")
    assert refused.json()["errors"][0]["code"] == "ACCESS_TOKEN_REVOKED"
    status = box.http.post(box.base("square") + "/oauth2/token/status", headers=box.key("square"))
    assert status.status_code == 401


@pytest.mark.parametrize("name", ["perkstar", "hubspot", "mailchimp", "square"])
def test_control_withdraws_everything_and_issues_anew(box, name):
    paths = {"perkstar": "/api/v2/profile", "hubspot": "/account-info/v3/details", "mailchimp": "/3.0/ping",
             "square": "/v2/merchants/me"}  # fmt: skip
    assert box.call(name, "GET", paths[name]).status_code == 200
    box.control("POST", f"/{name}/tokens:revoke")
    assert box.call(name, "GET", paths[name]).status_code == 401
    fresh = box.control("POST", f"/{name}/tokens:issue")
    token = fresh.get("access_token") or fresh["api_key"]
    headers = {"X-API-Key": token, "Authorization": f"Bearer {token}"}
    assert box.call(name, "GET", paths[name], headers=headers).status_code == 200
