"""`palantir login` and `palantir token access`: a command line that signs in at a running API with a device code (RFC 8628).

Tokens lie in one file that only its owner reads. How the flow goes on the other side is decided in `identity.flows`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import typer

from palantir_assets.cli import console
from palantir_assets.errors import IdentityError

CLIENT: Final = "palantir-cli"
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER_SECONDS: Final = 5

Answer = Mapping[str, object]
Post = Callable[[str, Mapping[str, str]], Answer]
"""Posts a form to a path of the API; its JSON, whatever the status."""


def sign_in(post: Post, *, scope: str, wait: Callable[[float], None], say: Callable[[str], None]) -> Answer:
    """Tokens for who types the code in a browser. Raises IdentityError if nobody does in time."""
    begun = post("/oauth/device_authorization", {"client_id": CLIENT, "scope": scope})
    if "device_code" not in begun:
        raise IdentityError(f"the API lets nobody in this way: {begun.get('error_description', begun.get('detail', ''))}")
    say(f"open {begun['verification_uri']} in a browser and type the code {begun['user_code']}")
    pause, left = _number(begun.get("interval"), 5), _number(begun.get("expires_in"), 600)
    asked = {"grant_type": DEVICE, "client_id": CLIENT, "device_code": str(begun["device_code"])}
    while left > 0:
        wait(pause)
        left -= pause
        answer = post("/oauth/token", asked)
        if "access_token" in answer:
            return answer
        if answer.get("error") == "slow_down":
            pause += SLOWER_SECONDS
        elif answer.get("error") != "authorization_pending":
            break
    raise IdentityError("nobody typed the code in time", next_step="run `palantir login` again")


def turned(post: Post, kept: Answer) -> Answer:
    """The next tokens for the ones kept. Raises IdentityError when the sign-in has ended."""
    answer = post("/oauth/token", {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": str(kept.get("refresh_token"))})
    if "access_token" not in answer:
        raise IdentityError("this sign-in has ended", next_step="run `palantir login`")
    return answer


def keep(file: Path, url: str, tokens: Answer) -> None:
    """Keep the refresh token of an API; the file is for its owner only, from its first byte."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    everything = {**_read(file), url: {"refresh_token": tokens["refresh_token"]}}
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        json.dump(everything, written)
    beside.rename(file)


def kept(file: Path, url: str) -> Answer:
    """What was kept for an API. Raises IdentityError if nothing was."""
    found = _read(file).get(url)
    if not isinstance(found, dict):
        raise IdentityError(f"nobody has signed in at {url} from here", next_step="run `palantir login`")
    return found


def command(url: str, scope: str) -> None:
    """Sign in and keep the tokens."""
    import time

    keep(_file(), url, sign_in(_posting(url), scope=scope, wait=time.sleep, say=console.say))
    console.say("signed in; `palantir token access` prints an access token")


def access(url: str) -> None:
    """Print a fresh access token."""
    file, post = _file(), _posting(url)
    tokens = turned(post, kept(file, url))
    keep(file, url, tokens)
    console.answer(str(tokens["access_token"]))


def _posting(url: str) -> Post:
    import httpx2

    def post(path: str, form: Mapping[str, str]) -> Answer:
        try:
            answer = httpx2.post(url + path, data=dict(form), timeout=10, follow_redirects=False).json()
        except (httpx2.HTTPError, ValueError) as error:
            raise IdentityError(f"{url} does not answer ({type(error).__name__})", next_step="start it with `palantir up`") from error
        return answer if isinstance(answer, dict) else {}

    return post


def _file() -> Path:
    return Path(typer.get_app_dir("palantir")) / "credentials.json"


def _read(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else otherwise
