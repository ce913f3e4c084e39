"""What every test shares: hypothesis without deadlines, for machines that are busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("palantir", deadline=None, print_blob=True)
settings.load_profile("palantir")
