"""What is asked.

Reading order: `forms` and `sets` (as it is written) → `fields` (what a name means) → `where`, `planning`, `selecting` (checked against
the ontology and the caller) → `predicates`, `nodes`, `derived` (what the engine gets) → `plans`, `aggregates`; `tokens` for pages.
"""
