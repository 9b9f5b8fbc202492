"""Figures are right by hand, small groups stay private, and nobody is quoted who did not agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentoring.desk import TABS
from mentoring.evaluation import (
    FEWEST_ANSWERS,
    Answer,
    EvaluationSummary,
    Participant,
    Share,
    list_figures,
    pick_headlines,
    summarise_evaluation,
    wilson_interval,
    write_sentences,
)
from mentoring.evaluation.answers import read_choices, read_scale
from mentoring.evaluation.quotes import LONGEST_QUOTE, may_be_quoted, trim_quote
from mentoring.evaluation.summary import withhold_small_groups
from mentoring.program import Question

Role = Literal["mentor", "mentee"]

SATISFACTION = Question(id="satisfaction", text="How satisfied?", kind="scale", low="not at all", high="very")
FIT = Question(id="fit", text="How well did you fit?", kind="scale")
CONTACTS = Question(
    id="contact_frequency",
    text="How often?",
    kind="choice",
    choices=["Weekly", "Monthly", "Less often", "Never"],
)
RECOMMEND = Question(id="would_recommend", text="Recommend?", kind="choice", choices=["Yes", "Perhaps", "No"])
USEFUL = Question(id="useful_topics", text="Which topics?", kind="multiple")
VALUABLE = Question(id="most_valuable", text="What was valuable?", kind="text")
QUESTIONS = [SATISFACTION, FIT, CONTACTS, RECOMMEND, USEFUL, VALUABLE]
TOPICS = [("2027-03", "Hopes, and how to voice them"), ("2027-04", "Licences; budgets"), ("2027-05", "Hopes")]


def summarise(
    mentors: Sequence[Mapping[str, str] | None],
    mentees: Sequence[Mapping[str, str] | None] = (),
    questions: Sequence[Question] = QUESTIONS,
    **options: Any,
) -> EvaluationSummary:
    """Pair the n-th mentor with the n-th mentee; None did not answer."""
    participants, answers = [], []
    sides: list[tuple[Role, Sequence[Mapping[str, str] | None]]] = [("mentor", mentors), ("mentee", mentees)]
    for role, given_answers in sides:
        for number, texts in enumerate(given_answers):
            participants.append(Participant(f"{role}{number}", role, f"match{number}", texts is not None))
            if texts is not None:
                answers.append(Answer(f"{role}{number}", role, f"match{number}", texts))
    return summarise_evaluation(participants, answers, questions, TOPICS, **options)


def give(question_id: str, *texts: str) -> list[dict[str, str] | None]:
    return [{question_id: text} for text in texts]


# Shares and their intervals


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    # (1998), 857–872, table I, method 3 (Wilson's score interval without continuity correction).
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_published_values(count: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(count, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_wilson_interval_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    count, total = case
    low, high = wilson_interval(count, total)
    assert 0 <= low <= count / total <= high <= 1
    assert wilson_interval(total - count, total) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("count", "total"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_interval_refuses_what_is_no_share(count: int, total: int) -> None:
    with pytest.raises(ValueError, match="There is no interval"):
        wilson_interval(count, total)


def test_share_is_told_in_people_where_percent_would_pretend_precision() -> None:
    assert Share.measure(7, 9).describe() == "7 of 9"
    assert Share.measure(17, 20).describe() == "85% (17 of 20)"
    assert Share.measure(1, 200).percent == 1  # half a percent goes up


# Figures by hand


def test_response_rate_by_role() -> None:
    summary = summarise([{}, {}, None], [{}, None, None, None])
    assert [(rate.group, rate.invited, rate.answered) for rate in summary.response] == [
        ("all", 7, 3),
        ("mentor", 3, 2),
        ("mentee", 4, 1),
    ]


def test_scale_by_hand() -> None:
    summary = summarise(
        give("satisfaction", "5", "4", " 4 ", "3", "1"), give("satisfaction", "5", "5", "5", "2", "4", "")
    )
    everyone, mentors, mentees = summary.scales[0].figures
    assert everyone.distribution == (1, 1, 1, 3, 4)
    assert everyone.mean == pytest.approx(38 / 10)
    assert everyone.median == 4
    assert everyone.favourable == Share.measure(7, 10)
    assert (mentors.answers, mentors.distribution, mentors.mean) == (
        5,
        (1, 0, 1, 2, 1),
        pytest.approx(17 / 5),
    )
    assert (mentees.answers, mentees.distribution, mentees.median) == (5, (0, 1, 0, 1, 3), 5)


def test_answers_that_are_no_step_are_counted_and_not_guessed() -> None:
    summary = summarise(give("satisfaction", "5", "5", "5", "5", "5", "6", "0", "4.5", "very", "-1", "٤"))
    figure = summary.scales[0].figures[0]
    assert (figure.answers, figure.not_usable, figure.mean) == (5, 6, 5)
    assert summary.not_usable == 6
    assert "6 answers to single questions could not be used and were left out." in write_sentences(summary)
    one = summarise(give("satisfaction", *"5544", "?"), give("satisfaction", *"44444"))
    assert "1 answer to a single question could not be used and was left out." in write_sentences(one)


def test_choice_by_hand() -> None:
    texts = ["Yes", "yes", "YES ", "Perhaps", "No", "Of course", ""]
    figure = summarise(give("would_recommend", *texts)).choices[1].figures[0]
    assert (figure.answers, figure.not_usable) == (5, 1)
    assert [(each.option, each.share.count) for each in figure.options] == [
        ("Yes", 3),
        ("Perhaps", 1),
        ("No", 1),
    ]
    assert figure.options[0].share == Share.measure(3, 5)


def test_topics_by_month_rest_on_everybody_who_answered() -> None:
    texts = [
        "Hopes, and how to voice them; Hopes",
        "Licences; budgets, Hopes",
        "Hopes",
        "",
        "Licences; budgets",
    ]
    topics = summarise(give("useful_topics", *texts)).topics
    assert topics is not None
    figure = topics.figures[0]
    assert (figure.answers, figure.not_usable) == (5, 0)
    assert [(each.option, each.months, each.share.count) for each in figure.options] == [
        ("Hopes, and how to voice them", ("2027-03",), 1),
        ("Licences; budgets", ("2027-04",), 2),
        ("Hopes", ("2027-05",), 3),
    ]


def test_topics_that_nobody_ticked_are_no_zero() -> None:
    topics = summarise(give("satisfaction", *"55555")).topics
    assert topics is not None
    assert (topics.figures[0].answers, topics.figures[0].options) == (0, ())


def test_known_ticks_count_beside_something_that_was_not_on_offer() -> None:
    options = ["Hopes, and how to voice them", "Hopes"]
    assert read_choices("Hopes, Cooking, Hopes, and how to voice them", options) == (options, True)
    assert read_choices("Hopeless", options) == ([], True)
    assert read_choices(" ", options) == ([], False)


@given(st.lists(st.sampled_from([title for _, title in TOPICS]), unique=True), st.sampled_from(["; ", ", "]))
def test_ticks_are_read_back_however_they_were_joined(ticked: list[str], between: str) -> None:
    titles = [title for _, title in TOPICS]
    assert read_choices(between.join(ticked), titles) == (
        [title for title in titles if title in ticked],
        False,
    )


@given(st.text())
def test_only_the_five_digits_are_steps(text: str) -> None:
    value = read_scale(text)
    assert (str(value) == text.strip()) if value else text.strip() not in {"1", "2", "3", "4", "5"}


def test_pairs_agree_by_hand() -> None:
    mentors = give("fit", "5", "4", "5", "2", "1", "5")
    mentees = give("fit", "5", "5", "3", "3", "5", "")
    pairs = summarise(mentors, mentees).scales[1].pairs
    assert pairs is not None
    assert pairs.pairs == 5
    assert pairs.close == Share.measure(3, 5)
    assert pairs.both_favourable == Share.measure(2, 5)


def test_fewer_than_five_pairs_are_not_compared() -> None:
    pairs = summarise(give("fit", *"55555"), give("fit", "5", "5", "5", "5")).scales[1].pairs
    assert pairs is not None
    assert (pairs.pairs, pairs.withheld, pairs.close) == (4, "too_few", None)


def test_question_for_one_role_ignores_the_other() -> None:
    asked = SATISFACTION.model_copy(update={"role": "mentee"})
    summary = summarise(give("satisfaction", *"11111"), give("satisfaction", *"55555"), [asked])
    assert [(figure.group, figure.mean) for figure in summary.scales[0].figures] == [("mentee", 5)]


def test_last_response_to_an_invitation_counts_and_strangers_do_not() -> None:
    people = [Participant(f"p{number}", "mentor", "m", True) for number in range(5)]
    answers = [Answer(f"p{number}", "mentor", "m", {"satisfaction": "1"}) for number in range(6)]
    answers += [Answer(f"p{number}", "mentor", "m", {"satisfaction": "4"}) for number in range(5)]
    summary = summarise_evaluation(people, answers, QUESTIONS)
    assert summary.scales[0].figures[0].distribution == (0, 0, 0, 5, 0)
    assert summary.not_invited == 1


# Small groups


@pytest.mark.parametrize(
    ("mentors", "mentees", "withheld"),
    [
        (0, 0, {"all": "too_few", "mentor": "too_few", "mentee": "too_few"}),
        (2, 2, {"all": "too_few", "mentor": "too_few", "mentee": "too_few"}),
        (3, 2, {"all": "", "mentor": "too_few", "mentee": "too_few"}),
        (9, 4, {"all": "", "mentor": "would_reveal", "mentee": "too_few"}),
        (9, 0, {"all": "", "mentor": "", "mentee": "too_few"}),
        (5, 5, {"all": "", "mentor": "", "mentee": ""}),
    ],
)
def test_groups_that_must_not_be_shown(mentors: int, mentees: int, withheld: dict[str, str]) -> None:
    assert withhold_small_groups({"mentor": mentors, "mentee": mentees}) == withheld


@given(st.integers(0, 12), st.integers(0, 12))
def test_no_group_below_five_can_be_worked_out(mentors: int, mentees: int) -> None:
    summary = summarise(give("satisfaction", *"3" * mentors), give("satisfaction", *"4" * mentees))
    shown = {figure.group: figure.answers for figure in summary.scales[0].figures if figure.distribution}
    sizes = list(shown.values())
    if "all" in shown:
        sizes += [shown["all"] - count for group, count in shown.items() if group != "all"]
    assert all(size >= FEWEST_ANSWERS or size == 0 for size in sizes)


def test_withheld_figures_are_nowhere_in_rows_and_sentences() -> None:
    summary = summarise(give("satisfaction", *"1111"))
    rows = [row for row in list_figures(summary) if str(row["Figure"]).startswith("How satisfied?")]
    assert [(row["Group"], row["Value"], row["Note"]) for row in rows] == [
        (group, "–", "too few answers to show") for group in ("Everyone", "Mentors", "Mentees")
    ]
    assert (
        write_sentences(summary)[-1] == "Fewer than 5 answers are too few to show without giving people away."
    )


# Quotes


@pytest.mark.parametrize("consent", ["No", "", "Yes, but ask me first", "maybe", "Y"])
def test_whoever_did_not_say_yes_is_not_quoted(consent: str) -> None:
    summary = summarise([{"most_valuable": "Secret", "comment": "Secret too", "quote_consent": consent}])
    assert summary.quotes == ()
    assert summary.texts_not_quoted == 2


def test_quotes_are_grouped_by_question_in_alphabetical_order() -> None:
    told = [
        {"most_valuable": text, "comment": "Thanks", "quote_consent": "Yes"}
        for text in ("Zeal", "time", "Zeal")
    ]
    summary = summarise(told)
    assert [(group.question, [quote.text for quote in group.quotes]) for group in summary.quotes] == [
        ("What was valuable?", ["time", "Zeal", "Zeal"]),
        ("Anything else", ["Thanks"] * 3),
    ]


def test_role_of_a_quote_is_told_only_where_both_groups_are_large() -> None:
    told = {"most_valuable": "Time", "quote_consent": "yes"}
    few = summarise([told] * 9, [told] * 4)
    many = summarise([told] * 9, [told] * 5)
    assert {quote.source for quote in few.quotes[0].quotes} == {"Participant"}
    assert {quote.source for quote in many.quotes[0].quotes} == {"Mentor", "Mentee"}


def test_names_addresses_and_numbers_are_taken_out_of_quotes() -> None:
    names = ["Aïssatou N. Diallo", "佐藤 美咲", "Li Ng"]
    text = (
        "AÏSSATOU N. DIALLO helped; Diallo is great, so is 佐藤 美咲 (美咲!). "
        "Write a.diallo@example.org or +1 808 555 0100. Liking!"
    )
    assert trim_quote(text, names) == (
        "[name] helped; [name] is great, so is [name] ([name]!). Write [address] or [number]. Liking!"
    )


def test_long_quotes_are_cut_at_a_word_and_cleaned() -> None:
    quote = trim_quote("\u202eword\x00 \n" + "word " * 200)
    assert quote.startswith("word word word")
    assert quote.endswith(" word…")
    assert len(quote) <= LONGEST_QUOTE
    assert trim_quote("a " + " " * 5000 + "b") == "a b"


@given(st.text(max_size=3000))
def test_quotes_are_short_single_lines(text: str) -> None:
    quote = trim_quote(text, ["Ann Lee"])
    assert len(quote) <= LONGEST_QUOTE
    assert len(quote.splitlines()) <= 1


def test_a_cell_full_of_one_word_is_read_at_once() -> None:
    assert len(trim_quote("a" * 50_000)) <= LONGEST_QUOTE
    assert read_choices("a" * 50_000, ["b"]) == ([], True)


@pytest.mark.parametrize(
    ("consent", "expected"), [("Yes", True), (" yes. ", True), ("No", False), ("yes no", False)]
)
def test_consent_is_a_plain_yes(consent: str, expected: bool) -> None:
    assert may_be_quoted({"quote_consent": consent}) is expected


# Rows, sentences, headlines

YEAR = {
    "applications.mentor": 8,
    "applications.mentee": 9,
    "introduced": 8,
    "rematches": 1,
    "ended.withdrawn": 1,
    "ended.not_working_out": 1,
    "waiting.mentee": 1,
    "topics_sent.2027-04": 7,
    "topics_sent.2027-03": 8,
}


def test_rows_fit_the_tab_and_have_keys_of_their_own() -> None:
    doubled = [*QUESTIONS, SATISFACTION.model_copy(update={"id": "again"})]
    summary = summarise(
        give("satisfaction", *"55443"), give("satisfaction", *"12345"), doubled, year_counts=YEAR
    )
    rows = list_figures(summary)
    assert all(list(row) == TABS["Evaluation"].list_headings() for row in rows)
    keys = [(row["Figure"], row["Group"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert {
        "Figure": "How satisfied?: mean",
        "Group": "Mentors",
        "Value": "4.2",
        "Answers": 5,
        "Note": "median 4; answers 1: 0, 2: 0, 3: 1, 4: 2, 5: 2; 1 = not at all, 5 = very",
    } in rows
    assert {
        "Figure": "How satisfied?: answered 4 or 5",
        "Group": "Mentors",
        "Value": "80%",
        "Answers": 5,
        "Note": "95% interval 38% to 96% (Wilson)",
    } in rows
    assert [
        (row["Figure"], row["Value"], row["Note"]) for row in rows if "Topic sent" in str(row["Figure"])
    ] == [
        ("Topic sent: March 2027", 8, "Hopes, and how to voice them"),
        ("Topic sent: April 2027", 7, "Licences; budgets"),
    ]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (
            (5, 2, 3),
            "Of the 10 pairs whose time together is over, 5 told us in a check-in that they were in touch; 2 never got "
            "in touch, as far as the mentee told us. Of 3 we don't know: nobody told us either way, and silence does "
            "not mean that there was no contact.",
        ),
        (
            (1, 0, 0),
            "Of the 1 pair whose time together is over, 1 told us in a check-in that they were in touch; no mentee "
            "told us that nothing came of it.",
        ),
        ((0, 0, 0), None),
    ],
)
def test_the_board_reads_how_many_never_got_in_touch(counts: tuple[int, int, int], words: str | None) -> None:
    year = {
        f"contact.{known}": number for known, number in zip(("told", "none", "unknown"), counts, strict=True)
    }
    summary = summarise(give("satisfaction", *"55551"), give("satisfaction", *"11115"), year_counts=year)
    said = [text for text in write_sentences(summary) if "time together" in text]
    assert said == ([words] if words else [])
    assert [row["Value"] for row in list_figures(summary) if "Of those over" in str(row["Figure"])] == list(
        counts
    )


def test_sentences_of_a_small_year_are_honest() -> None:
    summary = summarise(
        give("satisfaction", *"55551"), [*give("satisfaction", *"11115"), None], year_counts=YEAR
    )
    sentences = write_sentences(summary)
    assert sentences[0] == (
        "8 mentors and 9 mentees applied. 8 pairs were introduced, 1 of them as a rematch during the year. "
        "2 matches ended before the year was over: 1 because somebody could not go on and 1 because it did "
        "not work out. "
        "1 mentee still waits for a mentor."
    )
    assert (
        sentences[1]
        == "Of 11 invitations to the evaluation, 10 were answered: 5 of 5 mentors and 5 of 6 mentees."
    )
    assert sentences[2] == (
        "“How satisfied?”: 5 of 10 answered 4 or 5 on a scale of 1 to 5 (mean 3.0; 95% interval of the "
        "share: 24% to 76%). 4 of 5 mentors and 1 of 5 mentees gave 4 or 5; a difference of this size can be "
        "chance."
    )
    assert any(
        sentence.startswith("With 10 answers, a single one moves a share by about 10 ")
        for sentence in sentences
    )


def test_sentences_claim_a_difference_only_where_intervals_part() -> None:
    sentences = write_sentences(summarise(give("satisfaction", *"5" * 15), give("satisfaction", *"1" * 15)))
    assert "Mentors answered more favourably than chance alone would explain" in " ".join(sentences)
    overlapping = write_sentences(summarise(give("satisfaction", *"11115"), give("satisfaction", *"55551")))
    assert (
        "1 of 5 mentors and 4 of 5 mentees gave 4 or 5; a difference of this size can be chance."
        in overlapping[1]
    )


def test_sentences_warn_of_silence() -> None:
    silent: list[Mapping[str, str] | None] = [None] * 10
    text = " ".join(write_sentences(summarise([*give("satisfaction", *"55555"), *silent])))
    assert "10 invitations stayed without an answer; people who keep silent may think otherwise" in text


def test_never_in_touch_does_not_hide_behind_the_most_frequent_answers() -> None:
    answers = give("contact_frequency", "Weekly", "Weekly", "Monthly", "Monthly", "Never")
    assert "“Never” 1 of 5" in " ".join(write_sentences(summarise(answers)))


def test_evaluation_that_nobody_answered_says_so() -> None:
    assert write_sentences(summarise([])) == [
        "Nobody has been invited to the evaluation.",
        "With no answers, nothing can be said about how the year went.",
    ]
    assert (
        write_sentences(summarise([None, None]))[0]
        == "Of 2 invitations to the evaluation, none has been answered."
    )
    assert {row["Value"] for row in list_figures(summarise([]))} == {"–", 0}


def test_four_numbers_tell_the_story() -> None:
    everyone = {"satisfaction": "4", "would_recommend": "Yes"}
    headlines = pick_headlines(summarise([everyone] * 6, [everyone] * 5 + [None], year_counts=YEAR))
    assert [(each.value, each.label) for each in headlines] == [
        ("8", "pairs introduced"),
        ("92%", "answered the evaluation"),
        ("11 of 11", "gave 4 or 5 to “How satisfied?”"),
        ("11 of 11", "answered “Yes” to “Recommend?”"),
    ]


def test_unknown_count_of_the_year_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The year has no count “matches”; it has applications\.mentor"):
        summarise([], year_counts={"matches": 3})


@given(st.lists(st.text(max_size=12), max_size=12), st.lists(st.text(max_size=12), max_size=12))
def test_any_answers_at_all_give_figures_and_sentences(mentors: list[str], mentees: list[str]) -> None:
    def fill(texts: list[str]) -> list[dict[str, str] | None]:
        return [{question.id: text for question in QUESTIONS} | {"quote_consent": "Yes"} for text in texts]

    summary = summarise(fill(mentors), fill(mentees))
    assert summary.answered == len(mentors) + len(mentees)
    assert list_figures(summary)
    assert all(write_sentences(summary))
