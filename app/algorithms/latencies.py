"""How long requests took, counted in buckets that grow by a constant ratio: counts of many nodes add up.

A percentile of percentiles means nothing; the percentile of summed counts is right within one bucket
(G. Tene, HdrHistogram, 2012)."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

FIRST_MS = 0.5
RATIO = 1.15
LAST_BUCKET = 120  # some two hours; whatever took longer counts there


def bucket_of(milliseconds: float) -> int:
    """The first bucket whose upper end is not below."""
    if milliseconds <= FIRST_MS:
        return 0
    # A value that lies on an end must not slip into the next bucket by rounding.
    return min(math.ceil(math.log(milliseconds / FIRST_MS, RATIO) - 1e-9), LAST_BUCKET)


def upper_end(bucket: int) -> float:
    """In milliseconds."""
    return FIRST_MS * RATIO**bucket


def count_buckets(seconds: Iterable[float]) -> dict[int, int]:
    return dict(Counter(bucket_of(each * 1000) for each in seconds))


def add_up(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def percentile_ms(counts: Mapping[int, int], share: float) -> float | None:
    """No less than so many of the requests took at most this long; None when there were none."""
    total = sum(counts.values())
    wanted = math.ceil(total * share - 1e-9)
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if counts[bucket] and seen >= wanted:
            return upper_end(bucket)
    return None
