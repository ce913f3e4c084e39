"""Measurements of the default project: every number that the README quotes, and the command that prints it.

    python -m benchmarks                     all of them; takes about twenty minutes on 2 cores
    python -m benchmarks --only api,links    some of them
    python -m benchmarks --only engine       the engine beside its peers (PostgreSQL has to be installed)
    python -m benchmarks --only edits,policies,ledger   what changes and rules cost, each beside the same without it
    python -m benchmarks --readme            the README's tables, from the last results

One module a measurement, and a package for those of the engine; each says in its docstring what is measured and how.
`catalogue` lists the numbers with their goals, `report` shows them, `processes` starts what is measured. Nothing here is
imported by the platform or its tests, but for the tests of what is computed here.
"""
