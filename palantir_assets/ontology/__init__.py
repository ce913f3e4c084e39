"""WHAT EXISTS: the ontology, from YAML to types. Pure: pydantic, PyYAML and the standard library only.

Reading order: `spec` (what may be written) → `reading` (files to specs) → `resolving` (shared properties and functions'
files written out) → `rules` and its neighbours (what must hold between them) → `loading` (all of it, every problem at
once) → `expressions` and `aggregates` (derived properties) → `stages` (when each is computed) → `compiling`, `link_sql`
and `virtual` (to SQL) → `describing` (to the served form) → `served` (what a release holds) → `versioning` (what makes an
asset stale).
"""
