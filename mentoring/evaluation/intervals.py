"""Shares with their uncertainty.

Belongs here: the interval of a share and its words. Does not belong here: which share is of interest.

Why an interval of the share that answered 4 or 5, and none of the mean: on a scale of five steps with few
answers the mean is neither normal nor free of the scale's ends, so a t interval can leave the scale;
Wilson's interval of a share cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, hypot, sqrt
from statistics import NormalDist

#: Below this many answers a share is told in people ("7 of 9"): percent would pretend precision.
FEWEST_FOR_PERCENT = 20


def wilson_interval(count: float, total: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of the share `count / total`, both ends between 0 and 1.

    No continuity correction. Raises ValueError unless 0 ≤ count ≤ total, total > 0 and 0 < confidence < 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927), 209–212; recommended for few answers by L. D. Brown, T.
    T. Cai and A. DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001),
    101–133.
    """
    if not (0 <= count <= total and total > 0 and 0 < confidence < 1):
        raise ValueError(f"There is no interval for {count} of {total} at a confidence of {confidence}.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / total
    middle = share + z * z / (2 * total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At both ends the interval reaches 0 or 1 exactly; floating point would miss it by a hair.
    low = 0.0 if count == 0 else (middle - half) / scale
    high = 1.0 if count == total else (middle + half) / scale
    return low, high


def difference_interval(
    count: float, total: float, earlier_count: float, earlier_total: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of `count / total` less `earlier_count / earlier_total`, both ends between -1 and 1.

    Newcombe's hybrid of the two Wilson intervals, for two groups of different people. Raises ValueError as
    `wilson_interval` does.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17 (1998), 873–890, method 10.
    """
    low, high = wilson_interval(count, total, confidence)
    earlier_low, earlier_high = wilson_interval(earlier_count, earlier_total, confidence)
    share, earlier = count / total, earlier_count / earlier_total
    difference = share - earlier
    return (
        difference - hypot(share - low, earlier_high - earlier),
        difference + hypot(high - share, earlier - earlier_low),
    )


def round_percent(share: float) -> int:
    """Whole percent of a share between 0 and 1, halves up as people round."""
    return floor(share * 100 + 0.5)


@dataclass(frozen=True)
class Share:
    """`count` of `total` answers, with the ends of its 95 % Wilson interval (0 to 1)."""

    count: int
    total: int
    low: float
    high: float

    @classmethod
    def measure(cls, count: int, total: int) -> Share:
        """Return the share with its interval; raises ValueError as `wilson_interval` does."""
        return cls(count, total, *wilson_interval(count, total))

    @property
    def value(self) -> float:
        """The share as a number from 0 to 1."""
        return self.count / self.total

    @property
    def percent(self) -> int:
        """The share in whole percent."""
        return round_percent(self.value)

    def describe(self) -> str:
        """The share in words: “7 of 9”, or “78% (31 of 40)” where percent are honest."""
        people = f"{self.count} of {self.total}"
        return people if self.total < FEWEST_FOR_PERCENT else f"{self.percent}% ({people})"

    def describe_interval(self) -> str:
        """The interval in words: “45% to 94%”."""
        return f"{round_percent(self.low)}% to {round_percent(self.high)}%"
