"""A comparison of years, as frozen values.

Belongs here: shapes. Does not belong here: what is compared (`comparison`) and its words (`comparison_words`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mentoring.evaluation.intervals import Share


@dataclass(frozen=True)
class YearFigure:
    """One year of a comparison: a share of `total`, or none, and `remark` says why."""

    year: str
    total: int
    share: Share | None
    mean: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Difference:
    """The later year's share less that of the year `since`, with the ends of its corrected interval (-1 to 1)."""

    since: str
    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether chance alone does not explain it: the interval leaves “no change” out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Measure:
    """One share over the years, this one last; `difference` is to the latest year with one.

    `group` says of whom it is, as the `Evaluation` tab calls them, and `counted` what is counted. So many answers as
    may be `alike` come from one pair.
    """

    name: str
    group: str
    counted: str
    years: tuple[YearFigure, ...]
    alike: int = 1
    difference: Difference | None = None


@dataclass(frozen=True)
class YearComparison:
    """The year beside the earlier ones; `applications` are (year, mentors, mentees), this year last.

    Alone in `applications`, this is the first year, and there are no measures.
    """

    applications: tuple[tuple[str, int, int], ...]
    measures: tuple[Measure, ...] = ()
