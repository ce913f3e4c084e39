"""R24, the part of the specs: no name in a spec reaches SQL unless it is a plain identifier, and no text but as a value.

Every mapping key and every name of a project that uses all sections is replaced by injections, one at a time: the
loader must refuse each with its place. What may hold any text (titles, literals) is run, and gives that text back.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from palantir_assets.errors import SpecError
from palantir_assets.names import dbt_table
from palantir_assets.ontology.compiling import link_select, object_select, orphans_select, paths_select
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.row_rules import parse_row_rule
from palantir_assets.ontology.spec import ObjectType, Ontology, ValueType
from tests.fakes.nasty import NASTY
from tests.soundness.conftest import FULL, Score

Steps = tuple[str | int, ...]
Files = dict[str, dict[str, Any]]

INJECTIONS = (
    'a"; DROP TABLE objects.loaf; --',
    "a'; DROP TABLE objects.loaf; --",
    "loaf)",
    "loaf UNION SELECT 1",
    "loaf\n",
    "loaf\x00",
    "Loaf",
    "lоaf",  # its o is Cyrillic
    "_row",
    "objects.loaf",
    "x" * 64,
)
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,62}){0,3}")
PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What is looked up among the installed packages and never is SQL."""
TEXTS = {
    "label", "plural", "description", "title", "text", "ask", "derived", "equals_sql", "relevant_sql", "never", "header", "file",
    "aliases", "unit", "because", "rows",
}  # fmt: skip

