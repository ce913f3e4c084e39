"""The workshop's functions."""

from __future__ import annotations

from typing import Any


def workload(objects: Any) -> dict[str, float]:
    """How many repairs there are, and how long they should take."""
    repairs = objects.find({"object": "repair"})
    return {"repairs": len(repairs), "hours": sum(repair["estimated_hours"] for repair in repairs)}
