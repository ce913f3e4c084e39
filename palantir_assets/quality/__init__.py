"""WHAT IS EXPECTED of objects: constraints from the specs → Great Expectations suites → results.

`suites` decides what is expected (pure), `validating` asks Great Expectations (its only home), `gate` reads
results and says whether a candidate may become a release. dbt's tests speak about tables and are not repeated here.
"""
