"""Functions of the ontology: typed Python entry points over one release, each with a time and a memory limit.

Reading order: `calling` and `results` (what a function takes and gives) → `objects` (what it asks) → `running` (the
service's side, with `processes`) → `wire` (what passes between the two) → `bounds` and `worker` (the process it
runs in).
"""
