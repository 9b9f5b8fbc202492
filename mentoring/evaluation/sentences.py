"""The evaluation in sentences that a board can take over.

Belongs here: words, chosen by the figures alone, that never claim more than the answers carry. Does not
belong here: the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mentoring.evaluation.intervals import FEWEST_FOR_PERCENT, round_percent
from mentoring.evaluation.rows import format_mean
from mentoring.evaluation.values import (
    CONTACTS,
    FEWEST_ANSWERS,
    FIT,
    RECOMMEND,
    ChoiceFigure,
    ChoiceSummary,
    EvaluationSummary,
    OptionShare,
    ScaleFigure,
    ScaleSummary,
)

#: Below this many answers the sentences say how much a single one weighs.
FEW_IN_ALL = 30
#: Below this response rate the sentences warn that those who kept silent may think otherwise.
LOW_RESPONSE = 0.6
#: Readers notice a difference of shares from here on, so the sentences say what to think of it.
NOTICEABLE = 0.15


def write_sentences(summary: EvaluationSummary) -> list[str]:
    """Return short paragraphs on the year, the response, every question and the doubts; never empty."""
    if summary.answered < FEWEST_ANSWERS:
        return [*_join(_write_year(summary)), _write_response(summary), _write_too_few(summary)]
    return [
        *_join(_write_year(summary)),
        _write_response(summary),
        *(" ".join(_write_scale(scale)) for scale in summary.scales),
        *(_write_choice(choice) for choice in summary.choices),
        *_join(_write_topics(summary.topics)),
        *_write_caveats(summary),
    ]


def _join(sentences: Iterator[str]) -> list[str]:
    paragraph = " ".join(sentences)
    return [paragraph] if paragraph else []


def _write_year(summary: EvaluationSummary) -> Iterator[str]:
    counts = summary.year_counts
    if "applications.mentor" in counts and "applications.mentee" in counts:
        mentors = _count(counts["applications.mentor"], "mentor")
        yield f"{mentors} and {_count(counts['applications.mentee'], 'mentee')} applied."
    if "introduced" in counts:
        rematches = counts.get("rematches", 0)
        addition = f", {rematches} of them as a rematch during the year" if rematches else ""
        verb = "was" if counts["introduced"] == 1 else "were"
        yield f"{_count(counts['introduced'], 'pair')} {verb} introduced{addition}."
    early = {
        "because somebody could not go on": counts.get("ended.withdrawn", 0),
        "because it did not work out": counts.get("ended.not_working_out", 0),
    }
    if any(early.values()):
        reasons = " and ".join(f"{count} {reason}" for reason, count in early.items() if count)
        yield f"{_count(sum(early.values()), 'match', 'matches')} ended before the year was over: {reasons}."
    yield from _write_contact(counts)
    if waiting := counts.get("waiting.mentee", 0):
        yield f"{_count(waiting, 'mentee')} still {'waits' if waiting == 1 else 'wait'} for a mentor."


def _write_contact(counts: Mapping[str, int]) -> Iterator[str]:
    """How many pairs came to nothing, as far as anybody told; what nobody told of is said to be unknown."""
    told, none, unknown = (counts.get(f"contact.{known}", 0) for known in ("told", "none", "unknown"))
    over = told + none + unknown
    if not over:
        return
    nothing = (
        f"{none} never got in touch, as far as the mentee told us"
        if none
        else "no mentee told us that nothing came of it"
    )
    yield (
        f"Of the {_count(over, 'pair')} whose time together is over, {told} told us in a check-in that they were in "
        f"touch; {nothing}."
    )
    if unknown:
        yield (
            f"Of {unknown} we don't know: nobody told us either way, and silence does not mean that there was "
            "no contact."
        )


def _write_response(summary: EvaluationSummary) -> str:
    if not summary.invited:
        return "Nobody has been invited to the evaluation."
    invitations = _count(summary.invited, "invitation")
    if not summary.answered:
        return f"Of {invitations} to the evaluation, none has been answered."
    everyone, mentors, mentees = summary.response
    parts = [
        f"{rate.answered} of {_count(rate.invited, name)}"
        for rate, name in ((mentors, "mentor"), (mentees, "mentee"))
        if rate.invited
    ]
    percent = f"{round_percent(everyone.answered / everyone.invited)}%"
    rate = f" ({percent})" if everyone.invited >= FEWEST_FOR_PERCENT else ""
    verb = "was" if everyone.answered == 1 else "were"
    answered = f"{everyone.answered} {verb} answered{rate}"
    return f"Of {invitations} to the evaluation, {answered}: {' and '.join(parts)}."


def _write_too_few(summary: EvaluationSummary) -> str:
    if not summary.answered:
        return "With no answers, nothing can be said about how the year went."
    return f"Fewer than {FEWEST_ANSWERS} answers are too few to show without giving people away."


def _write_scale(scale: ScaleSummary) -> Iterator[str]:
    figure = scale.figures[0]
    if figure.favourable is None or figure.mean is None:
        yield f"“{scale.question.text}”: too few answers to show."
        return
    yield (
        f"“{scale.question.text}”: {figure.favourable.describe()} answered 4 or 5 on a scale of 1 to 5 "
        f"(mean {format_mean(figure.mean)}; "
        f"95% interval of the share: {figure.favourable.describe_interval()})."
    )
    yield from _compare_roles(scale.figures[1:])
    pairs = scale.pairs
    if scale.question.id == FIT and pairs and pairs.close and pairs.both_favourable:
        yield (
            f"In {pairs.both_favourable.describe()} pairs in which both answered, "
            "mentor and mentee both gave 4 or 5; "
            f"in {pairs.close.describe()} their answers lie at most one step apart."
        )


def _compare_roles(figures: tuple[ScaleFigure, ...]) -> Iterator[str]:
    """Intervals that don't overlap are a stricter test than 5 %: rather no claim than a wrong one."""
    shares = {figure.group: figure.favourable for figure in figures if figure.favourable}
    mentor, mentee = shares.get("mentor"), shares.get("mentee")
    if not mentor or not mentee:
        return
    words = f"{mentor.describe()} mentors and {mentee.describe()} mentees gave 4 or 5"
    if mentor.high < mentee.low or mentee.high < mentor.low:
        happier = "Mentors" if mentor.value > mentee.value else "Mentees"
        yield f"{happier} answered more favourably than chance alone would explain: {words}."
    elif abs(mentor.value - mentee.value) >= NOTICEABLE:
        yield f"{words}; a difference of this size can be chance."


