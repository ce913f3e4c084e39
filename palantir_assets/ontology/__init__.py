"""WHAT EXISTS: the ontology, from YAML to types. Pure: pydantic, PyYAML and the standard library only.

Reading order: `spec` (what may be written) → `loading` (files to specs, every problem at once) →
`rules` (what must hold between them) → `expressions` (derived properties) → `compiling` (specs to SQL and
to the served form) → `served` (what a release holds) → `versioning` (what makes an asset stale).
"""
