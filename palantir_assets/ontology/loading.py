"""The door to the specs: read, hold against every rule, and hand over what holds together, or every problem at once."""

from __future__ import annotations

from pathlib import Path

from palantir_assets.errors import Place, Problem, SpecError
from palantir_assets.ontology.reading import Loaded, read_specs
from palantir_assets.ontology.resolving import resolved
from palantir_assets.ontology.rules import broken_rules


def load_ontology(specs_dir: Path) -> Loaded:
    """Read every `*.yaml` below `specs_dir`; raises SpecError with all problems, sorted by place."""
    loaded, problems = examine_specs(specs_dir)
    if problems:
        raise SpecError(problems)
    return loaded


def examine_specs(specs_dir: Path) -> tuple[Loaded, list[Problem]]:
    """The specs as far as they can be read, and all problems, sorted by place: for telling more of them, not for building."""
    loaded, problems = read_specs(specs_dir)
    loaded = resolved(loaded, specs_dir)
    problems += broken_rules(loaded)
    return loaded, sorted(problems, key=lambda problem: (problem.place or Place(specs_dir), problem.message))
