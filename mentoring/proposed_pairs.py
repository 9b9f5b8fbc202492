"""What the engine found, as a proposal keeps it: points, reasons, and the other choices with what each would cost.

Belongs here: from the engine's tables to the explanation of a match. Does not belong here: which proposals are new
(`mentoring.proposals`), and names in place of references (`mentoring.desk_rows`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mentoring.policy import CRITERIA

if TYPE_CHECKING:
    from mentoring.matching import Matching


def read_result(result: Matching) -> dict[tuple[str, str], tuple[int, str]]:
    """Pair → points and explanation (JSON with ids for names)."""
    runner_ups: dict[str, list[str]] = {}
    for row in result.runner_ups.to_dict("records"):
        if row["role"] == "mentee":
            runner_ups.setdefault(row["person_id"], []).append(f"{{{row['partner_id']}}} ({_tell_cost(row)})")
    return {
        (row["mentor_id"], row["mentee_id"]): (
            int(row["points"]),
            json.dumps(
                {
                    "criteria": {name: int(row[name]) for name in CRITERIA},
                    "why": row["why"],
                    "watch_outs": row["watch_outs"],
                    "runner_ups": runner_ups.get(row["mentee_id"], []),
                },
                ensure_ascii=False,
                sort_keys=True,
            ),
        )
        for row in result.matches.to_dict("records")
    }


def _tell_cost(row: Mapping[Any, Any]) -> str:
    """What a choice would cost, others included; where somebody would go without, points are not what counts."""
    if row["mentees_lost"]:
        return "costs a mentee fewer"
    if row["waiting_passed_over"]:
        return "somebody who waited longer would go without"
    return f"costs {'' if row['cost_is_exact'] else 'at least '}{row['cost']} points"
