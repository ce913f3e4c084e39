"""Which release a request reads, and with which edits: where it goes on reading pages, those its page token was given by.

A token in the URL costs nothing to see. One in a body means to read the body first, which is done only while an
older release is still open or edits lie over one. What is not a token is left to the route to refuse.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope

from palantir_assets.query.tokens import InvalidToken, PageToken, read_token

_IN_URL: Final = re.compile(rb"(?:^|&)pageToken=([^&]{1,600})")
_IN_BODY: Final = re.compile(rb'"(?:pageToken|page_token)"\s*:\s*"([A-Za-z0-9_-]{1,600})"')


async def page_turned(scope: Scope, receive: Receive, *, at_most: int) -> tuple[PageToken | None, Receive]:
    """The page token, or None; and the body as it was, to be received again.

    At most `at_most` bytes of a body are looked at.
    """
    if scope["method"] != "POST":
        return _named(_IN_URL.search(scope["query_string"])), receive
    messages, body = [], b""
    while len(body) <= at_most:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    return _named(_IN_BODY.search(body)), _again(messages, receive)


def _named(found: re.Match[bytes] | None) -> PageToken | None:
    if found is None:
        return None
    try:
        return read_token(unquote(found[1].decode("latin-1")))
    except InvalidToken:
        return None


def _again(messages: list[Message], receive: Receive) -> Receive:
    waiting = messages[::-1]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
