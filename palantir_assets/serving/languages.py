"""In which language labels are told: what `Accept-Language` prefers among those that labels come in.

Labels are written in the specs; a label without the language asked for is told in English.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Depends, Header

from palantir_assets.ontology.spec import Label

Language = Literal["en", "ko"]

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")


def preferred(header: str) -> Language:
    """The language a header prefers; the first of equals, and English where it names none of them.

    >>> preferred("fr, ko-KR;q=0.8, en;q=0.5")
    'ko'
    """
    best: Language = "en"
    weight = 0.0
    for part in header.lower().split(","):
        tag, _, rest = part.strip().partition(";")
        found = next((language for language in _LANGUAGES if tag == language or tag.startswith(f"{language}-")), None)
        if found is not None and (heavy := _quality(rest)) > weight:
            best, weight = found, heavy
    return best


def said(label: Label | None, language: Language, otherwise: str) -> str:
    """A label in a language, else in English, else the name itself."""
    if label is None:
        return otherwise
    return (label.ko if language == "ko" else None) or label.en


def _quality(text: str) -> float:
    name, _, number = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:
        return 0.0


async def _language(accept_language: Annotated[str, Header()] = "") -> Language:
    return preferred(accept_language)


Spoken = Annotated[Language, Depends(_language)]
