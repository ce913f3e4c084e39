"""How good a ranked list is, for a set of keys that are right."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def hit(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """1.0 if any right key is in the list, else 0.0.

    >>> hit(["b", "a"], {"a"})
    1.0
    """
    return float(any(key in relevant for key in ranked))


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain at k with equal gains (Järvelin & Kekäläinen, 2002), 0 to 1.

    >>> ndcg(["x", "a"], {"a"}, 10)
    0.6309297535714575
    """
    gained = sum(1 / math.log2(place + 2) for place, key in enumerate(ranked[:k]) if key in relevant)
    best = sum(1 / math.log2(place + 2) for place in range(min(k, len(relevant))))
    return gained / best if best else 0.0
