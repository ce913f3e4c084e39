"""The workshop's functions."""

from __future__ import annotations

from typing import Any


def workload(objects: Any) -> dict[str, float]:
    """How many repairs there are, and how long they should take."""
    repairs = objects.find({"object": "repair"})
    return {"repairs": len(repairs), "hours": sum(repair["estimated_hours"] for repair in repairs)}


def worn_out(objects: Any, *, maker: str, most: int) -> list[dict[str, object]]:
    """Marks the bicycles of a maker that were repaired most often, at most so many."""
    bicycles = objects.find({"object": "bicycle", "where": {"type": "eq", "field": "maker", "value": maker}, "limit": 1000})
    repaired = {bicycle["bicycle_id"]: len(objects.linked("bicycle", bicycle["bicycle_id"], "repairs")) for bicycle in bicycles}
    worst = sorted(repaired, key=lambda key: (-repaired[key], key))[:most]
    return [{"modify": "bicycle", "key": key, "set": {"state_note": f"{repaired[key]} repairs"}} for key in worst]
