"""What a SQL text says, apart from its comments and spaces: the part of it that a fingerprint is about.

Lexical only; no SQL is understood here. Where a text is unclear (a comment that holds Jinja, which dbt
renders inside comments too; a quote that is never closed), it is kept as it stands: a needless rebuild is
cheap, a missed one is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_JINJA: Final = r"""\{[{%] (?: '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | (?![%}]\}). )* [%}]\}"""
_TOKEN: Final = re.compile(
    rf"""
      (?P<kept>
          {_JINJA}
        | (?<![\w$])[eE]'(?: {_JINJA} | \\. | '' | [^'\\] )*'
        | '(?: {_JINJA} | '' | [^'] )*'
        | "(?: {_JINJA} | "" | [^"] )*"
        | (?<![\w$])\$(?P<tag>\w*)\$ .*? \$(?P=tag)\$
      )
    | (?P<dropped> \{{\#.*?\#\}} )
    | (?P<line> --[^\n]* )
    | (?P<block> /\* )
    | (?P<unclosed> ['"] | \{{[\{{%#] )
    | (?P<space> \s+ )
    | (?P<other> \w+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE: Final = re.compile(r"/\*|\*/")
_HAS_JINJA: Final = re.compile(r"\{[{%]")


def without_comments(sql: str) -> str:
    """The text without `--`, `/* */` and `{# #}` comments, and with one space for every run of spaces.

    String literals, quoted names and Jinja are kept to the letter. Applying it twice changes nothing more.

    >>> without_comments("select  id -- the key\\nfrom orders /* all */ where note = '-- no  comment'")
    "select id from orders where note = '-- no  comment'"
    """
    return "".join(_collapsed(_parts(sql))).strip(" ")


def _parts(sql: str) -> Iterator[str]:
    """The text in parts; None of them is a comment, and a part of spaces is one space."""
    place = 0
    while place < len(sql):
        token = _TOKEN.match(sql, place)
        assert token is not None, "every character is a token"
        place = token.end()
        if token["block"]:
            place = _end_of_block(sql, token.start())
        text = sql[token.start() : place]
        if token["unclosed"] or (token["block"] and place == 0):
            yield sql[token.start() :]
            return
        if token["line"] or token["block"]:
            yield f"{text}\n" if _HAS_JINJA.search(text) else " "
        else:
            yield " " if token["dropped"] or token["space"] else text


def _end_of_block(sql: str, start: int) -> int:
    """The end of a block comment, in which others may be nested; 0 if it has none."""
    depth, place = 0, start
    while edge := _BLOCK_EDGE.search(sql, place):
        depth += 1 if edge[0] == "/*" else -1
        place = edge.end()
        if depth == 0:
            return place
    return 0


def _collapsed(parts: Iterator[str]) -> Iterator[str]:
    after_space = False
    for part in parts:
        if part != " " or not after_space:
            yield part
        after_space = part == " " or part.endswith("\n")
