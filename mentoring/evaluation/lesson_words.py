"""What may be learned about the weights, in words and as rows of the `Evaluation` tab.

Belongs here: sentences that claim no more than the lesson does. Does not belong here: the estimate (`weights`).
"""

from __future__ import annotations

from mentoring.evaluation.rows import Row, make_row
from mentoring.evaluation.values import CriterionFit
from mentoring.evaluation.weights import Effect, WeightLesson


def describe_lesson(lesson: WeightLesson) -> str:
    """The lesson in a sentence or two."""
    if lesson.verdict == "too_few":
        return (
            f"Not enough yet: {lesson.pairs} of the {lesson.needed} pairs that are needed to tell the criteria apart "
            "said how well they fit. Leave the weights as they are; most programs need several years."
        )
    if lesson.verdict == "no_relation":
        return (
            f"{lesson.pairs} pairs said how well they fit, and their points do not foretell it beyond chance. "
            "No weight is suggested."
        )
    if lesson.verdict == "keep":
        return f"In {lesson.pairs} pairs, more points went with a better fit, and nothing speaks against the weights."
    changes = "; ".join(
        f"{name_criterion(item)} {item.suggested} instead of {item.weight}"
        for item in lesson.effects
        if item.suggested is not None
    )
    return (
        f"In {lesson.pairs} pairs, more points went with a better fit, and some criteria mattered more or less than "
        f"their weight says. To think about: {changes}. Only pairs that were matched are seen, so this shows what went "
        "together, not what caused it."
    )


def name_criterion(effect: Effect | CriterionFit) -> str:
    """A criterion as the `Program` tab calls it."""
    return effect.criterion.replace("_", " ")


def describe_effect(effect: Effect) -> tuple[str, str]:
    """The effect in steps of fit, and its interval."""
    return f"{effect.effect:+.1f}", f"{effect.low:+.1f} to {effect.high:+.1f}"


def list_lesson(lesson: WeightLesson) -> list[Row]:
    """Rows of the `Evaluation` tab: the sentence, then a row for each criterion."""
    verdict = {
        "too_few": "not enough yet",
        "no_relation": "no relation",
        "keep": "keep",
        "change": "think about",
    }[lesson.verdict]
    figure = "Weights: what the answers say of them"
    head = make_row(figure, "Pairs", verdict, lesson.pairs, describe_lesson(lesson))
    return [head, *(_list_effect(item, lesson.pairs) for item in lesson.effects)]


def _list_effect(item: Effect, pairs: int) -> Row:
    value, interval = describe_effect(item)
    advice = "no change suggested" if item.suggested is None else f"{item.suggested} suggested"
    note = f"steps of fit between none and all of its {item.weight} points; 95% interval {interval}; {advice}"
    return make_row(f"Weights: {name_criterion(item)}", "Pairs", value, pairs, note)
