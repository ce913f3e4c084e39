"""The door to the specs: read, hold against every rule, and hand over what holds together, or every problem at once."""

from __future__ import annotations

from pathlib import Path

from palantir_assets.errors import Place, SpecError
from palantir_assets.ontology.reading import Loaded, read_specs
from palantir_assets.ontology.resolving import resolved
from palantir_assets.ontology.rules import broken_rules


def load_ontology(specs_dir: Path) -> Loaded:
    """Read every `*.yaml` below `specs_dir`; raises SpecError with all problems, sorted by place."""
    loaded, problems = read_specs(specs_dir)
    loaded = resolved(loaded, specs_dir)
    problems += broken_rules(loaded)
    if problems:
        raise SpecError(sorted(problems, key=lambda problem: (problem.place or Place(specs_dir), problem.message)))
    return loaded
