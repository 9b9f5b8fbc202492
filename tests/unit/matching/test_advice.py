"""Whom to recruit and what a full re-optimisation would gain, checked by doing it."""

import pandas as pd
from hypothesis import given, settings
from test_optimality import small_cohorts

from mentoring.matching import find_matches
from mentoring.policy import Policy


@settings(max_examples=150, deadline=None)
@given(small_cohorts())
def test_one_more_mentor_like_that_gains_what_the_advice_says(cohort):
    mentors, mentees, policy = cohort
    policy = policy.model_copy(update={"max_min": False})
    if not len(mentors):
        return
    mentors = mentors.assign(never_pair="")  # the newcomer has no list of their own
    matching = find_matches(mentors, mentees, policy)
    for advice in matching.summary["recruiting"]:
        like = mentors[mentors.person_id == advice["like"]]
        newcomer = like.assign(person_id="NEW", capacity=1, earlier_partners="")
        # people whom the mentor it is like may not have are kept from the newcomer too
        former = mentees.earlier_partners.str.contains(advice["like"], regex=False)
        rows = mentees.assign(
            earlier_partners=mentees.earlier_partners + former.map({True: ";NEW", False: ""})
        )
        helped = find_matches(pd.concat([mentors, newcomer]), rows, policy)
        assert helped.summary["matched"] - matching.summary["matched"] == advice["mentees_unlocked"]
        if (
            helped.summary["waiting_matched"] == matching.summary["waiting_matched"]
            and not advice["mentees_unlocked"]
        ):
            assert helped.summary["total_points"] - matching.summary["total_points"] == advice["points"]


def test_the_advice_can_be_pasted_into_a_call():
    mentor = {
        "person_id": "M-1",
        "library_type": "Academic",
        "years_experience": 12,
        "topics_offered": "Jobs;Law",
    }
    mentees = pd.DataFrame({"person_id": ["E", "F", "G"], "topics_wanted": ["Jobs", "Law", "Law"]})
    summary = find_matches(pd.DataFrame([mentor]), mentees, Policy()).summary
    assert [advice["sentence"] for advice in summary["recruiting"]] == [
        "One more mentor like {M-1}, whose type of library is Academic, with about 12 years of experience, "
        "who offers Jobs and Law, would give one more mentee a mentor; 2 mentees without a mentor could be "
        "paired with such a mentor."
    ]


def test_before_the_deadline_the_advice_is_about_points():
    mentors = pd.DataFrame({"person_id": ["M", "N", "O"], "topics_offered": ["Jobs", "", ""]})
    mentees = pd.DataFrame({"person_id": ["E", "F"], "topics_wanted": ["Jobs", "Jobs"]})
    (advice,) = find_matches(mentors, mentees, Policy()).summary["recruiting"]
    assert advice["sentence"] == (
        "One more mentor like {M}, who offers Jobs, would make the pairs better by 300 points in total."
    )


def test_a_rematch_says_what_a_full_re_optimisation_would_gain():
    mentors = pd.DataFrame({"person_id": ["M", "N"], "topics_offered": ["a", "b"]})
    mentees = pd.DataFrame({"person_id": ["E", "F"], "topics_wanted": ["a", "b"], "must_pair": ["N", ""]})
    matching = find_matches(mentors, mentees, Policy())
    assert matching.summary["reoptimisation"] == {"points_gained": 600, "mentees_gained": 0}
    assert find_matches(mentors, mentees.drop(columns="must_pair"), Policy()).summary["reoptimisation"] == {
        "points_gained": 0,
        "mentees_gained": 0,
    }
