"""Where the pieces of the report's plots stand, in percent of the width.

Belongs here: geometry, from figures to places. Does not belong here: drawing (`report_templates/plots.svg.j2`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mentoring.evaluation import ScaleFigure, ScaleSummary


@dataclass(frozen=True)
class Segment:
    """One piece of a stacked bar: step of the scale, its answers, and its place in percent of the width."""

    step: int
    count: int
    left: float
    width: float


def _list_shares(figures: Iterable[ScaleFigure]) -> list[tuple[float, ...]]:
    return [
        tuple(count / figure.answers for count in figure.distribution)
        for figure in figures
        if figure.distribution
    ]


def measure_axis(scales: Sequence[ScaleSummary]) -> tuple[float, float]:
    """Return the widest shares left and right of the middle of answer 3, so that all questions share one axis."""
    shares = _list_shares(figure for scale in scales for figure in scale.figures)
    left = max((one + two + three / 2 for one, two, three, _, _ in shares), default=0.0)
    right = max((three / 2 + four + five for _, _, three, four, five in shares), default=0.0)
    return left, max(right, 1 - left)


def place_segments(figure: ScaleFigure, axis: tuple[float, float]) -> list[Segment]:
    """Place the five answers of a figure around the middle of answer 3, on an axis of (left, right) shares.

    Diverging stacked bars: N. B. Robbins and R. M. Heiberger, "Plotting Likert and other rating scales",
    Proceedings of the Joint Statistical Meetings (2011), 1058–1066. Answers that nobody gave have no segment.
    """
    shares = _list_shares([figure])[0]
    unit = 100 / sum(axis)
    left = (axis[0] - shares[0] - shares[1] - shares[2] / 2) * unit
    segments = []
    for step, (count, share) in enumerate(zip(figure.distribution, shares, strict=True), start=1):
        if count:
            segments.append(Segment(step, count, left, share * unit))
        left += share * unit
    return segments
