"""HOW GOOD IT IS: suites of cases in YAML, run against a candidate through the code that serves.

`scoring` measures a ranked list, `running` holds answers against facts and a suite against its gate. Pure: who
answers and who knows the facts is passed in.
"""
