"""Where a process's log lines go, by its settings: to stderr always, and to Loki where one is set.

What a line is and where it waits is decided in `observability`. The libraries that speak to Loki are brought in only
where there is one.
"""

from __future__ import annotations

from palantir_assets.observability import Shipped, configure
from palantir_assets.settings import Settings


def told_by(settings: Settings, service: str) -> None:
    """Log lines of this process from here on, under that name in Loki."""
    loki = settings.loki
    if loki is None:
        configure(settings.log_level)
        return

    def away() -> Shipped:
        from palantir_assets.stores.loki import shipped_to

        return shipped_to(loki, service)

    configure(settings.log_level, away=away)
