"""Which columns a dbt model has, told before it is made: by its contract, by its SQL, or by its table in the warehouse.

SQL is read as it stands, with `ref` and `source` written out; a model that uses other Jinja, or SQL that cannot be
read to the last column, is looked up in the warehouse, where its table counts if nothing in the model or in those
before it has changed since. Where that fails too, nobody can know without making the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError
from palantir_assets.lineage.outputs import output_columns
from palantir_assets.lineage.sql_text import without_comments
from palantir_assets.names import raw_table

_CALL: Final = re.compile(r"\{\{-?\s*(ref|source|config)\s*\((.*?)\)\s*-?\}\}", re.DOTALL)
_TEXT: Final = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*(?:,|$)")
_ADDED: Final = ("_source_sha256", "_record")
"""What every raw table has beside its declared columns."""


@dataclass(frozen=True)
class ModelColumns:
    """The columns of every model of a manifest, as far as they can be known."""

    project: Project
    manifest: Mapping[str, Any]
    _known: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    def of(self, node: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The columns of a model, or None if they cannot be known before it is made."""
        unique = str(node["unique_id"])
        if unique not in self._known:
            self._known[unique] = None  # a circle, which dbt refuses, would end here
            self._known[unique] = self._found(node)
        return self._known[unique]

    def _found(self, node: Mapping[str, Any]) -> tuple[str, ...] | None:
        if node["resource_type"] == "source":
            return self._raw.get(_table_of(node)) or tuple(self._made.get(_table_of(node), ())) or None
        if (node.get("contract") or {}).get("enforced"):
            return tuple(node["columns"])
        return self._by_sql(node) or self._by_table(node)

    def _by_sql(self, node: Mapping[str, Any]) -> tuple[str, ...] | None:
        sql = self._written_out(node)
        if sql is None:
            return None
        before = [one for name in _before(node) if (one := self._node(name)) is not None]
        known = {_table_of(one): self.of(one) for one in before}
        return output_columns(sql, {table: dict.fromkeys(columns, "VARCHAR") for table, columns in known.items() if columns})

    def _by_table(self, node: Mapping[str, Any]) -> tuple[str, ...] | None:
        columns = self._made.get(_table_of(node))
        return tuple(columns) if columns and self._unchanged(node) else None

    def _written_out(self, node: Mapping[str, Any]) -> str | None:
        """The SQL of a model with the tables it reads; None if it says more in Jinja than that."""
        if node["resource_type"] != "model" or node.get("language", "sql") != "sql":
            return None
        text = _CALL.sub(lambda call: self._called(node, call), without_comments(node["raw_code"]))
        return None if "{{" in text or "{%" in text else text

    def _called(self, node: Mapping[str, Any], call: re.Match[str]) -> str:
        """What stands for a call; the call itself where it means something else."""
        word, arguments = call[1], call[2]
        if word == "config":
            return ""
        names, rest = [], arguments
        while found := _TEXT.match(rest):
            names.append(found[1] or found[2] or "")
            rest = rest[found.end() :]
        wanted = [one for name in _before(node) if (one := self._node(name)) is not None and _is_called(one, word, names)]
        return f'"{wanted[0]["schema"]}"."{_local(wanted[0])}"' if len(wanted) == 1 and not rest.strip() else call[0]

    def _node(self, unique: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.manifest["nodes"].get(unique) or self.manifest["sources"].get(unique)
        return found

    def _unchanged(self, node: Mapping[str, Any]) -> bool:
        """Whether a model and every model before it is as it was when Dagster last made it."""
        from palantir_assets.assets.instance import opened
        from palantir_assets.assets.keys import last_made
        from palantir_assets.assets.model_versions import key_of_model, model_version

        models, front = dict[str, Mapping[str, Any]](), [node]
        while front:
            one = front.pop()
            if one["resource_type"] == "model" and one["unique_id"] not in models:
                models[str(one["unique_id"])] = one
                front += [before for name in _before(one) if (before := self._node(name)) is not None]
        wanted = {key_of_model(one): model_version(one, self.manifest["macros"]) for one in models.values()}
        with opened() as instance:
            made = last_made(instance, list(wanted))
        versions = {name: (event.tags or {}).get("dagster/code_version") for name, event in made.items()}
        return all(versions.get(key.to_user_string()) == version for key, version in wanted.items())

    @cached_property
    def _raw(self) -> dict[str, tuple[str, ...]]:
        sources = self.project.ontology.sources
        return {
            raw_table(name, table).table: (*declared.columns, *_ADDED)
            for name, source in sources.items()
            for table, declared in source.tables.items()
        }

    @cached_property
    def _made(self) -> Mapping[str, Mapping[str, str]]:
        """The tables of the warehouse; none if there is no warehouse yet, or somebody else is at it."""
        from palantir_assets.stores.warehouse import schemas_of

        if not self.project.settings.warehouse.exists():
            return {}
        try:
            with self.project.warehouse.read() as con:
                return schemas_of(con)
        except BuildError:
            return {}


def _before(node: Mapping[str, Any]) -> list[str]:
    return list((node.get("depends_on") or {}).get("nodes") or ())


def _is_called(node: Mapping[str, Any], word: str, names: list[str]) -> bool:
    """Whether `ref(…)` or `source(…)` with these texts means a node."""
    if word == "source":
        return names == [node.get("source_name"), node["name"]]
    return node["resource_type"] != "source" and names in ([node["name"]], [node["package_name"], node["name"]])


def _local(node: Mapping[str, Any]) -> str:
    return str(node.get("identifier") or node.get("alias") or node["name"])


def _table_of(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{_local(node)}"
