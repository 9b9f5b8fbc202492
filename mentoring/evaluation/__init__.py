"""The compiled evaluation of a mentoring year: from answers to figures, rows of a tab and sentences.

Belongs here: what an answer means, what may be shown of a small group, the statistics and their words. Does
not belong here: who is invited and when (the flow), where answers are kept (`tasks.database`), and how a
report looks (`tasks.reports`).
"""

from mentoring.evaluation.comparison import compare_years
from mentoring.evaluation.criteria import describe_fit
from mentoring.evaluation.figures import list_figures
from mentoring.evaluation.headlines import Headline, pick_headlines
from mentoring.evaluation.intervals import Share, wilson_interval
from mentoring.evaluation.sentences import write_sentences
from mentoring.evaluation.summary import summarise_evaluation
from mentoring.evaluation.values import (
    FEWEST_ANSWERS,
    GROUPS,
    YEAR_COUNTS,
    Answer,
    ChoiceFigure,
    ChoiceSummary,
    EvaluationSummary,
    OptionShare,
    PairFigure,
    Participant,
    Quote,
    QuoteGroup,
    ResponseRate,
    ScaleFigure,
    ScaleSummary,
)
from mentoring.evaluation.weights import PairOutcome, WeightLesson, learn_weights

__all__ = [
    "FEWEST_ANSWERS",
    "GROUPS",
    "YEAR_COUNTS",
    "Answer",
    "ChoiceFigure",
    "ChoiceSummary",
    "EvaluationSummary",
    "Headline",
    "OptionShare",
    "PairFigure",
    "PairOutcome",
    "Participant",
    "Quote",
    "QuoteGroup",
    "ResponseRate",
    "ScaleFigure",
    "ScaleSummary",
    "Share",
    "WeightLesson",
    "compare_years",
    "describe_fit",
    "learn_weights",
    "list_figures",
    "pick_headlines",
    "summarise_evaluation",
    "wilson_interval",
    "write_sentences",
]