def _write_choice(choice: ChoiceSummary) -> str:
    figure, text = choice.figures[0], choice.question.text
    if not figure.options:
        return f"“{text}”: too few answers to show."
    first, last = figure.options[0], figure.options[-1]
    if choice.question.id == RECOMMEND:
        interval = first.share.describe_interval()
        return f"“{text}”: {first.share.describe()} answered “{first.option}” (95% interval: {interval})."
    named = [each for each in _rank(figure)[:2] if each.share.count]
    # Who was never in touch must not hide behind the most frequent answers.
    if choice.question.id == CONTACTS and last.share.count and last not in named:
        named.append(last)
    return f"“{text}”: " + "; ".join(f"“{each.option}” {each.share.describe()}" for each in named) + "."


def _rank(figure: ChoiceFigure) -> list[OptionShare]:
    return sorted(figure.options, key=lambda each: -each.share.count)


def _write_topics(topics: ChoiceSummary | None) -> Iterator[str]:
    if topics is None or not topics.figures[0].options:
        return
    ranked = _rank(topics.figures[0])
    best = [each for each in ranked if each.share.count == ranked[0].share.count]
    if ranked[0].share.count == 0 or len(best) == len(ranked):
        return
    titles = " and ".join(f"“{each.option}”" for each in best)
    each_of = " each" if len(best) > 1 else ""
    yield f"Most often named as useful: {titles}, by {best[0].share.describe()}{each_of}."
    lowest = [each for each in ranked if each.share.count == ranked[-1].share.count]
    rest = " and ".join(f"“{each.option}”" for each in lowest)
    yield f"Least often named: {rest}, by {lowest[0].share.describe()}{' each' if len(lowest) > 1 else ''}."


def _write_caveats(summary: EvaluationSummary) -> Iterator[str]:
    if summary.answered < FEW_IN_ALL:
        weight = round_percent(1 / summary.answered)
        yield (
            f"With {summary.answered} answers, a single one moves a share by about {weight} "
            "percentage points: read the figures as impressions, not as measurements."
        )
    if summary.answered / summary.invited < LOW_RESPONSE:
        yield (
            f"{_count(summary.invited - summary.answered, 'invitation')} stayed without an answer; "
            "people who keep silent may think otherwise, and no interval covers that."
        )
    if summary.not_usable:
        one, many = "answer to a single question", "answers to single questions"
        verb = "was" if summary.not_usable == 1 else "were"
        yield f"{_count(summary.not_usable, one, many)} could not be used and {verb} left out."


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
