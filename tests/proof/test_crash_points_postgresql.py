"""Four hundred moments of the month at which it is killed on PostgreSQL, and months that are killed several times."""

from __future__ import annotations

import pytest

from tests.proof.crash_points import draw_multi_kills, spread_single_kills
from tests.proof.nurseries import Prepared

POINTS, MULTI_KILLS = 400, 10


@pytest.mark.long
@pytest.mark.night
@pytest.mark.timeout(3600)
def test_no_moment_of_the_month_breaks_a_promise(prepared_postgresql: Prepared) -> None:
    reference = prepared_postgresql.reference
    points = spread_single_kills(reference, POINTS)
    assert len(points) == POINTS
    assert (
        prepared_postgresql.list_broken([*points, *draw_multi_kills(reference, seed=12, count=MULTI_KILLS)])
        == []
    )
