"""The engine beside its peers: the same questions of the same release, with the same answers, asked in turns.

Reading order: `questions` (what is asked) → `stage` (what a run of the family shares: a release, peers, a tenfold
release) → `pairing` (how two sides take turns, and what is counted) → one module a row of the table: `keyed`,
`linked`, `filtered`, `grouped`, `around`, `paths`, `arrays`, `growth`, and `control`, which is ours against ours.

Peers: `postgres` and `postgres_app`, `ladybug` and `ladybug_app`, `tables` (datasette and roapi), `networks` (networkx).
Ours: `palantir serve` as it is, `bare` (the same routes without the middleware) and `ours` (asked in the process).

What counts is CPU time, user and system, of the process that answers and of its children; of PostgreSQL that is the
web process and the backend it asks. What the client and the wall clock spend counts nowhere but where a row says so.
"""
