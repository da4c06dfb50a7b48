"""The Mann–Whitney U test: whether values of one kind tend to be larger than those of another."""

import math
from collections.abc import Sequence
from itertools import groupby


def z_score(one: Sequence[float], other: Sequence[float]) -> float:
    """How many standard deviations U lies from what chance gives; positive where `one` tends to be larger.

    It asks nothing of the distributions, which latencies with their long tails need. Equal values share their mean
    rank, and the deviation is corrected for them; it is 0 where all values are equal. Normal approximation without
    continuity correction, so give at least some 20 values of each kind. Raises ValueError for an empty sample.
    """
    if not one or not other:
        raise ValueError("both samples need values")
    m, n = len(one), len(other)
    total = m + n
    rank_sum, ties, below = 0.0, 0, 0
    everything = sorted([(value, True) for value in one] + [(value, False) for value in other])
    for _, equal in groupby(everything, key=lambda pair: pair[0]):
        members = list(equal)
        count = len(members)
        mean_rank = below + (count + 1) / 2
        rank_sum += mean_rank * sum(is_one for _, is_one in members)
        ties += count**3 - count
        below += count
    u = rank_sum - m * (m + 1) / 2
    variance = m * n / 12 * (total + 1 - ties / (total * (total - 1)))
    return (u - m * n / 2) / math.sqrt(variance) if variance > 0 else 0.0
