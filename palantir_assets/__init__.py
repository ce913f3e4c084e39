"""One walk, two doors, one loop.

sources    →  where bytes come from, kept as they came                      sources
raw        →  rows with the bytes and the line they came from               assets.raw
tables     →  dbt models                                                    assets.tables
ledger     →  what people said, read at one moment                        assets.ledger
objects    →  typed objects, and the links between them                     assets.objects
graph      →  links as arrays that can be walked, and measures of nodes     assets.graph
search     →  what each object says, and its vector                         assets.search
learning   →  models, their cards, their scores                             assets.learning
candidate  →  all of it, sealed and hashed                                  assets.candidate
evals      →  asked through the code that serves                            assets.evals
release    →  gated, renamed, committed                                     assets.release
serving    →  the read door: releases, and nothing but releases             serving
"""
