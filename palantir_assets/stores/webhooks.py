"""Where webhooks are, as the operator says in a file, and a call to one of them.

Only what the file names is ever called: no redirect is followed, and no proxy of the environment is used. What is
said, and how it is signed, is decided in `effects`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2

from palantir_assets.errors import NotSent

TIMEOUT_SECONDS: Final = 10.0
LEAST_SECRET: Final = 24
"""Bytes of a secret at the least."""
AGAIN: Final = frozenset({408, 425, 429})
"""Answers below 500 after which the same call may be taken."""
ADVICE: Final = "see PALANTIR_WEBHOOKS_FILE in docs/settings.md"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a webhook is, and the secret that signs what it is told."""

    url: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhooks of a file, which is read for each call: who mends it restarts nothing."""

    file: Path | None

    def find(self, name: str) -> Hook:
        """A webhook by its name. Raises NotSent where the file does not say it rightly: it may be mended."""
        told = self._told().get(name)
        if not isinstance(told, dict) or not isinstance(told.get("url"), str) or not isinstance(told.get("secret_file"), str):
            raise NotSent(f"nobody says where the webhook {name!r} is", next_step=f"add [{name}] with url and secret_file; {ADVICE}")
        return Hook(_checked(name, told["url"]), self._secret(name, told["secret_file"]))

    def names(self) -> list[str]:
        """Every webhook that the file names. Raises NotSent."""
        return sorted(self._told())

    def _told(self) -> Mapping[str, object]:
        if self.file is None:
            return {}
        try:
            return tomllib.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise NotSent(f"{self.file} cannot be read: {error}", next_step=ADVICE) from error

    def _secret(self, name: str, file: str) -> bytes:
        assert self.file is not None, "a webhook was found in it"
        path = self.file.parent / file
        try:
            secret = path.read_bytes().strip()
        except OSError as error:
            raise NotSent(f"the secret of the webhook {name!r} cannot be read from {path}", next_step=ADVICE) from error
        if len(secret) < LEAST_SECRET:
            raise NotSent(
                f"the secret of the webhook {name!r} is shorter than {LEAST_SECRET} bytes", next_step=f"`openssl rand -hex 32 > {path}`"
            )
        return secret


def call(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """POST once. Raises NotSent, final where the same call would be refused again."""
    try:
        with (
            httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as answer,
        ):
            code = answer.status_code  # its words are not read: there may be any number of them
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotSent(f"the webhook cannot be reached ({type(error).__name__})") from error
    if not 200 <= code < 300:
        raise NotSent(f"the webhook answered {code}", final=code < 500 and code not in AGAIN)


def _checked(name: str, url: str) -> str:
    """https, or this machine. Raises NotSent."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise NotSent(f"the URL of the webhook {name!r} is none", next_step=ADVICE) from error
    if parsed.scheme != "https" and not (parsed.scheme == "http" and parsed.host in _LOOPBACK):
        raise NotSent(f"the URL of the webhook {name!r} is not https", next_step=ADVICE)
    return url
