"""An OpenID Connect provider over the network: its metadata and keys, and a code exchanged for an ID token.

The authorization-code flow with PKCE is Authlib's; what is believed of the answer is decided in `identity.providers`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]

from palantir_assets.identity.providers import Person, ProviderRefused, person
from palantir_assets.settings import OidcSettings

TIMEOUT_SECONDS: Final = 5.0
KEPT: Final = timedelta(minutes=10)
"""How long metadata and keys are believed without asking again."""
SCOPES: Final = "openid profile email"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OpenIdProvider:
    """One provider, asked when it is needed. Safe to share between threads."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._known: tuple[datetime, Mapping[str, Any], Mapping[str, Any]] | None = None

    def begin(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """The URL to send the browser to. Raises ProviderRefused."""
        metadata, _ = self._met()
        with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier)
        return str(url)

    def finish(self, *, code: str, redirect_uri: str, nonce: str, verifier: str, issuer: str | None) -> Person:
        """Who came back. Raises ProviderRefused."""
        if issuer is not None and issuer != self._settings.issuer:
            raise ProviderRefused("the answer comes from another provider")
        metadata, keys = self._met()
        try:
            with self._client(redirect_uri) as client:
                answer = client.fetch_token(metadata["token_endpoint"], code=code, code_verifier=verifier, grant_type="authorization_code")
        except (OAuthError, httpx2.HTTPError, ValueError) as error:
            raise ProviderRefused(f"the provider gives no tokens for this sign-in ({type(error).__name__})") from error
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused("the provider gives no ID token")
        return person(
            token, keys, issuer=self._settings.issuer, client_id=self._settings.client_id, nonce=nonce, at=self._clock(),
            roles_claim=self._settings.roles_claim,
        )  # fmt: skip

    def _met(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The provider's metadata and keys, not older than KEPT."""
        with self._lock:
            now = self._clock()
            if self._known is None or now - self._known[0] > KEPT:
                metadata = _get(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if metadata.get("issuer") != self._settings.issuer:
                    raise ProviderRefused(f"the provider calls itself {str(metadata.get('issuer'))[:200]!r}, not as it is set up")
                for name in _ENDPOINTS:
                    _check(metadata.get(name))
                self._known = (now, metadata, _get(metadata["jwks_uri"]))
            return self._known[1], self._known[2]

    def _client(self, redirect_uri: str) -> OAuth2Client:
        try:
            secret = self._settings.client_secret_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ProviderRefused(
                "the file of the client secret cannot be read", next_step="see PALANTIR_OIDC_CLIENT_SECRET_FILE"
            ) from error
        return OAuth2Client(
            self._settings.client_id, secret, scope=SCOPES, redirect_uri=redirect_uri, code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS, follow_redirects=False,
        )  # fmt: skip


def _get(url: str) -> Mapping[str, Any]:
    _check(url)
    try:
        answer = httpx2.get(url, timeout=TIMEOUT_SECONDS, follow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise ProviderRefused(f"the provider cannot be reached ({type(error).__name__})") from error
    if not isinstance(found, dict):
        raise ProviderRefused("the provider's answer cannot be read")
    return found


def _check(url: object) -> None:
    """https, or loopback. Raises ProviderRefused."""
    try:
        parsed = httpx2.URL(str(url))
    except (httpx2.InvalidURL, TypeError) as error:
        raise ProviderRefused("the provider names a URL that is none") from error
    if parsed.scheme != "https" and not (parsed.scheme == "http" and parsed.host in _LOOPBACK):
        raise ProviderRefused("the provider names a URL without https")
