"""Words: how a text, and how a question, is cut into what a keyword index can match.

Latin text is cut into words, without case and accents; Korean, Chinese and Japanese, which an English
stemmer cannot cut, into single characters and pairs of neighbours (a question asks for the pairs).
Tokens hold letters and digits only, so none can be an operator of an index. Thai and other scripts
written without spaces stay one word: they are found by whole phrases only. Ranking is the index's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

MAX_QUERY_CHARACTERS: Final = 2_000
MAX_QUERY_TOKENS: Final = 64
MAX_TOKEN_CHARACTERS: Final = 64
FUNCTION_WORDS: Final = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on", "or",
        "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
    )
)  # fmt: skip
"""The English stop words of Apache Lucene (`EnglishAnalyzer.ENGLISH_STOP_WORDS_SET`)."""

_CJK: Final = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(rf"([{_CJK}]+)|[^\W_{_CJK}]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


def document_tokens(text: str) -> list[str]:
    """The tokens a document is found by, in order, repeats kept.

    >>> document_tokens("São Paulo 지연 5")
    ['sao', 'paulo', '지', '연', '지연', '5']
    """
    return [token for run, cjk in _runs(text) for token in ([*run, *_pairs(run)] if cjk else [run])]


def query_tokens(text: str) -> list[str]:
    """The distinct tokens of a question, in order, at most MAX_QUERY_TOKENS; empty if there is no letter or digit.

    English function words are left out unless there is nothing else: one that stems like a rare name would lead.

    >>> query_tokens("지연된 ORDER by the order*")
    ['지연', '연된', 'order']
    """
    tokens = (token for run, cjk in _runs(text[:MAX_QUERY_CHARACTERS]) for token in (_pairs(run) or [run] if cjk else [run]))
    distinct = dict.fromkeys(tokens)
    return list([token for token in distinct if token not in FUNCTION_WORDS] or distinct)[:MAX_QUERY_TOKENS]


def latin_share(text: str) -> float:
    """Which share of the letters and digits is Latin or a digit: 0.0 for Korean, and for no letter at all."""
    letters = [char for char in text[:MAX_QUERY_CHARACTERS] if char.isalnum()]
    return sum(char < "\u0250" for char in letters) / len(letters) if letters else 0.0


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold())
    for match in _RUN.finditer(plain):
        yield (match[0], True) if match[1] else (match[0][:MAX_TOKEN_CHARACTERS], False)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
