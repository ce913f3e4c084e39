"""How it is answered: a plan in, ready bytes out, over a release or a candidate alike.

Reading order: `ports` (what an open release offers) → `predicates` (a filter as SQL) → `answering` (a plan)
→ `objects` (one object and its links) → `searching` (a text).
"""
