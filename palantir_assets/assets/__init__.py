"""Dagster, one module a station. Thin: an asset reads, calls, writes and reports.

`project` opens what is declared; `keys` spells asset keys; then the walk: `raw` → `tables` → `objects` →
`graph` → `search` → `learning` → `candidate` → `evals` → `release`. `automation` says when; `rounds` builds
what is stale. Stations meet in keys and tables, and import nothing of one another.
"""
