"""THE CONTRACT between build and serving: a release is a folder, whole or invisible.

Reading order: `manifest` (what a release is) → `writing` (tables to files) → `filesystem` (durable steps
that can be made to fail) → `publishing` (sealed, then committed by one ledger row) → `log` (what is asked
of the ledger) → `comparing` (what changed) → `indexing` and `rows` (what is rebuilt from the truth for
speed) → `reading` (one release, open) → `holding` (the one being served) → `collecting` (what may go).
"""
