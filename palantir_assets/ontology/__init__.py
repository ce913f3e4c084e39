"""WHAT EXISTS: the ontology, from YAML to types. Pure: pydantic, PyYAML and the standard library only.

Reading order: `spec` (what may be written) → `reading` (files to specs) → `rules` (what must hold
between them) → `loading` (both, every problem at once) → `expressions` (derived properties) → `compiling` (specs to SQL and
to the served form) → `served` (what a release holds) → `versioning` (what makes an asset stale).
"""
