from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from palantir_assets.cli.progress import drawn

EVENTS: list[dict[str, Any]] = [
    {"kind": "round", "total": 2},
    {"kind": "step_started", "asset": "raw/shop__orders"},
    {"kind": "step_succeeded", "asset": "raw/shop__orders", "seconds": 0.25, "detail": "10 rows"},
    {"kind": "step_failed", "asset": "marts/orders", "seconds": None, "detail": "column [amount] is missing"},
    {"kind": "check", "asset": "objects/order", "detail": "1 orphan"},
    {"kind": "check", "asset": "objects/order", "detail": "key passed", "blocks": False},
    {"kind": "check", "asset": "objects/order", "detail": "key failed: twice", "blocks": True},
    {"kind": "check", "asset": "raw/shop__orders", "detail": "refused warned: 1 row refused: line 5: x", "blocks": False},
    {"kind": "something new"},
]


def test_a_build_without_a_terminal_is_a_line_for_each_end() -> None:
    text = io.StringIO()
    with drawn(Console(file=text, width=200, highlight=False)) as painter:
        for event in EVENTS:
            painter.show(event)
    assert text.getvalue().splitlines() == [
        "✓ raw/shop__orders 0.2 s  10 rows",
        "✗ marts/orders  column [amount] is missing",
        "! objects/order  1 orphan",
        "✗ objects/order  key failed: twice",
        "! raw/shop__orders  1 row refused: line 5: x",
    ]


def test_a_build_on_a_terminal_has_a_bar() -> None:
    text = io.StringIO()
    with drawn(Console(file=text, width=120, force_terminal=True)) as painter:
        for event in EVENTS[:4]:
            painter.show(event)
    assert "raw/shop__orders" in text.getvalue()
    assert "1/2" in text.getvalue()
