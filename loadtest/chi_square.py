"""Pearson's chi-square: could these counts have come from equal shares?"""

from __future__ import annotations

import math
from collections.abc import Sequence


def statistic(counts: Sequence[int]) -> float:
    """How far the counts are from equal ones; about the number of counts less one by chance alone."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def probability(statistic: float, degrees: int) -> float:
    """How often chance alone gives at least so much: the regularised upper gamma function by its series
    (Press et al., Numerical Recipes, 6.2)."""
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    term = total = 1.0 / a
    count = a
    while term > total * 1e-12:
        count += 1
        term *= x / count
        total += term
    return max(0.0, 1.0 - total * math.exp(-x + a * math.log(x) - math.lgamma(a)))
