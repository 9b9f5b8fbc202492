"""Made-up facts for every kind of message.

Belongs here: the facts. Does not belong here: what a test expects of the message.
"""

from __future__ import annotations

from typing import Any

COMMON = {
    "program": {
        "name": "Serials Mentoring Program",
        "association": "Serials Association",
        "committee_address": "mentoring@example.org",
        "links": {
            "code_of_conduct": "https://example.org/conduct?a=1&copy=2",
            "guidelines": "https://example.org/guidelines",
            "opportunities": "https://example.org/get-involved",
        },
    },
    "recipient": {"name": "Beatriz Câmara"},
}
PERSON = {
    "name": "Ana María Ortiz",
    "pronouns": "she/her",
    "email": "ana.ortiz@example.org",
    "phone": "+1 808 555 0100",
    "institution": "Lakeside Public Library",
    "time_zone": "Pacific/Honolulu",
}
PARTNER = {"name": "Ana María Ortiz"}
CONTACT = {"name": "Ana María Ortiz", "email": "ana.ortiz@example.org"}
TOPIC = {
    "title": "Getting to know each other",
    "prompts": ["What brought you to libraries?", "What should be different in a year?"],
    "links": ["https://example.org/first-talk", "A short read: https://example.org/read?x=1&y=2."],
}
EVALUATION = {
    "link": "https://example.org/forms/evaluation?token=abc&role=mentor",
    "due_on": "15 December 2027",
    "partner": PARTNER,
}
FACTS: dict[str, dict[str, Any]] = {
    "acknowledgement": {
        "role": "mentee",
        "closes_on": "31 January 2027",
        "is_late": False,
        "notes": ["Your time zone was not given; we took the committee's."],
    },
    "please_confirm": {
        "role": "mentee",
        "closes_on": "31 January 2027",
        "is_late": False,
        "notes": ["You applied as a mentor, too."],
        "link": "https://example.org/forms/confirm?code=abc&x=1",
    },
    "please_correct": {
        "role": "mentor",
        "faults": [{"question": "How many mentees?", "mend": "You wrote “9”; please choose 1 to 5."}],
        "form_link": "https://example.org/forms/mentor",
    },
    "application_withdrawn": {"role": "mentee"},
    "introduction_mentor": {
        "mentee": PERSON,
        "channels": ["E-mail", "Online meeting"],
        "application": [
            {"label": "Goals", "value": "Learn metadata.\nMeet people.\n\nGive a talk."},
            {"label": "Topics", "value": "Metadata; Careers"},
        ],
        "why": ["Both work in a public library."],
        "watch_outs": ["Your time zones are 6 hours apart."],
        "rematch": False,
        "first_topic": {"month": "March 2027", **TOPIC},
        "suggests_meeting": True,
        "link": "https://example.org/forms/check-in?token=abc&x=1",
    },
    "introduction_mentee": {
        "mentor": PERSON,
        "channels": ["E-mail", "Online meeting"],
        "experience": "Twenty years of serials.",
        "why": ["Both work in a public library."],
        "rematch": False,
        "first_topic": {"month": "March 2027", **TOPIC},
        "suggests_meeting": True,
        "link": "https://example.org/forms/check-in?token=abc&x=1",
    },
    "monthly_topic": {"month": "March 2027", "topic": TOPIC, "mentee": CONTACT, "is_late": False},
    "heads_up": {"month": "March 2027", "topic": TOPIC, "mentor": CONTACT},
    "check_in": {
        "partner": PARTNER,
        "link": "https://example.org/forms/check-in?token=abc&x=1",
        "first": False,
        "month": "March 2027",
    },
    "check_in_reminder": {
        "partner": PARTNER,
        "link": "https://example.org/forms/check-in?token=abc&x=1",
        "number": 2,
        "ways": ["Phone", "Online meeting"],
        "fallback": "Call the library's desk",
    },
    "partner_withdrew": {"partner": PARTNER, "rematch": True},
    "match_ended": {"partner": PARTNER, "rematch": True, "own_request": False},
    "match_paused": {
        "partner": PARTNER,
        "until": "14 March 2027",
        "until_is": "asked",
        "own_request": False,
        "longer": False,
        "link": "https://example.org/forms/request?token=abc&x=1",
    },
    "match_resumed": {"partner": PARTNER, "early": True},
    "waiting_list": {"role": "mentee", "reason": "This year more mentees than mentors applied."},
    "evaluation_invitation": EVALUATION,
    "evaluation_reminder": {**EVALUATION, "number": 1},
    "thanks": {"partners": ["Ana María Ortiz", "Pat O'Brien"], "year": "2027", "certificate": True},
    "committee_digest": {
        "day": "8 March 2027",
        "urgent": [
            {
                "tab": "Check-ins",
                "count": 1,
                "what": "pair in which one side has not heard from the other",
                "references": ["2027-match-003"],
            }
        ],
        "waiting": [
            {
                "tab": "Requests",
                "count": 2,
                "what": "requests to confirm or decline",
                "references": ["2027-request-001", "2027-request-002"],
            }
        ],
        "others": ["applicants who were asked to correct an answer: 2"],
        "upcoming": [{"day": "15 March 2027", "what": "the month's topic goes out"}],
        "desk": "https://docs.google.com/spreadsheets/d/made-up-desk",
    },
}
