"""Signing in through an OpenID Connect provider that really runs, on loopback; and ID tokens that are not to be believed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from palantir_assets.identity.accounts import Grant
from palantir_assets.identity.opaque import proves
from palantir_assets.identity.providers import Person, ProviderRefused, person
from palantir_assets.serving.app import create_app
from palantir_assets.settings import OidcSettings
from palantir_assets.stores.openid import OpenIdProvider
from tests.fakes.identity import Clock, World, world
from tests.fakes.shop_release import ListLog, settings_in

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")  # the provider's own, in its thread
NOW = datetime.now(UTC)
KEY = RSAKey.generate_key(2048, {"kid": "k1"})
ISSUER, CLIENT = "https://idp.example", "palantir"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider in a thread; jo has the roles viewer and operations there, and one that is no name of a role."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oidc_provider_mock import User, run_server_in_thread

        jo = User(sub="jo", claims={"name": "Jo", "platform_roles": ["viewer", "operations", "No Role"]})
        with run_server_in_thread(require_nonce=True, user_claims=[jo]) as server:
            yield f"http://localhost:{server.server_port}"


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path, clock=Clock(datetime.now(UTC)))
    yield made
    made.close()


class Watched(OpenIdProvider):
    """Remembers the verifiers it was handed."""

    verifiers: list[str]

    def finish(self, **told: Any) -> Person:
        self.verifiers = [told["verifier"]]
        return super().finish(**told)


def provider(issuer: str, folder: Path, *, clock: Clock, named: str | None = None) -> Watched:
    secret = folder / "secret"
    secret.write_text("its secret\n")
    return Watched(OidcSettings(named or issuer, "palantir", secret, "platform_roles"), clock)


@pytest.fixture
def at(issuer: str, kims: World, tmp_path: Path) -> Iterator[tuple[TestClient, Watched]]:
    found = provider(issuer, tmp_path, clock=kims.clock)
    app = create_app(settings_in(tmp_path / "shop"), ListLog(), clock=kims.clock, identity=kims.identity(provider=found))
    with TestClient(app, follow_redirects=False) as client:
        yield client, found


def allowed(url: str, subject: str) -> tuple[str, dict[str, str]]:
    """What a person does at the provider: say who they are; the path and parameters the browser comes back with."""
    answer = httpx2.post(url, data={"sub": subject}, follow_redirects=False)
    back = urlsplit(answer.headers["location"])
    return back.path, {name: values[0] for name, values in parse_qs(back.query).items()}


def test_a_person_signs_in_through_a_provider_with_roles_from_its_claims(at: tuple[TestClient, Watched], kims: World) -> None:
    client, found = at
    assert "/sign-in/provider?next=%2Fdocs" in client.get("/sign-in?next=/docs").text
    url = client.get("/sign-in/provider?next=/docs").headers["location"]
    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"] and len(asked["state"][0]) > 40 and len(asked["nonce"][0]) == 64
    path, back = allowed(url, "jo")
    answer = client.get(path, params=back)
    assert answer.status_code == 303 and answer.headers["location"] == "/docs"
    assert proves(found.verifiers[0], asked["code_challenge"][0])
    told = client.get("/api/platform/v1/me").json()
    assert re.fullmatch(r"oidc-[0-9a-f]{16}", told["id"]) and told["roles"] == ["operations", "viewer"]


def test_the_same_person_is_the_same_user_and_nobody_can_choose_a_name(at: tuple[TestClient, Watched], kims: World) -> None:
    client, _ = at
    names = []
    for subject in ("jo", "jo", "kim"):
        path, back = allowed(client.get("/sign-in/provider").headers["location"], subject)
        client.get(path, params=back)
        names.append(client.get("/api/platform/v1/me").json()["id"])
        client.cookies.clear()
    assert names[0] == names[1] != names[2]
    assert "kim" not in names


@pytest.mark.parametrize("change", [{"state": "other"}, {"code": "other"}, {"iss": "https://evil.example"}, {"state": ""}, {"code": ""}])
def test_an_answer_that_was_changed_signs_nobody_in(at: tuple[TestClient, Watched], change: dict[str, str]) -> None:
    client, _ = at
    path, back = allowed(client.get("/sign-in/provider").headers["location"], "jo")
    answer = client.get(path, params={**back, **change})
    assert answer.status_code == 400 and "did not work" in answer.text
    assert client.get("/api/platform/v1/me").status_code == 401


def test_an_answer_works_once_and_in_the_browser_that_asked(at: tuple[TestClient, Watched]) -> None:
    client, _ = at
    path, back = allowed(client.get("/sign-in/provider").headers["location"], "jo")
    cookies = dict(client.cookies)
    client.cookies.clear()
    assert client.get(path, params=back).status_code == 400
    client.cookies.update(cookies)
    assert client.get(path, params=back).status_code == 400
    path, back = allowed(client.get("/sign-in/provider").headers["location"], "jo")
    assert client.get(path, params=back).status_code == 303
    assert client.get(path, params=back).status_code == 400


def test_somebody_who_was_disabled_here_stays_out(at: tuple[TestClient, Watched], kims: World) -> None:
    client, _ = at
    path, back = allowed(client.get("/sign-in/provider").headers["location"], "jo")
    client.get(path, params=back)
    name = client.get("/api/platform/v1/me").json()["id"]
    kims.identities.disable(name, actor="test", at=kims.clock())
    assert client.get("/api/platform/v1/me").status_code == 401
    path, back = allowed(client.get("/sign-in/provider").headers["location"], "jo")
    assert client.get(path, params=back).status_code == 400


def test_roles_granted_here_stay_beside_those_from_claims(at: tuple[TestClient, Watched], kims: World) -> None:
    client, _ = at
    for _ in range(2):
        path, back = allowed(client.get("/sign-in/provider").headers["location"], "jo")
        client.get(path, params=back)
        told = client.get("/api/platform/v1/me").json()
        kims.identities.grant(Grant(told["id"], "role", "safety"), actor="test", at=kims.clock())
    assert client.get("/api/platform/v1/me").json()["roles"] == ["operations", "safety", "viewer"]


def test_a_provider_that_calls_itself_otherwise_is_not_believed(issuer: str, tmp_path: Path) -> None:
    found = provider(issuer, tmp_path, clock=Clock(NOW), named=issuer.replace("localhost", "127.0.0.1") + "/")
    with pytest.raises(ProviderRefused, match="calls itself"):
        found.begin(redirect_uri="http://testserver/back", state="s", nonce="n", verifier="v" * 43)


def test_a_provider_that_is_away_is_told_in_words(tmp_path: Path) -> None:
    found = provider("http://127.0.0.1:9", tmp_path, clock=Clock(NOW))
    with pytest.raises(ProviderRefused, match="cannot be reached"):
        found.begin(redirect_uri="http://testserver/back", state="s", nonce="n", verifier="v" * 43)


def id_token(header: dict[str, Any] | None = None, key: Any = KEY, **changed: Any) -> str:
    at = int(NOW.timestamp())
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": "jo", "exp": at + 300, "iat": at, "nonce": "n", "roles": "viewer", **changed}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": "k1", **(header or {})}, claims, key, ["RS256", "HS256", "none"])


def believed(token: str) -> Person:
    keys = {"keys": [KEY.as_dict(private=False)]}
    return person(token, keys, issuer=ISSUER, client_id=CLIENT, nonce="n", at=NOW, roles_claim="roles")


def test_an_id_token_says_who_somebody_is() -> None:
    assert believed(id_token()) == Person(ISSUER, "jo", "jo", ("viewer",))
    assert believed(id_token(aud=[CLIENT, "other"], azp=CLIENT)).subject == "jo"
    assert believed(id_token(roles=None)).roles == ()
    assert believed(id_token(roles=7)).roles == ()


AT = int(NOW.timestamp())


@pytest.mark.parametrize(
    "token",
    [
        id_token(iss="https://evil.example"),
        id_token(aud="other"),
        id_token(aud=[CLIENT, "other"]),
        id_token(azp="other"),
        id_token(nonce="m"),
        id_token(nonce=None),
        id_token(sub=None),
        id_token(sub=""),
        id_token(exp=AT - 61),
        id_token(exp=None),
        id_token(iat=None),
        id_token(iat=AT + 3600),
        id_token(key=RSAKey.generate_key(2048)),
        id_token()[:-4],
        "",
    ],
)
def test_an_id_token_that_is_not_to_be_believed_is_refused(token: str) -> None:
    with pytest.raises(ProviderRefused):
        believed(token)
