"""`mentoring match`: the engine alone, on two files."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from mentoring.matching import find_matches
from mentoring.policy import Policy
from tasks.people_files import read_people_file, write_matching
from tasks.runs import WrongUseError
from tasks.settings import describe_first_error


def match_files(mentors: Path, mentees: Path, policy: Path | None, out: Path, scores: bool) -> str:
    """Match two tables, write the result into `out`, and return it in one sentence.

    Raises `WrongUseError`, `PeopleFileError` or `MatchingError` with a sentence.
    """
    tables = read_people_file(mentors), read_people_file(mentees)
    for table, path, role in zip(tables, (mentors, mentees), ("mentor", "mentee"), strict=True):
        if table.empty:
            raise WrongUseError(f"{path.name} has no {role}; add at least one row below the headings.")
    matching = find_matches(*tables, read_policy(policy))
    write_matching(matching, out, scores=scores)
    summary = matching.summary
    return (
        f"Matched {summary['matched']} of {summary['mentees']} mentees with {summary['total_points']} points in all, "
        f"proven optimal; see {out}."
    )


def read_policy(path: Path | None) -> Policy:
    """Read a policy from YAML; without a file, the default. Raises `WrongUseError` naming the key and the mend."""
    if path is None:
        return Policy()
    try:
        return Policy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except FileNotFoundError:
        raise WrongUseError(f"There is no file {path}; check the name after --policy.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise WrongUseError(
            f"{path.name} can't be read as YAML; check indentation, colons and quotes."
        ) from None
    except ValidationError as error:
        raise WrongUseError(describe_first_error(path.name, error)) from None
