"""Measures what the separate checker costs, as a multiple of one bare pass over the same pairs, in processor seconds.

Seconds of processor over all threads are what other work on the machine changes least.

Belongs here: made-up people as tables, the checker's time in parts. Does not belong here: engines compared
(tests.benchmarks.matching).
"""

import argparse
import gc
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

from mentoring.matching import find_matches, verify_matching
from mentoring.matching.large_board import lay_out_large
from mentoring.matching.people import read_people
from mentoring.matching.verify_pass import read_case
from mentoring.policy import Policy
from tests.benchmarks.matching import time_bare_pass

TOPICS = [f"Topic {letter}" for letter in "ABCDEFGHIJKL"]
FOCUS = [f"Focus {letter}" for letter in "ABCDEFGHIJKL"]
ZONES = ["America/New_York", "America/Chicago", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo"]
WORDS = [f"word{number}" for number in range(96)]


def main(arguments: list[str]) -> int:
    """Match made-up people, check the result, and print the seconds of each part."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks checking")
    parser.add_argument("--sizes", type=int, nargs="*", default=[3_000, 10_000, 30_000])
    print("  people  match s  read s  check s  bare s (of processor)  check without reading, in bare passes")
    for people in parser.parse_args(arguments).sizes:
        print_row(people, measure_checker(people))
    return 0


def print_row(people: int, seconds: dict[str, float]) -> None:
    """Print one line."""
    passes = (seconds["check"] - seconds["read"]) / seconds["bare"]
    figures = " ".join(f"{seconds[name]:8.2f}" for name in ("match", "read", "check", "bare"))
    print(f"{people:8} {figures} {passes:8.2f}", flush=True)


def measure_checker(people: int) -> dict[str, float]:
    """Return processor seconds: matching tables of people, reading them, the whole check, and one bare pass."""
    mentors, mentees = draw_people(people, "M"), draw_people(people, "E")
    policy, seconds = Policy(), {}
    start = time.process_time()
    matching = find_matches(mentors, mentees, policy)
    seconds["match"] = time.process_time() - start
    _, features = lay_out_large(read_people(mentors, "mentor"), read_people(mentees, "mentee"), policy)
    seconds["bare"] = time_bare_pass(features, clock=time.process_time)

    def check() -> None:
        problems = verify_matching(
            mentors,
            mentees,
            policy,
            matching.matches,
            matching.certificate,
            matching.summary,
            workers=os.cpu_count(),
        )
        assert problems == [], problems

    seconds["check"] = _time_best_of_three(check)
    seconds["read"] = _time_best_of_three(lambda: read_case(mentors, mentees, policy))
    return seconds


def _time_best_of_three(work: Callable[[], object]) -> float:
    """The least of three: a difference of two times is wanted, and garbage of before is in some of them."""
    times = []
    for _ in range(3):
        gc.collect()
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def draw_people(number: int, prefix: str) -> pd.DataFrame:
    """Return a made-up side of a cohort; the prefix M gives mentors, any other mentees."""
    draw = random.Random(prefix)
    return pd.DataFrame([_draw_person(draw, prefix, at, number) for at in range(number)])


def _draw_person(draw: random.Random, prefix: str, at: int, number: int) -> dict[str, Any]:
    mentor = prefix == "M"
    person = {
        "person_id": f"{prefix}{at:06}",
        "institution": f"Institution {draw.randrange(number // 3)}",
        "years_experience": draw.randrange(8, 40) if mentor else draw.randrange(12),
        "focus_areas": ";".join(draw.sample(FOCUS, 3)),
        "channels": ";".join(draw.sample(["Phone", "E-mail", "Video"], 2)),
        "time_zone": draw.choice(ZONES),
        "topics_offered" if mentor else "topics_wanted": ";".join(draw.sample(TOPICS, 4 if mentor else 2)),
        "experience_text" if mentor else "goals_text": " ".join(draw.sample(WORDS, 8)),
    }
    return person | ({"capacity": draw.randrange(1, 4)} if mentor else {})
