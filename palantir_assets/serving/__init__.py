"""The HTTP face of a release, and nothing of how one is made.

Reading order: `app` (what hangs together) → `middleware` (what every request goes through) → `policies`
(who may call what) → `deps` (what a request carries) → `errors` (what HTTP says of an error) → `asking` and
`bodies` (from a request to a plan) → the routers. Objects: `objects`, `object_sets`, `interfaces`, `series`,
`graphs`, `search`. What there is: `ontologies`, `object_types`, `interface_types`, `value_types`, `functions`, told
by `describing` in the shapes of `views`. The service itself: `releases`, `health`, `docs`.
"""
