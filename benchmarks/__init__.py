"""Measurements of the default project: every number that the README quotes, and the command that prints it.

    python -m benchmarks                     all of them; takes about ten minutes on 2 cores
    python -m benchmarks --only api,links    some of them
    python -m benchmarks --readme            the README's table, from the last results

One module a measurement; each says in its docstring what is measured and how. `catalogue` lists the numbers
with their goals, `report` shows them, `processes` starts what is measured. Nothing here is imported by the
platform or its tests, but for the report's own.
"""
