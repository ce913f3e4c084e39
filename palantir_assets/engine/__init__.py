"""How it is answered: a plan in, ready bytes out, over a release or a candidate alike.

Reading order: `ports` (what an open release offers) → `rows` (sets of row numbers) → `visibility` (which a caller may see) →
`indexed`, `predicates`, `words`, `polygons` (one test by an index, as SQL, in Python) → `filtering` (a filter) → `hops` (a link) →
`deriving`, `nearest` (values and neighbours) → `sets` (a planned set) → `ordering`, `shaping` → `answering` (a plan),
`aggregating`, `linking`. Beside them: `objects` (one object and its links), `searching` (a text), `graphs` (ways between objects).
`statements` and `sources` are how SQL is asked. Edits that no build has folded in yet are laid over a release by `edited`: `editing`
and `segments` (objects as edits make them) → `patches` (a type) → `relinking` (links).
"""
