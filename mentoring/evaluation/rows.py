"""A row of the committee's `Evaluation` tab, and numbers as its cells write them.

Belongs here: what every row has in common. Does not belong here: which figures become rows (`figures`).
"""

from __future__ import annotations

from mentoring.desk import Cell
from mentoring.evaluation.intervals import Share

Row = dict[str, Cell]


def make_row(figure: str, group: str, value: Cell, answers: Cell = "", note: str = "") -> Row:
    """The row by the tab's headings."""
    return {"Figure": figure, "Group": group, "Value": value, "Answers": answers, "Note": note}


def note_interval(share: Share) -> str:
    """How far the share may lie elsewhere by chance, as a note says it."""
    return f"95% interval {share.describe_interval()} (Wilson)"


def note_share(share: Share) -> str:
    """The share's count and interval, as a note says them."""
    return f"{share.count} of {share.total}; {note_interval(share)}"


def format_mean(mean: float) -> str:
    """The mean with one decimal, halves up as people round."""
    return f"{int(mean * 10 + 0.5) / 10:.1f}"


def format_median(median: float) -> str:
    """The median, which lies on a step or halfway between two."""
    return f"{median:g}"