BAKERY: Files = {
    "loaf.yaml": {
        "object": "loaf", "label": "Loaf", "from": "marts.loaves", "key": "loaf_id", "title": "{loaf_id}", "owner": "team:bakery",
        "properties": {
            "loaf_id": {"type": "string"}, "oven_id": {"type": "string", "markings": ["secret"]},
            "next_id": {"type": "string", "optional": True},
            "baked_at": {"type": "timestamp"}, "grams": {"type": "grams", "known_at": "baked_at"},
            "sold": {"type": "boolean"}, "is_big": {"type": "boolean", "derived": "grams > 900"},
        },
        "links": {
            "oven": {"to": "oven", "by": "oven_id", "reverse": "loaves"},
            "next": {"to": "oven", "by": "next_id", "reverse": "nexts", "optional": True, "cardinality": "one_to_one", "orphans": "warn"},
        },
        "search": {"text": "{oven.name}"}, "indexes": ["baked_at"],
    },
    "oven.yaml": {
        "object": "oven", "label": "Oven", "from": "staging.ovens", "key": "oven_id", "title": "{name}",
        "properties": {"oven_id": {"type": "string"}, "name": {"type": "string", "optional": True}},
        "links": {
            "moved": {
                "to": "oven", "through": {"object": "loaf", "source": "oven", "target": "next"}, "reverse": "moved_from",
                "valid": {"from": "baked_at"}, "optional": True,
            },
        },
    },
    "cake.yaml": {
        "object": "cake", "label": "Cake", "from": "marts.cakes", "key": "cake_id", "title": "{cake_id}", "renamed_from": "pie",
        "implements": {"baked": {"grams": "weight"}}, "aliases": ["gateau"], "status": "experimental",
        "properties": {
            "cake_id": {"type": "string"}, "weight": {"shared": "weight"}, "place": {"type": "geopoint", "from": ["lat", "lon"]},
            "parts": {"type": "struct", "fields": {"flour": "decimal"}, "digits": [9, 2]}, "tags": {"type": "array", "of": "string"},
            "heat": {
                "type": "timeseries", "of": "double", "from": "cake_id",
                "points": {"table": "staging.heat", "by": "cake_id", "at": "measured", "value": "degrees"},
            },
            "baked_in": {"type": "integer", "derived": "count(ovens)"},
        },
        "links": {
            "ovens": {
                "to": "oven", "via": {"table": "marts.uses", "source": "cake", "target": "oven"}, "reverse": "cakes",
                "valid": {"from": "since", "until": "till"},
            },
        },
    },
    "shared.yaml": {
        "value_types": {"grams": {"type": "double", "min": 0}},
        "shared_properties": {"weight": {"type": "grams"}},
        "interfaces": {
            "made": {"label": "Made"},
            "baked": {
                "label": "Baked", "extends": "made", "properties": {"grams": {"shared": "weight"}},
                "links": {"ovens": {"to": "oven"}},
            },
        },
        "functions": {
            "best": {
                "entry": "bakery.py:best", "version": "1.0.0", "output": {"type": "struct", "fields": {"grams": "double"}},
                "parameters": {"oven": {"type": "object", "object": "oven"}, "tags": {"type": "array", "of": "string"}},
            }
        },
        "metrics": {"weight_of_all": {"query": {"object": "cake", "aggregations": [{"type": "sum", "field": "weight"}]}}},
        "sources": {
            "bakery": {
                "kind": "package_data", "package": "bakery_data", "freshness": {"warn_after": "1h", "fail_after": "2h"},
                "markings": ["secret"],
                "tables": {
                    "loaves": {
                        "file": "loaves.csv", "markings": ["secret"],
                        "columns": {"loaf_id": "string", "grams": {"type": "double", "header": "g", "markings": ["secret"]}},
                    }
                },
            }
        },
        "graphs": {
            "moves": {
                "nodes": "oven", "edges": {"object": "loaf", "source": "oven", "target": "next", "weight": "grams"},
                "measures": {"busy": {"kind": "degree"}},
            }
        },
        "models": {
            "sells": {
                "object": "loaf", "predict": "sold", "at": "baked_at", "features": ["grams", "oven.name"],
                "split": {"by": "baked_at", "train_until": "2024-01-01"}, "estimators": {"trees": {"kind": "gradient_boosting"}},
                "serve": "trees", "writes": {"sold_probability": {"type": "double"}},
            }
        },
        "evals": {
            "facts": {"target": "query", "queries": [{"ask": "?", "query": {"object": "loaf", "count": True}, "equals_sql": "select 1"}]},
            "model": {"target": "model", "model": "sells", "gate": {"metric": "pass_rate"}},
        },
    },
    "access.yaml": {
        "roles": {"baker": {"label": "Baker"}, "owner": {"includes": ["baker"], "description": "Owns it."}},
        "attributes": {"ovens": "strings", "shift": "integer"},
        "markings": {"secret": {"roles": ["owner"], "label": "Secret"}},
        "anonymous": ["baker"],
        "default": {"read": {"roles": ["baker"], "needs": ["secret"]}},
        "policies": {
            "loaf": {
                "read": {"roles": ["baker"], "needs": ["secret"]}, "rows": "oven_id in caller.ovens or grams < caller.shift",
                "properties": {"sold": {"roles": ["owner"], "needs": ["secret"], "discover": True}}, "discover": False,
                "links": {"next": {"roles": ["owner"], "needs": ["secret"]}},
            }
        },
        "function_policies": {"best": {"call": {"roles": ["owner"], "needs": ["secret"]}}},
        "model_policies": {"sells": {"read": {"roles": ["owner"], "needs": ["secret"]}}},
        "declassify": [{"property": "loaf.is_big", "removes": ["secret"], "because": "big is no secret", "by": "team:bakery"}],
        "policy_tests": [
            {
                "as": {"roles": ["baker"], "markings": ["secret"], "ovens": "any text", "shift": 3}, "read": "loaf/Any key",
                "expect": "visible", "withheld": ["sold"],
            }
        ],
    },
    "staff.yaml": {"roles": ["helper", "guest"]},
}  # fmt: skip


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = written(tmp_path / "ontology_specs", BAKERY)
    (folder / "bakery.py").write_text("def best(objects, *, oven, tags):\n    return {'grams': 1.0}\n")
    return folder


def written(folder: Path, files: Files) -> Path:
    """The files as JSON, which is YAML too and can write every character."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1))
    return folder


def places(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, bool]]:
    """Every key (True) and every name (False) of a document, but those inside a query, which is parsed when it is asked."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), True
            if key not in TEXTS and key != "query":
                yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))
    elif isinstance(value, str) and NAME.fullmatch(value):
        yield path, False


