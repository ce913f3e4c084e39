"""How the words of a text fit the rules of an `interval` test, and which words are nearly alike. Pure.

A rule matches at *places*: from one word to another, with so many of the words between them used. Parts of a rule
lie side by side and never overlap; a gap is a word within the place that no part uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Final, assert_never

from palantir_assets.errors import QueryTooLong
from palantir_assets.query.predicates import AllRules, AnyRule, FuzzyMatch, Interval, Match, PrefixMatch, Rule, Terms
from palantir_assets.query.terms import is_asian, terms

Place = tuple[int, int, int]
"""First word, last word, words used."""

MAX_STEPS: Final = 1_000_000
"""In one text, some tenths of a second."""


@dataclass(slots=True)
class Work:
    """What one text may cost: a step is a pair of places that are held against each other."""

    left: int = MAX_STEPS

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise QueryTooLong("an interval rule matches one text in too many ways", next_step="ask with `ordered: true` or fewer terms")


def text_test(leaf: Interval | Terms) -> Callable[[str], bool]:
    """The test of one text."""
    if isinstance(leaf, Interval):
        rule = leaf.rule
        return lambda text: bool(places(rule, terms(text), Work()))
    combine = all if leaf.every else any

    def fuzzy(text: str) -> bool:
        words = terms(text)
        return combine(any(_inside(word, term) or alike(word, term, _edits(term)) for word in words) for term in leaf.terms)

    return fuzzy


def places(rule: Rule, words: Sequence[str], work: Work) -> set[Place]:
    """Every place where a rule matches."""
    work.spend(len(words) + 1)
    match rule:
        case Match(asked, max_gaps, ordered):
            return _combined([_of_term(words, term) for term in asked], max_gaps, work, ordered=ordered)
        case PrefixMatch(asked):
            parts = [_of_term(words, term) for term in asked[:-1]]
            parts += [{(at, at, 1) for at, word in enumerate(words) if _begins(word, term)} for term in asked[-1:]]
            return _combined(parts, None, work, ordered=True)
        case FuzzyMatch(term, distance):
            return {(at, at, 1) for at, word in enumerate(words) if alike(word, term, distance)}
        case AnyRule(rules):
            return {place for inner in rules for place in places(inner, words, work)}
        case AllRules(rules, max_gaps, ordered):
            return _combined([places(inner, words, work) for inner in rules], max_gaps, work, ordered=ordered)
        case _:
            assert_never(rule)


def _of_term(words: Sequence[str], term: str) -> set[Place]:
    return {(at, at, 1) for at, word in enumerate(words) if word == term or _inside(word, term)}


def _inside(word: str, term: str) -> bool:
    return is_asian(term) and term in word


def _begins(word: str, term: str) -> bool:
    return term in word if is_asian(term) else word.startswith(term)


def _combined(parts: Sequence[set[Place]], max_gaps: int | None, work: Work, *, ordered: bool) -> set[Place]:
    if not parts or not all(parts):
        return set()
    orders: Iterable[Sequence[set[Place]]] = [parts] if ordered else permutations(parts)
    found = {place for order in orders for place in _in_order(order, work)}
    if max_gaps is None:
        return found
    return {(first, last, used) for first, last, used in found if last - first + 1 - used <= max_gaps}


def _in_order(parts: Sequence[set[Place]], work: Work) -> set[Place]:
    chains = parts[0]
    for part in parts[1:]:
        work.spend(len(chains) * len(part))
        chains = {(first, end, used + more) for first, last, used in chains for start, end, more in part if start > last}
    return chains


def _edits(term: str) -> int:
    """How many typing errors a term of this length forgives."""
    return 0 if len(term) <= 2 else 1 if len(term) <= 5 else 2


@lru_cache(maxsize=65_536)
def alike(word: str, term: str, distance: int) -> bool:
    """Whether at most so many characters were inserted, lost, changed, or swapped with a neighbour."""
    if abs(len(word) - len(term)) > distance:
        return False
    before: list[int] = []
    last = list(range(len(term) + 1))
    for i, char in enumerate(word, 1):
        row = [i]
        for j, other in enumerate(term, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (char != other))
            if i > 1 and j > 1 and char == term[j - 2] and word[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1] <= distance
