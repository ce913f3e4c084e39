"""Functions over the library's objects; a release holds this file as it was."""

from __future__ import annotations

from collections import Counter
from typing import Any


def top_lenders(objects: Any, *, at_most: int, book: Any = None) -> list[str]:
    """The names of the members with the most loans, most first, then by name."""
    where = {"type": "eq", "field": "book_id", "value": book["book_id"]} if book else None
    loans = objects.each({"object": "loan", **({"where": where} if where else {})})
    counts = Counter(loan["member_id"] for loan in loans)
    names = {member["member_id"]: member["name"] for member in objects.each({"object": "member"})}
    return [names[member] for member, _ in sorted(counts.items(), key=lambda pair: (-pair[1], names[pair[0]]))[:at_most]]
