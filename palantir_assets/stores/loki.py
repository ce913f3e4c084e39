"""Loki: log lines in batches, by the emitter of python-logging-loki, which alone would let everybody wait.

Of the library are the shape of what is pushed, the session, and which answer means success. Here are batches, limits of
time, the time of a line as it was told, and what an answer means for a line. Lines wait in `observability.shipping`.

Labels are few and never grow: `service`, `level`, `environment`. Everything else, ids above all, stands in the line,
which is JSON and read by `| json` in every version of Loki. Loki keeps one of two lines with the same labels, time and
text, and `shipping` gives no two lines one time: what is sent again after an answer that was lost is not there twice.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Final

import orjson
import requests
from logging_loki.emitter import LokiEmitterV1
from urllib3.exceptions import NewConnectionError

from palantir_assets.observability.shipping import Answer, Pace, Shipped
from palantir_assets.observability.waiting import Line
from palantir_assets.settings import LokiSettings

PUSH: Final = "/loki/api/v1/push"
TIMEOUT: Final = (2.0, 10.0)
"""Seconds for a connection, and for an answer."""
FOR_GOOD: Final = frozenset({400, 413})
"""Answers that mean the lines themselves. 401, 403 and 404 mean the settings, which may be mended on the other side."""
LONGEST_WAIT: Final = 60.0
_WORDS: Final = 300


def shipped_to(settings: LokiSettings, service: str, pace: Pace | None = None) -> Shipped:
    """The handler that sends lines to that Loki, labelled as lines of `service`."""
    return Shipped(lambda: Loki(settings, service), pace or Pace())


class Loki(LokiEmitterV1):  # type: ignore[misc]  # the library has no types
    """The library's emitter for many lines at once: the destination of `shipping`."""

    def __init__(self, settings: LokiSettings, service: str, timeout: tuple[float, float] = TIMEOUT) -> None:
        url = settings.url if settings.url.endswith(PUSH) else settings.url + PUSH
        super().__init__(url, {"service": service, "environment": settings.environment})
        self._settings, self._timeout = settings, timeout

    def build_payload(self, lines: Sequence[Line]) -> Mapping[str, object]:
        """One stream a level, in the order of time; times as text, in nanoseconds."""
        levels: dict[str, list[tuple[str, str]]] = {}
        for moment, level, text in sorted(lines):
            levels.setdefault(level, []).append((str(moment), text))
        return {"streams": [{"stream": {**self.tags, "level": level.lower()}, "values": values} for level, values in levels.items()]}

    def send(self, lines: Sequence[Line]) -> Answer:
        """All lines in one request. What Loki did not say yes to may be sent again."""
        try:
            headers = {"Content-Type": "application/json", **self._authorization()}
        except (OSError, ValueError) as error:
            return Answer("again", f"the secret of PALANTIR_LOKI_SECRET_FILE cannot be read ({type(error).__name__})")
        session = self.session
        session.trust_env = False
        try:
            body = orjson.dumps(self.build_payload(lines))
            with session.post(self.url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False, stream=True) as answer:
                return self._meant(answer)
        except requests.RequestException as error:
            self.close()
            return Answer("again", f"Loki cannot be reached ({type(error).__name__})", unknown=not _never_sent(error))

    def _meant(self, answer: requests.Response) -> Answer:
        status = answer.status_code
        if status == self.success_response_code:
            return Answer("taken")
        if status in FOR_GOOD:
            words = next(answer.iter_content(_WORDS), b"")
            return Answer("refused", f"Loki answered {status}: {words[:_WORDS].decode(errors='replace')}")
        asked = answer.headers.get("Retry-After", "")
        after = min(float(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() else 0.0
        return Answer("again", f"Loki answered {status}", unknown=status >= 500, after=after)

    def _authorization(self) -> Mapping[str, str]:
        """Read anew each time: who mends the file restarts nothing."""
        settings = self._settings
        if settings.secret_file is None:
            return {}
        secret = settings.secret_file.read_text(encoding="utf-8").strip()
        if settings.user is None:
            return {"Authorization": f"Bearer {secret}"}
        return {"Authorization": f"Basic {b64encode(f'{settings.user}:{secret}'.encode()).decode()}"}


def _never_sent(error: requests.RequestException) -> bool:
    """Whether there was no connection that could have carried anything."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
