"""Words of a text, for the operators that work on terms: one rule, the same for what is asked and what is searched.

A term is a run of letters, digits, marks and underscores, in lower case code point by code point. Where the
writing changes between Hangul, Han or Kana and everything else, the run is split: `KTX열차` is `ktx`, `열차`.
A term of the East Asian scripts is found *inside* a word, because Korean particles and endings are written
without a space (`배송` is found in `당일배송이`); every other term is a whole word. No stemming, no stop
words, no normalisation: a text in NFD is not found by a question in NFC.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from palantir_assets.errors import QueryError

MAX_TEXT: Final = 1_000
MAX_TERMS: Final = 50
EAST_ASIAN: Final = (
    (0x1100, 0x11FF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303C), (0x3041, 0x3096), (0x3099, 0x309A),
    (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x3131, 0x318E), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7C6), (0xD7CB, 0xD7FB), (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0xFF66, 0xFFBE),
    (0xFFC2, 0xFFC7), (0xFFCA, 0xFFCF), (0xFFD2, 0xFFD7), (0xFFDA, 0xFFDC), (0x20000, 0x2A6DF), (0x2A700, 0x2EBE0), (0x30000, 0x323AF),
)  # fmt: skip
"""Letters of Hangul, Han and Kana, as ranges rather than script names, so that SQL and Python split alike."""

RANGES: Final = "".join(f"{chr(low)}-{chr(high)}" for low, high in EAST_ASIAN)
"""The same as the inside of a character class."""
_ASIAN: Final = re.compile(f"[{RANGES}]+")
_RUN: Final = re.compile(f"[{RANGES}]+|[^{RANGES}]+")


def lowered(text: str) -> str:
    """Lower case without context, so that a text and its parts are lowered alike."""
    return "".join(low if len(low := char.lower()) == 1 else low[0] for char in text)


def is_asian(term: str) -> bool:
    """Whether a term is found inside words."""
    return _ASIAN.match(term) is not None


def terms(text: str) -> tuple[str, ...]:
    """The terms of a text, in order.

    >>> terms("Fast KTX열차, 빠른-배송!")
    ('fast', 'ktx', '열차', '빠른', '배송')
    """
    words = "".join(char if _in_word(char) else " " for char in lowered(text)).split(" ")
    return tuple(part for word in words for part in _RUN.findall(word))


def asked_terms(name: str, text: str) -> tuple[str, ...]:
    """The terms of a question. Raises QueryError for a text too long to be one."""
    if len(text) > MAX_TEXT:
        raise QueryError(f"{name!r}: a text of at most {MAX_TEXT} characters can be asked for, not of {len(text)}")
    found = terms(text)
    if len(found) > MAX_TERMS:
        raise QueryError(f"{name!r}: at most {MAX_TERMS} terms can be asked for, not {len(found)}")
    return found


def _in_word(char: str) -> bool:
    return char == "_" or unicodedata.category(char)[0] in "LNM"
