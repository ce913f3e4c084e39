"""The HTTP face of a release, and nothing of how one is made.

Reading order: `app` (what hangs together) → `middleware` (what every request goes through) → `policies`
(who may call what) → `deps` (what a request carries) → `errors` (what HTTP says of an error) → one router a
noun: `objects`, `ontologies`, `search`, `releases`, `health`, `docs`.
"""
