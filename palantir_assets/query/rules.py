"""The rules of an `interval` test, checked. How words fit them is found in `engine.words`."""

from __future__ import annotations

from typing import Final, assert_never

from palantir_assets.errors import QueryError
from palantir_assets.query.forms import AllOfRuleForm, AnyOfRuleForm, FuzzyRuleForm, MatchRuleForm, PrefixRuleForm, RuleForm
from palantir_assets.query.predicates import AllRules, AnyRule, FuzzyMatch, Match, PrefixMatch, Rule
from palantir_assets.query.terms import asked_terms

MAX_UNORDERED: Final = 6
MAX_RULES: Final = 40
DEFAULT_FUZZINESS: Final = 2


def typed_rule(name: str, form: RuleForm) -> Rule:
    """The rule with its texts as terms. Raises QueryError for one that would be too much work."""
    if _rules(form) > MAX_RULES:
        raise QueryError(f"{name!r}: an interval has at most {MAX_RULES} rules within rules")
    return _typed(name, form, 0)


def _rules(form: RuleForm) -> int:
    return 1 + sum(map(_rules, form.rules)) if isinstance(form, AllOfRuleForm | AnyOfRuleForm) else 1


def _typed(name: str, form: RuleForm, depth: int) -> Rule:
    if depth > 5:
        raise QueryError(f"{name!r}: the rules of an interval are nested deeper than 5")
    match form:
        case MatchRuleForm():
            found = asked_terms(name, form.query)
            _refuse_many(name, len(found), form.ordered)
            return Match(found, form.max_gaps, form.ordered)
        case PrefixRuleForm():
            return PrefixMatch(asked_terms(name, form.query))
        case FuzzyRuleForm():
            return FuzzyMatch(_one_term(name, form.term), DEFAULT_FUZZINESS if form.fuzziness is None else form.fuzziness)
        case AllOfRuleForm():
            _refuse_many(name, len(form.rules), form.ordered)
            return AllRules(tuple(_typed(name, rule, depth + 1) for rule in form.rules), form.max_gaps, form.ordered)
        case AnyOfRuleForm():
            return AnyRule(tuple(_typed(name, rule, depth + 1) for rule in form.rules))
        case _:
            assert_never(form)


def _one_term(name: str, text: str) -> str:
    found = asked_terms(name, text)
    if len(found) != 1:
        raise QueryError(f"{name!r}: a fuzzy rule takes one term, and {text[:80]!r} is {len(found)}")
    return found[0]


def _refuse_many(name: str, parts: int, ordered: bool) -> None:
    if not ordered and parts > MAX_UNORDERED:
        raise QueryError(f"{name!r}: at most {MAX_UNORDERED} parts can be asked for in any order, not {parts}; `ordered: true` takes more")
