"""Signing in with a browser and with programs, over HTTP: what works, and what a page of somebody else cannot do."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from palantir_assets.identity.accounts import Client
from palantir_assets.identity.opaque import digest, form_token
from palantir_assets.serving.app import create_app
from palantir_assets.serving.identified import needed_scope
from tests.fakes.identity import NOON, PASSWORD, World, world
from tests.fakes.shop_release import ListLog, closed_to_strangers, release_shop, settings_in

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ListLog]:
    settings, log = settings_in(tmp_path_factory.mktemp("shop")), ListLog()
    release_shop(settings, log, access=closed_to_strangers())
    return settings, log


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.close()


@pytest.fixture
def client(shop, kims: World) -> Iterator[TestClient]:  # type: ignore[no-untyped-def]
    settings, log = shop
    app = create_app(settings, log, clock=kims.clock, identity=kims.identity())
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


def form_of(client: TestClient, path: str) -> dict[str, str]:
    text = client.get(path).text
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text))


def signed_in(client: TestClient) -> TestClient:
    answer = client.post("/sign-in", data={**form_of(client, "/sign-in"), "name": "kim", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


def personal(client: TestClient, *scopes: str) -> str:
    body = {"label": "notebook", "scopes": list(scopes)}
    answer = signed_in(client).post("/api/platform/v1/me/tokens", json=body, headers=proof(client))
    assert answer.status_code == 201, answer.text
    client.cookies.clear()
    token: str = answer.json()["token"]
    return token


def proof(client: TestClient) -> dict[str, str]:
    return {"Origin": "http://testserver", "X-CSRF-Token": form_token(client.cookies["palantir_session"])}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def device_tokens(client: TestClient, scope: str = "read") -> dict[str, str]:
    begun = client.post("/oauth/device_authorization", data={"client_id": "palantir-cli", "scope": scope}).json()
    signed_in(client)
    form = {**form_of(client, "/sign-in/device"), "user_code": begun["user_code"]}
    assert client.post("/sign-in/device", data=form).status_code == 200
    client.cookies.clear()
    asked = {"grant_type": DEVICE, "device_code": begun["device_code"], "client_id": "palantir-cli"}
    issued: dict[str, str] = client.post("/oauth/token", data=asked).json()
    return issued


def test_a_browser_signs_in_with_a_name_and_a_password(client: TestClient) -> None:
    assert client.get("/api/platform/v1/me").status_code == 401
    signed_in(client)
    told = client.get("/api/platform/v1/me").json()
    assert (told["id"], told["roles"], told["scopes"]) == ("kim", ["viewer"], ["account", "read", "write"])
    assert told["csrf_token"] == proof(client)["X-CSRF-Token"]


def test_the_session_cookie_is_for_no_script_and_no_other_site(client: TestClient) -> None:
    form = {**form_of(client, "/sign-in"), "name": "kim", "password": PASSWORD}
    cookies = client.post("/sign-in", data=form).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("palantir_session="))
    assert "HttpOnly" in session and "SameSite=lax" in session and "Path=/" in session


def test_behind_https_the_cookie_is_secure_and_of_this_host(shop, kims: World) -> None:  # type: ignore[no-untyped-def]
    app = create_app(*shop, identity=kims.identity(url="https://testserver"))
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        form = {**form_of(client, "/sign-in"), "name": "kim", "password": PASSWORD}
        cookies = client.post("/sign-in", data=form).headers.get_list("set-cookie")
    assert any(cookie.startswith("__Host-palantir_session=") and "Secure" in cookie for cookie in cookies)


@pytest.mark.parametrize(("name", "password"), [("kim", "wrong"), ("nobody", PASSWORD), ("", ""), ("kim", ""), ("KIM", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_sound_the_same(client: TestClient, name: str, password: str) -> None:
    answer = client.post("/sign-in", data={**form_of(client, "/sign-in"), "name": name, "password": password})
    assert answer.status_code == 400
    assert "The name or the password is not right." in answer.text
    assert password == "" or password not in answer.text
    assert "palantir_session" not in client.cookies


def test_a_form_that_is_not_ours_signs_nobody_in(client: TestClient) -> None:
    form_of(client, "/sign-in")
    for form in ("", "x", form_token("another browser's")):
        answer = client.post("/sign-in", data={"form": form, "name": "kim", "password": PASSWORD})
        assert answer.status_code == 400 and "too old" in answer.text


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y", ""])
def test_a_sign_in_leads_to_this_server_only(client: TestClient, path: str) -> None:
    form = {**form_of(client, "/sign-in"), "name": "kim", "password": PASSWORD, "next": path}
    assert client.post("/sign-in", data=form).headers["location"] == "/sign-in"


def test_the_pages_speak_korean_and_load_nothing(client: TestClient) -> None:
    answer = client.get("/sign-in", headers={"Accept-Language": "ko"})
    assert "로그인" in answer.text and 'lang="ko"' in answer.text
    assert "<script" not in answer.text and "src=" not in answer.text and "http" not in answer.text
    assert "no-store" in answer.headers["cache-control"]


def test_a_cookie_alone_changes_nothing(client: TestClient) -> None:
    signed_in(client)
    body = {"label": "x", "scopes": ["read"]}
    good = proof(client)
    for headers in ({}, {"Origin": good["Origin"]}, {**good, "Origin": "https://evil.example"}, {**good, "X-CSRF-Token": "x"}):
        assert client.post("/api/platform/v1/me/tokens", json=body, headers=headers).status_code == 403
    assert client.get("/api/platform/v1/me", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/api/platform/v1/me/tokens", json=body, headers=good).status_code == 201


@pytest.mark.parametrize(("language", "words"), [("en", "You are signed in."), ("ko", "로그인되었습니다.")])
def test_who_is_signed_in_is_shown_where_to_go_on(client: TestClient, language: str, words: str) -> None:
    signed_in(client)
    page = client.get("/sign-in", headers={"Accept-Language": language}).text
    assert f"<h1>{words}</h1>" in page
    ways = re.findall(r'<a href="([^"]+)"', page)
    assert ways == ["/docs", "/dagster/"]
    assert client.get("/docs").status_code == 200


def test_signing_out_ends_the_session_everywhere(client: TestClient) -> None:
    signed_in(client)
    stolen = client.cookies["palantir_session"]
    assert client.post("/sign-out", data=form_of(client, "/sign-in")).status_code == 200
    client.cookies.clear()
    client.cookies["palantir_session"] = stolen
    assert client.get("/api/platform/v1/me").status_code == 401


def test_a_session_ends_after_its_hours_and_its_browser_can_sign_in_again(client: TestClient, kims: World) -> None:
    signed_in(client)
    kims.clock.move(hours=12)
    assert client.get("/api/platform/v1/me").status_code == 401
    signed_in(client)
    assert client.get("/api/platform/v1/me").status_code == 200


def test_a_first_sign_in_sets_a_password_with_a_code_that_works_once(client: TestClient, kims: World) -> None:
    kims.identities.add_user("lee", actor="test", at=NOON)
    code = kims.flows.one_time("login", "lee", actor="operator")
    weak = client.post("/sign-in/code", data={**form_of(client, "/sign-in/code"), "code": code, "new_password": "short"})
    assert weak.status_code == 400 and "another password" in weak.text
    asked = {"code": f" {code} ", "new_password": "a long enough password"}
    assert client.post("/sign-in/code", data={**form_of(client, "/sign-in/code"), **asked}).status_code == 303
    assert client.get("/api/platform/v1/me").json()["id"] == "lee"
    again = client.post("/sign-in/code", data={**form_of(client, "/sign-in/code"), **asked})
    assert again.status_code == 400 and "not valid" in again.text


def test_a_code_ends_after_its_hour(client: TestClient, kims: World) -> None:
    code = kims.flows.one_time("login", "kim", actor="operator")
    kims.clock.move(hours=1)
    asked = {"code": code, "new_password": "a long enough password"}
    assert client.post("/sign-in/code", data={**form_of(client, "/sign-in/code"), **asked}).status_code == 400


def test_a_new_password_ends_what_was_signed_in_with_the_old_one(client: TestClient, kims: World) -> None:
    token = personal(client, "read")
    code = kims.flows.one_time("reset", "kim", actor="kim")
    asked = {"code": code, "new_password": "a long enough password"}
    assert client.post("/sign-in/code", data={**form_of(client, "/sign-in/code"), **asked}).status_code == 303
    client.cookies.clear()
    assert client.get("/api/platform/v1/me", headers=bearer(token)).status_code == 401


def test_a_personal_token_is_shown_once_and_works_until_it_is_revoked(client: TestClient) -> None:
    token = personal(client, "read")
    assert client.get("/api/platform/v1/me", headers=bearer(token)).json()["scopes"] == ["read"]
    signed_in(client)
    (kept,) = client.get("/api/platform/v1/me/tokens").json()["data"]
    assert kept["label"] == "notebook" and token not in str(kept) and kept["last_used_at"]
    assert client.delete(f"/api/platform/v1/me/tokens/{kept['id']}", headers=proof(client)).status_code == 204
    client.cookies.clear()
    assert client.get("/api/platform/v1/me", headers=bearer(token)).status_code == 401


def test_a_token_makes_no_tokens_and_does_only_what_it_is_for(client: TestClient) -> None:
    body = {"label": "x", "scopes": ["read"]}
    reading, account = personal(client, "read"), personal(client, "account", "read")
    answer = client.post("/api/platform/v1/me/tokens", json=body, headers=bearer(reading))
    assert answer.status_code == 403 and "insufficient_scope" in answer.headers["www-authenticate"]
    assert "--scope account" in answer.json()["next_step"]
    assert client.post("/api/platform/v1/me/tokens", json=body, headers=bearer(account)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v2/ontologies/default/objects/order/1", "read"),
        ("POST", "/api/v2/ontologies/default/objects/order/search", "read"),
        ("POST", "/api/v2/ontologies/default/actions/close/apply", "write"),
        ("POST", "/api/v2/ontologies/default/actions/close/applyBatch", "write"),
        ("POST", "/api/platform/v1/anything", "write"),
        ("DELETE", "/api/platform/v1/me/tokens/x", "account"),
        ("GET", "/api/platform/v1/me", "read"),
    ],
)
def test_what_a_token_must_be_for(method: str, path: str, scope: str) -> None:
    assert needed_scope({"type": "http", "method": method, "path": path}) == scope


def test_one_users_token_is_not_anothers_to_revoke(client: TestClient, kims: World) -> None:
    personal(client, "read")
    (held,) = kims.credentials.of("kim", "pat")
    kims.identities.add_user("lee", actor="test", at=NOON)
    client.cookies["palantir_session"] = kims.flows.session("lee")
    assert client.delete(f"/api/platform/v1/me/tokens/{held.id}", headers=proof(client)).status_code == 404


def test_a_command_line_signs_in_with_a_device_code_and_turns_its_refresh_token(client: TestClient) -> None:
    issued = device_tokens(client)
    assert client.get("/api/platform/v1/me", headers=bearer(issued["access_token"])).json()["id"] == "kim"
    turn = {"grant_type": "refresh_token", "client_id": "palantir-cli"}
    second = client.post("/oauth/token", data={**turn, "refresh_token": issued["refresh_token"]}).json()
    assert client.get("/api/platform/v1/me", headers=bearer(second["access_token"])).status_code == 200
    reused = client.post("/oauth/token", data={**turn, "refresh_token": issued["refresh_token"]})
    assert reused.status_code == 400 and reused.json()["error"] == "invalid_grant"
    assert client.get("/api/platform/v1/me", headers=bearer(second["access_token"])).status_code == 401


def test_a_device_that_asks_too_often_is_slowed_down(client: TestClient) -> None:
    begun = client.post("/oauth/device_authorization", data={"client_id": "palantir-cli"}).json()
    asked = {"grant_type": DEVICE, "device_code": begun["device_code"], "client_id": "palantir-cli"}
    told = [client.post("/oauth/token", data=asked).json()["error"] for _ in range(2)]
    assert told == ["authorization_pending", "slow_down"]


def authorized(client: TestClient, **changed: str) -> dict[str, list[str]]:
    asked = {
        "response_type": "code", "client_id": "web", "redirect_uri": "https://web.example/back", "scope": "read", "state": "s",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changed,
    }  # fmt: skip
    answer = client.get("/oauth/authorize", params=asked)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("https://web.example/back?")
    return parse_qs(urlsplit(answer.headers["location"]).query)


@pytest.fixture
def web(kims: World, client: TestClient) -> TestClient:
    made = Client("web", "Web", NOON, ("https://web.example/back",))
    kims.identities.add_client(made, actor="test", at=NOON)
    return signed_in(client)


def exchanged(client: TestClient, code: str, **changed: str):  # type: ignore[no-untyped-def]
    asked = {
        "grant_type": "authorization_code", "client_id": "web", "redirect_uri": "https://web.example/back", "code": code,
        "code_verifier": VERIFIER, **changed,
    }  # fmt: skip
    return client.post("/oauth/token", data=asked)


def test_a_registered_client_gets_a_code_and_exchanges_it_with_its_verifier(web: TestClient) -> None:
    back = authorized(web)
    assert (back["state"], back["iss"]) == (["s"], ["http://testserver"])
    issued = exchanged(web, back["code"][0]).json()
    assert issued["token_type"] == "Bearer" and issued["expires_in"] == 600
    web.cookies.clear()
    assert web.get("/api/platform/v1/me", headers=bearer(issued["access_token"])).json()["id"] == "kim"


def test_a_code_used_twice_ends_what_it_gave(web: TestClient) -> None:
    code = authorized(web)["code"][0]
    token = exchanged(web, code).json()["access_token"]
    assert exchanged(web, code).status_code == 400
    web.cookies.clear()
    assert web.get("/api/platform/v1/me", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize(
    "changed",
    [{"code_verifier": "w" * 43}, {"code_verifier": ""}, {"redirect_uri": "https://web.example/other"}, {"client_id": "palantir-cli"}],
)
def test_a_code_is_good_for_its_own_client_and_one_try(web: TestClient, changed: dict[str, str]) -> None:
    code = authorized(web)["code"][0]
    assert exchanged(web, code, **changed).json()["error"] == "invalid_grant"
    assert exchanged(web, code).json()["error"] == "invalid_grant"


def test_a_client_without_pkce_gets_no_code(web: TestClient) -> None:
    assert authorized(web, code_challenge_method="plain")["error"] == ["invalid_request"]
    assert authorized(web, code_challenge="")["error"] == ["invalid_request"]
    assert authorized(web, response_type="token")["error"] == ["unsupported_response_type"]
    assert authorized(web, scope="everything")["error"] == ["invalid_scope"]


@pytest.mark.parametrize("uri", ["https://evil.example/", "https://web.example/back/../evil", "https://web.example/backward", ""])
def test_nothing_is_sent_to_an_address_that_is_not_registered(web: TestClient, uri: str) -> None:
    answer = web.get("/oauth/authorize", params={"client_id": "web", "redirect_uri": uri, "response_type": "code"})
    assert answer.status_code == 400 and "location" not in answer.headers


def test_who_is_not_signed_in_signs_in_first(web: TestClient) -> None:
    web.cookies.clear()
    asked = {"client_id": "web", "redirect_uri": "https://web.example/back", "response_type": "code"}
    answer = web.get("/oauth/authorize", params={**asked, "code_challenge": CHALLENGE, "code_challenge_method": "S256"})
    assert answer.headers["location"].startswith("/sign-in?next=%2Foauth%2Fauthorize")


def test_a_service_signs_in_with_its_secret(client: TestClient, kims: World) -> None:
    kims.identities.add_client(Client("etl", "ETL", NOON, secret_hash=digest("its secret")), actor="test", at=NOON)
    asked = {"grant_type": "client_credentials", "client_id": "etl", "client_secret": "its secret"}
    token = client.post("/oauth/token", data=asked).json()["access_token"]
    assert client.get("/api/platform/v1/me", headers=bearer(token)).json()["id"] == "client:etl"
    refused = client.post("/oauth/token", data={**asked, "client_secret": "x"})
    assert refused.status_code == 401 and refused.json()["error"] == "invalid_client"


@pytest.mark.parametrize("path", ["/oauth/revoke"])
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_ends_the_whole_sign_in_at_the_next_request(client: TestClient, path: str, which: str) -> None:
    issued = device_tokens(client)
    assert client.post(path, data={"token": issued[which]}).status_code == 200
    assert client.post(path, data={"token": "unknown"}).status_code == 200
    assert client.get("/api/platform/v1/me", headers=bearer(issued["access_token"])).status_code == 401


def test_the_server_says_what_it_can_do(client: TestClient, kims: World) -> None:
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == "http://testserver" and told["code_challenge_methods_supported"] == ["S256"]
    (key,) = client.get(urlsplit(told["jwks_uri"]).path).json()["keys"]
    assert key["kid"] == kims.tokens.keys.current.id and "d" not in key


def test_who_tries_too_often_is_told_when_to_come_back(client: TestClient) -> None:
    answers = [client.post("/sign-in", data={**form_of(client, "/sign-in"), "name": "kim", "password": "wrong"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_a_token_in_a_url_is_refused(client: TestClient) -> None:
    token = personal(client, "read")
    for name in ("access_token", "token", "Access_Token", "%61ccess_token", "api_key"):
        answer = client.get(f"/api/platform/v1/me?{name}={token}", headers=bearer(token))
        assert answer.status_code == 401 and token not in answer.text
    assert client.get("/api/platform/v1/me?pageToken=x", headers=bearer(token)).status_code == 200


def test_a_form_with_a_field_twice_is_refused(client: TestClient) -> None:
    body = b"client_id=palantir-cli&client_id=other"
    answer = client.post("/oauth/device_authorization", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
