"""From invitations and answers to the figures of the evaluation.

Belongs here: counting, and what a small group must not show. Does not belong here: the meaning of one
answer (`answers`) and the words of a figure (`figures`, `sentences`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

from mentoring.evaluation.answers import read_choice, read_choices, read_scale
from mentoring.evaluation.intervals import Share
from mentoring.evaluation.quotes import may_be_quoted, trim_quote
from mentoring.evaluation.values import (
    FEWEST_ANSWERS,
    FIT,
    GROUPS,
    TOPICS,
    TOPICS_SENT,
    YEAR_COUNTS,
    Answer,
    ChoiceFigure,
    ChoiceSummary,
    EvaluationSummary,
    Group,
    OptionShare,
    PairFigure,
    Participant,
    Quote,
    QuoteGroup,
    ResponseRate,
    Role,
    ScaleFigure,
    ScaleSummary,
    Withheld,
)
from mentoring.program import Question

ROLES: tuple[Role, ...] = ("mentor", "mentee")
COMMENT = Question(id="comment", text="Anything else", kind="text", role="both", low="", high="")


def summarise_evaluation(
    participants: Sequence[Participant],
    answers: Sequence[Answer],
    questions: Sequence[Question],
    topics: Sequence[tuple[str, str]] = (),
    year_counts: Mapping[str, int] | None = None,
    names: Iterable[str] = (),
) -> EvaluationSummary:
    """Return the figures of one cohort's evaluation.

    `participants` has one entry per invitation (a person in one match), `topics` is (month as 2027-03,
    title) in order, `year_counts` has the keys of `YEAR_COUNTS` and `topics_sent.<month>`, `names` are the
    participants' names, which are hidden in quotes. Of several responses to one invitation the last counts;
    an answer to a question that the role was not asked does not count. Raises ValueError for an unknown key
    in `year_counts`.
    """
    counts = dict(year_counts or {})
    check_year_counts(counts)
    invited = {(each.participant_id, each.role, each.match_id) for each in participants}
    latest = {(each.participant_id, each.role, each.match_id): each for each in answers}
    counted = [answer for key, answer in latest.items() if key in invited]
    quotes, texts_not_quoted = _gather_quotes(counted, questions, tuple(names))
    choices = [
        _summarise_choice(_offer_topics(question, topics), counted, topics)
        for question in questions
        if question.kind in ("choice", "multiple")
    ]
    about_topics = next((choice for choice in choices if _asks_for_topics(choice.question, topics)), None)
    return EvaluationSummary(
        response=_measure_response(participants),
        scales=tuple(
            _summarise_scale(question, counted) for question in questions if question.kind == "scale"
        ),
        choices=tuple(choice for choice in choices if choice is not about_topics),
        topics=about_topics,
        quotes=quotes,
        texts_not_quoted=texts_not_quoted,
        not_invited=len(latest) - len(counted),
        year_counts={key: counts[key] for key in YEAR_COUNTS if key in counts},
        topics_sent=_count_topics_sent(topics, counts),
    )


def check_year_counts(counts: Mapping[str, int]) -> None:
    """Raise ValueError when a key is neither in `YEAR_COUNTS` nor `topics_sent.<month>`."""
    unknown = [key for key in counts if key not in YEAR_COUNTS and not key.startswith(TOPICS_SENT)]
    if unknown:
        known = ", ".join(YEAR_COUNTS)
        raise ValueError(f"The year has no count “{unknown[0]}”; it has {known} and {TOPICS_SENT}<month>.")


def withhold_small_groups(answers: Mapping[Role, int]) -> dict[Group, Withheld]:
    """Say which groups must not be shown, from the number of answers of each role that was asked.

    Fewer than `FEWEST_ANSWERS` are never shown. Where one role is too small and everyone together is shown,
    the other role is not: the difference of the two would show the small one (secondary suppression, as
    statistical offices do it).
    """
    total = sum(answers.values())
    result: dict[Group, Withheld] = {"all": "too_few" if total < FEWEST_ANSWERS else ""}
    for role, count in answers.items():
        others_are_few = any(0 < other < FEWEST_ANSWERS for each, other in answers.items() if each != role)
        result[role] = "too_few" if count < FEWEST_ANSWERS else "would_reveal" if others_are_few else ""
    return result


def _measure_response(participants: Sequence[Participant]) -> tuple[ResponseRate, ...]:
    asked = {(each.participant_id, each.role, each.match_id): each.has_answered for each in participants}
    rates = []
    for group in GROUPS:
        replies = [replied for (_, role, _), replied in asked.items() if group in ("all", role)]
        rates.append(ResponseRate(group, len(replies), sum(replies)))
    return tuple(rates)


def _ask_roles(question: Question) -> tuple[Role, ...]:
    return ROLES if question.role == "both" else (question.role,)


def _count_roles(roles: Sequence[Role], answers: Iterable[Answer]) -> dict[Role, int]:
    tally = Counter(answer.role for answer in answers)
    return {role: tally[role] for role in roles}


def _list_groups(roles: Sequence[Role]) -> list[tuple[Group, tuple[Role, ...]]]:
    everyone: tuple[Group, tuple[Role, ...]] = ("all", tuple(roles))
    return [everyone, *((role, (role,)) for role in roles)] if len(roles) > 1 else [(roles[0], tuple(roles))]


def _summarise_scale(question: Question, answers: Sequence[Answer]) -> ScaleSummary:
    roles = _ask_roles(question)
    asked = [answer for answer in answers if answer.role in roles]
    given = [
        (each, read_scale(text)) for each in asked if (text := each.answers.get(question.id, "").strip())
    ]
    usable = [(answer, value) for answer, value in given if value is not None]
    withheld = withhold_small_groups(_count_roles(roles, (answer for answer, _ in usable)))
    figures = tuple(
        _measure_scale(
            group,
            [value for answer, value in usable if answer.role in members],
            sum(value is None and answer.role in members for answer, value in given),
            withheld[group],
        )
        for group, members in _list_groups(roles)
    )
    is_fit = question.id == FIT and len(roles) > 1
    return ScaleSummary(question, figures, _compare_pairs(usable) if is_fit else None)


def _measure_scale(group: Group, values: Sequence[int], not_usable: int, withheld: Withheld) -> ScaleFigure:
    if withheld:
        return ScaleFigure(group, len(values), not_usable, withheld)
    tally = Counter(values)
    return ScaleFigure(
        group,
        len(values),
        not_usable,
        withheld,
        distribution=tuple(tally[step] for step in range(1, 6)),
        mean=fmean(values),
        median=float(median(values)),
        favourable=Share.measure(tally[4] + tally[5], len(values)),
    )


def _compare_pairs(usable: Sequence[tuple[Answer, int]]) -> PairFigure:
    sides: dict[str, dict[Role, int]] = {}
    for answer, value in usable:
        sides.setdefault(answer.match_id, {})[answer.role] = value
    pairs = [(side["mentor"], side["mentee"]) for side in sides.values() if len(side) == len(ROLES)]
    if len(pairs) < FEWEST_ANSWERS:
        return PairFigure(len(pairs), "too_few")
    return PairFigure(
        len(pairs),
        "",
        close=Share.measure(sum(abs(mentor - mentee) <= 1 for mentor, mentee in pairs), len(pairs)),
        both_favourable=Share.measure(sum(min(pair) >= 4 for pair in pairs), len(pairs)),
    )


def _offer_topics(question: Question, topics: Sequence[tuple[str, str]]) -> Question:
    """The question with its answers on offer: none in program.yaml means the monthly topics."""
    if question.kind == "multiple" and not question.choices:
        return question.model_copy(update={"choices": list(dict.fromkeys(title for _, title in topics))})
    return question


def _asks_for_topics(question: Question, topics: Sequence[tuple[str, str]]) -> bool:
    titles = [title for _, title in topics]
    return question.kind == "multiple" and (
        question.id == TOPICS or all(read_choice(option, titles) is not None for option in question.choices)
    )


def _summarise_choice(
    question: Question, answers: Sequence[Answer], topics: Sequence[tuple[str, str]]
) -> ChoiceSummary:
    roles = _ask_roles(question)
    asked = [answer for answer in answers if answer.role in roles]
    read = [(answer, *_read_options(question, answer)) for answer in asked]
    # With several choices, nothing ticked is an answer too, unless the form seems not to have asked at all.
    counts_blank = question.kind == "multiple" and any(ticked for _, ticked, _ in read)
    usable = [(answer, ticked) for answer, ticked, is_bad in read if ticked or (counts_blank and not is_bad)]
    withheld = withhold_small_groups(_count_roles(roles, (answer for answer, _ in usable)))
    months = {option: _find_months(option, topics) for option in question.choices}
    return ChoiceSummary(
        question,
        tuple(
            _measure_choice(
                group,
                [ticked for answer, ticked in usable if answer.role in members],
                sum(is_bad and answer.role in members for answer, _, is_bad in read),
                withheld[group],
                months,
            )
            for group, members in _list_groups(roles)
        ),
    )


def _read_options(question: Question, answer: Answer) -> tuple[list[str], bool]:
    """The options that the answer names, and whether it holds anything that was not on offer."""
    text = answer.answers.get(question.id, "").strip()
    if question.kind == "multiple":
        return read_choices(text, question.choices)
    option = read_choice(text, question.choices) if text else None
    return ([option] if option is not None else []), bool(text) and option is None


def _find_months(option: str, topics: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(month for month, title in topics if read_choice(title, [option]) is not None)


def _measure_choice(
    group: Group,
    ticked: Sequence[list[str]],
    not_usable: int,
    withheld: Withheld,
    months: Mapping[str, tuple[str, ...]],
) -> ChoiceFigure:
    if withheld:
        return ChoiceFigure(group, len(ticked), not_usable, withheld)
    tally = Counter(option for options in ticked for option in options)
    shares = (
        OptionShare(option, Share.measure(tally[option], len(ticked)), when)
        for option, when in months.items()
    )
    return ChoiceFigure(group, len(ticked), not_usable, withheld, tuple(shares))


def _count_topics_sent(
    topics: Sequence[tuple[str, str]], counts: Mapping[str, int]
) -> tuple[tuple[str, str, int], ...]:
    titles = dict(topics)
    sent = {
        key.removeprefix(TOPICS_SENT): count for key, count in counts.items() if key.startswith(TOPICS_SENT)
    }
    return tuple((month, titles.get(month, ""), sent[month]) for month in sorted(sent))


def _gather_quotes(
    answers: Sequence[Answer], questions: Sequence[Question], names: Sequence[str]
) -> tuple[tuple[QuoteGroup, ...], int]:
    texts = [question for question in questions if question.kind == "text"]
    if all(question.id != COMMENT.id for question in texts):
        texts.append(COMMENT)
    few = {role for role in ROLES if sum(answer.role == role for answer in answers) < FEWEST_ANSWERS}
    groups, not_quoted = [], 0
    for question in texts:
        given = [
            each
            for each in answers
            if each.role in _ask_roles(question) and each.answers.get(question.id, "").strip()
        ]
        allowed = [answer for answer in given if may_be_quoted(answer.answers)]
        not_quoted += len(given) - len(allowed)
        quotes = [
            Quote(
                trim_quote(answer.answers[question.id], names),
                "Participant" if few else answer.role.capitalize(),
            )
            for answer in allowed
        ]
        shown = sorted(
            (quote for quote in quotes if quote.text), key=lambda quote: (quote.text.casefold(), quote.source)
        )
        if shown:
            groups.append(QuoteGroup(question.text, tuple(shown)))
    return tuple(groups), not_quoted
