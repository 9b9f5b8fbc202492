"""Scoring on a real Dask cluster of two processes, through Prefect's Dask task runner."""

import random

import pandas as pd
import pytest

from mentoring.matching import find_matches
from mentoring.matching.pricing import WORTHWHILE
from mentoring.policy import Policy
from tasks.scoring_cluster import ScoringClusterError, open_scoring_cluster

pytest.importorskip("prefect_dask", reason="the extra “dask” is not installed")


def make_people(number: int, prefix: str, seed: int) -> pd.DataFrame:
    draw = random.Random(seed)
    rows = [
        {
            "person_id": f"{prefix}{at}",
            "institution": f"Library {draw.randrange(900)}",
            "years_experience": draw.randrange(20, 40) if prefix == "M" else draw.randrange(10),
            "focus_areas": ";".join(draw.sample(["Cataloging", "Licensing", "Archives", "Metadata"], 2)),
        }
        for at in range(number)
    ]
    return pd.DataFrame(rows)


def test_a_cluster_finds_what_local_threads_find():
    mentors, mentees = make_people(3_000, "M", 1), make_people(3_100, "E", 2)
    here = find_matches(mentors, mentees, Policy())
    with open_scoring_cluster("local") as map_blocks:
        scans = []

        def count_scans(work, tiles):
            scans.append(len(tiles))
            return map_blocks(work, tiles)

        there = find_matches(mentors, mentees, Policy(), workers=count_scans)
    assert max(scans) >= WORTHWHILE
    for table in ("matches", "runner_ups", "unmatched"):
        pd.testing.assert_frame_equal(getattr(here, table), getattr(there, table))
    assert (here.certificate["prices"] == there.certificate["prices"]).all()


def test_an_address_without_a_scheduler_gets_one_sentence():
    with (
        pytest.raises(ScoringClusterError, match="No Dask scheduler answers at tcp://127"),
        open_scoring_cluster("tcp://127.0.0.1:1"),
    ):
        pass