def replaced(document: dict[str, Any], path: Steps, is_key: bool, text: str) -> dict[str, Any]:
    """The document with one key or one name changed."""
    changed = copy.deepcopy(document)
    around: Any = changed
    for part in path[:-1]:
        around = around[part]
    if is_key:
        items = [(text if key == path[-1] else key, inner) for key, inner in around.items()]
        around.clear()
        around.update(items)
    else:
        around[path[-1]] = text
    return changed


def complaint(folder: Path) -> str:
    """What is wrong with how an injection was met, or nothing."""
    try:
        load_ontology(folder)
    except SpecError as error:
        bad = [problem for problem in error.problems if problem.place is None or not str(problem).isprintable()]
        return f"told badly: {bad}" if bad else ""
    return "let through"


def test_the_bakery_itself_holds_together(specs: Path) -> None:
    assert load_ontology(specs).ontology.objects.keys() == {"loaf", "oven", "cake"}


def test_r24_every_bad_identifier_is_refused_at_load_with_its_place(specs: Path, score: Score) -> None:
    """On each commit every place sees a seeded fifth of the injections; in the long tier all of them, and the nasty texts too."""
    injections = (*INJECTIONS, *(text for text in NASTY if not NAME.fullmatch(text)))
    dice = random.Random(24)
    found: list[str] = []
    cases = 0
    for file, document in BAKERY.items():
        for path, is_key in places(document):
            for text in injections if FULL else dice.sample(INJECTIONS, len(INJECTIONS) // 5):
                if path[-1] == "package" and PACKAGE.fullmatch(text):
                    continue
                written(specs, {file: replaced(document, path, is_key, text)})
                cases += 1
                if said := complaint(specs):
                    found.append(f"{file} {'.'.join(map(str, path))} = {text!r}: {said}")
        written(specs, {file: document})
    print("\n".join(found))
    score("R24", cases, len(found))


TITLES = [text for text in NASTY if text and len(text) <= 500 and text.isprintable()]


def bakery(title: str = "{loaf_id}", **derived: str) -> Ontology:
    """The bakery's two object types with another title, and more derived texts."""
    loaf = copy.deepcopy(BAKERY["loaf.yaml"])
    loaf["title"] = title
    loaf["properties"] |= {name: {"type": "string", "derived": text} for name, text in derived.items()}
    types = {"loaf": ObjectType.model_validate(loaf), "oven": ObjectType.model_validate(BAKERY["oven.yaml"])}
    return Ontology.model_construct(None, objects=types, value_types={"grams": ValueType(type="double")})


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA marts; CREATE SCHEMA staging; CREATE SCHEMA objects; CREATE SCHEMA links")
        con.execute(
            "CREATE TABLE marts.loaves AS "
            "SELECT 'l-1' loaf_id, 'o-1' oven_id, NULL next_id, now()::TIMESTAMP baked_at, 950.0 grams, true sold"
        )
        con.execute("CREATE TABLE staging.ovens AS SELECT 'o-1' oven_id, 'Big' AS name")
        yield con


@pytest.mark.parametrize("text", TITLES)
def test_r24_any_text_in_a_title_or_a_literal_is_only_a_text(warehouse: duckdb.DuckDBPyConnection, text: str, score: Score) -> None:
    before = warehouse.execute("SELECT table_name, estimated_size FROM duckdb_tables()").fetchall()
    ontology = bakery(text, said=repr(text))
    rows = warehouse.execute(object_select(ontology, ontology.objects["loaf"])).fetchall()
    heads = [column[0] for column in warehouse.description or ()]
    row = dict(zip(heads, rows[0], strict=True))
    wrong = len(rows) != 1 or row["_title"] != text.strip(" ") or row["said"] != text
    wrong |= warehouse.execute("SELECT table_name, estimated_size FROM duckdb_tables()").fetchall() != before
    score("R24", 2, int(wrong))


FIELDS = {
    ("declassify", 0, "by"), ("declassify", 0, "property"), ("policy_tests", 0, "read"), ("policy_tests", 0, "as", "shift"),
    ("attributes", "ovens"), ("policies", "loaf", "discover"), ("policies", "loaf", "rows"),
}  # fmt: skip
"""What of access is no plain name, and no free text either."""


@pytest.mark.parametrize("path", sorted(FIELDS, key=str))
def test_r24_what_of_access_has_a_form_takes_no_other(specs: Path, path: Steps, score: Score) -> None:
    found = 0
    injections = [text for text in (*INJECTIONS, *NASTY) if path[-1] != "rows" or text != "None"]
    for text in injections:
        written(specs, {"access.yaml": replaced(BAKERY["access.yaml"], path, is_key=False, text=text)})
        found += bool(complaint(specs))
    score("R24", len(injections), found)


@pytest.mark.parametrize("text", [text for text in NASTY if "\x00" not in text and len(text) < 500])
def test_r24_a_text_in_a_row_rule_is_only_a_text(warehouse: duckdb.DuckDBPyConnection, text: str, score: Score) -> None:
    before = warehouse.execute("SELECT table_name, estimated_size FROM duckdb_tables()").fetchall()
    rule = parse_row_rule(f"loaf_id == {text!r} or {text!r} in caller.ovens", {"loaf_id": "string"}, {"ovens": "strings"})
    asked = f"SELECT loaf_id FROM marts.loaves WHERE {rule.sql}"
    none = warehouse.execute(asked, rule.parameters({"ovens": ["another"]})).fetchall()
    one = warehouse.execute(asked, rule.parameters({"ovens": [text]})).fetchall()
    wrong = (none, one) != ([], [("l-1",)])
    wrong |= warehouse.execute("SELECT table_name, estimated_size FROM duckdb_tables()").fetchall() != before
    score("R24", 2, int(wrong))


WORDS = ("select", "having", "where", "group", "order", "table", "join", "union", "default", "primary", "case", "end", "null", "column")


@pytest.mark.parametrize("word", WORDS)
def test_r24_a_name_that_is_a_word_of_sql_is_a_name_like_any_other(tmp_path: Path, word: str, score: Score) -> None:
    other = "other_end"
    linking = {
        "object": word, "label": "A", "from": f"marts.{word}", "key": f"{word}_id", "title": f"{{{word}}}",
        "properties": {f"{word}_id": {"type": "string"}, word: {"type": "string"}, "n": {"type": "integer", "derived": f"length({word})"}},
        "links": {f"{word}_link": {"to": other, "by": word, "reverse": f"{word}_reverse"}},
    }  # fmt: skip
    linked = {
        "object": other, "label": "B", "from": f"staging.{word}", "key": "k", "title": "{k}",
        "properties": {"k": {"type": "string"}, word: {"type": "string"}},
    }  # fmt: skip
    ontology = load_ontology(written(tmp_path / "ontology_specs", {"a.yaml": linking, "b.yaml": linked})).ontology
    source, target = ontology.objects[word], ontology.objects[other]
    link = source.links[f"{word}_link"]
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA marts; CREATE SCHEMA staging; CREATE SCHEMA objects; CREATE SCHEMA links")
        con.execute(f"CREATE TABLE {dbt_table(source.table).sql} AS SELECT '1' AS \"{word}_id\", 'x' AS \"{word}\"")
        con.execute(f"CREATE TABLE {dbt_table(target.table).sql} AS SELECT 'x' AS k, 'found' AS \"{word}\"")
        for each in (source, target):
            con.execute(f'CREATE TABLE objects."{each.name}" AS {object_select(ontology, each)}')
        con.execute(f'CREATE TABLE links."{word}__{word}_link" AS {link_select(ontology, source, link)}')
        found = con.execute(paths_select(ontology, word, ["n", f"{word}_link.{word}"])).fetchall()
        lost = con.execute(orphans_select(ontology, source, link)).fetchall()
    score("R24", 1, int((found, lost) != ([(0, 1, "found")], [])))
