"""What an eval report bears, and what of it may be shown: the expected and the got of cases that touch marked data are hidden.

A case touches the properties that its query names (all of an object, where it selects none), the objects that are
counted, and the columns that its SQL reads. How cases are judged is decided in `evals`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from palantir_assets.access.declared import is_marked
from palantir_assets.access.derived import DOCUMENTS
from palantir_assets.access.markings import NONE, ROWS, Markings, Place, of_table, union
from palantir_assets.assets.borne_markings import Borne, borne
from palantir_assets.assets.project import Project
from palantir_assets.evals.running import SuiteResult
from palantir_assets.lineage.columns import columns_read
from palantir_assets.names import Name, object_table
from palantir_assets.observability.masking import masked
from palantir_assets.ontology.describing import added_properties
from palantir_assets.ontology.spec import Eval, Ontology, QueryCase, SearchCase
from palantir_assets.stores.warehouse import schemas_of

HIDDEN_METRICS = "hidden_metrics"
"""How many metrics of a marked model are on record, in the place of these."""


def suite_markings(project: Project, suite: Eval) -> Markings:
    """The union of what a suite's cases, and its model, bear."""
    if not is_marked(project.ontology):
        return NONE
    return NONE.union(*_of_cases(project, suite).values(), _of_model(project, suite))


def without_marked(project: Project, suite: Eval, result: SuiteResult) -> SuiteResult:
    """A result without the values of marked cases, and without the metrics of a marked model; whether they passed stays."""
    if not is_marked(project.ontology):
        return result
    found, metrics = _of_cases(project, suite), result.metrics
    cases = tuple(
        replace(case, expected=masked(case.expected, found.get(case.ask, NONE)), got=masked(case.got, found.get(case.ask, NONE)))
        for case in result.cases
    )
    if _of_model(project, suite):
        own = {name: value for name, value in metrics.items() if "." not in name}
        metrics = {**own, HIDDEN_METRICS: float(len(metrics) - len(own))}
    return replace(result, cases=cases, metrics=metrics)


def _of_model(project: Project, suite: Eval) -> Markings:
    return of_table(borne(project), Name("learning", suite.model).table).all if suite.model else NONE


def _of_cases(project: Project, suite: Eval) -> dict[str, Markings]:
    """By what is asked; where two cases ask the same in words, the union of both."""
    with project.warehouse.read() as con:
        schemas = schemas_of(con)
    today, found = borne(project), dict[str, Markings]()
    for texts, sql, touched in (*_queries(project.ontology, suite), *_searches(project.ontology, suite)):
        read = {Place(column.table, column.name) for column in columns_read(sql, schemas)}
        markings = union(today, touched | read) | _named_tables(today, sql)
        found |= {text: found.get(text, NONE) | markings for text in texts}
    return found


def _named_tables(borne: Borne, sql: str) -> Markings:
    """What the rows of the tables bear that a text names: it may count them."""
    plain = sql.replace('"', "").casefold()
    return NONE.union(*(markings for place, markings in borne.items() if place.column == ROWS and place.table.casefold() in plain))


def _queries(ontology: Ontology, suite: Eval) -> Iterator[tuple[tuple[str, ...], str, set[Place]]]:
    for case in suite.queries:
        yield (case.ask.en,), case.equals_sql, _touched(ontology, case)


def _touched(ontology: Ontology, case: QueryCase) -> set[Place]:
    """Every property, of whatever type, that a query can mean by the names in it."""
    words = set(re.findall(r"[a-z][a-z0-9_]*", json.dumps(case.query)))
    whole = not case.query.get("select") and not case.query.get("count")
    found: set[Place] = set()
    for name, object_type in ontology.objects.items():
        table, asked = object_table(name).table, name == case.query.get("object")
        properties = [*object_type.properties, *added_properties(ontology, name)]
        found |= {Place(table, ROWS)} if asked else set()
        found |= {Place(table, prop) for prop in properties if prop in words or (asked and whole)}
    return found


def _searches(ontology: Ontology, suite: Eval) -> Iterator[tuple[tuple[str, ...], str, set[Place]]]:
    for case in suite.searches:
        texts = tuple(text for text in (case.ask.en, case.ask.ko) if text)
        yield texts, case.relevant_sql, {Place(DOCUMENTS, name) for name in _searched(ontology, case)}


def _searched(ontology: Ontology, case: SearchCase) -> list[str]:
    return [case.object] if case.object else [name for name, object_type in ontology.objects.items() if object_type.search]
