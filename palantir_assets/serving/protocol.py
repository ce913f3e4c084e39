"""HTTP as uvicorn reads it with httptools, with an end to what may come before a body.

httptools has no limit of its own: a caller who sends headers for ever would fill the memory. What a complete
request may look like is decided in `middleware`, in words; here the line is cut.
"""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 65_536
"""Bytes of a request line and headers that are read while their end is not in sight; h11 has the same."""

_WORDS: Final = b"the headers are longer than is read"
_REFUSED: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_WORDS), _WORDS)
)


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _head, _in_body, _moved = 0, False, False

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        if self._moved or self._in_body:
            return
        self._head += len(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_REFUSED)
            self.transport.close()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head, self._in_body, self._moved = 0, True, True

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head, self._in_body, self._moved = 0, False, True
