"""How far a follower of changes has come, as text that it sends back. What is told after a cursor is decided in `following`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from palantir_assets.errors import QueryError

NOTHING: Final = "0"
"""In the place of a release id: before everything."""

_CURSOR: Final = re.compile(
    r"(0|[0-9a-f]{8,64}),(\d{1,18})"  # where it is
    r"(?:,([0-9a-f]{8,64}),(\d{1,18})(?:,([a-z][a-z0-9_]*)/([^,~/]*))?)?"  # on the way to, and after which object
    r"(?:~([0-9a-f]{8,64}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """What a read sees: a release, and the edits up to a number."""

    release_id: str
    edit_no: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a follower has come: a point or, on the way to another one, the object that was told of last. `rights` names whose.

    It holds no number of objects: who sees few of them is not told how many there are.

    >>> Cursor.read("0")
    Cursor(point=Point(release_id='0', edit_no=0), to=None, last=None, rights='')
    >>> str(Cursor(Point("0a1b2c3d", 7), Point("9f8e7d6c", 12), ("order", "a/b"), "aaaaaaaa"))
    '0a1b2c3d,7,9f8e7d6c,12,order/a%2Fb~aaaaaaaa'
    """

    point: Point = Point(NOTHING, 0)
    to: Point | None = None
    last: tuple[str, str] | None = None
    rights: str = ""

    def __str__(self) -> str:
        way = f",{self.to.release_id},{self.to.edit_no}" if self.to else ""
        last = f",{self.last[0]}/{quote(self.last[1], safe='').replace('~', '%7E')}" if self.last else ""
        return f"{self.point.release_id},{self.point.edit_no}{way}{last}" + (f"~{self.rights}" if self.rights else "")

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that `str` wrote; `0` is the beginning. Raises CursorInvalid."""
        found = _CURSOR.fullmatch("0,0" if text == NOTHING else text)
        if found is None:
            raise CursorInvalid
        release_id, edit_no, to, to_edit_no, object_type, key, rights = found.groups()
        target = Point(to, int(to_edit_no)) if to else None
        return cls(Point(release_id, int(edit_no)), target, (object_type, unquote(key)) if object_type else None, rights or "")


class CursorInvalid(QueryError):
    """Text that is no cursor of a stream of changes."""

    next_step = "send `since=0` to begin, then the cursor of the last event"

    def __init__(self) -> None:
        super().__init__("a cursor is 0, a release id and an edit number with a comma between them, or one that an event bears")


class CursorExpired(QueryError):
    """A cursor from which no exact way leads to the present."""

    next_step = "begin anew with `since=0`, and drop what was followed before"
