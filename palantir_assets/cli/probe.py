"""What the API says about itself, asked over HTTP as any other caller would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from palantir_assets.settings import Settings

HEALTH = "/healthz"
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Served:
    """The API answers; `release_id` is None until there is a release."""

    release_id: str | None


def url(settings: Settings) -> str:
    """Where a browser on this machine reaches the API."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def ask(settings: Settings) -> Served | None:
    """What is served now; None if the API does not answer."""
    try:
        with urllib.request.urlopen(url(settings) + HEALTH, timeout=TIMEOUT_SECONDS) as reply:
            return _served(reply.read())
    except urllib.error.HTTPError as refusal:  # 503 before the first release
        return _served(refusal.read())
    except OSError:
        return None


def _served(body: bytes) -> Served:
    try:
        content: Any = json.loads(body)
    except ValueError:
        return Served(None)
    release_id = content.get("release_id") if isinstance(content, dict) else None
    return Served(release_id if isinstance(release_id, str) else None)
