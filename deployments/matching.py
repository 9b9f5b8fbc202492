"""`mentoring match`: the engine alone, on files.

Belongs here: the way from files to the engine and back to sentences, and the progress on the way. Does not belong here:
the engine (`mentoring.matching`), the files (`tasks.people_files`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import log1p
from pathlib import Path

import yaml
from pydantic import ValidationError

from mentoring.matching import Matching, Step, ask_what_if, find_matches, name_people
from mentoring.policy import Policy
from tasks.people_files import read_people_file, write_matching
from tasks.runs import WrongUseError
from tasks.scoring_cluster import open_workers
from tasks.settings import describe_first_error, read_dask_address


def match_files(
    mentors: Path, mentees: Path, policy: Path | None, out: Path, scores: bool, what_if: Sequence[str] = ()
) -> list[str]:
    """Match two tables, write the result into `out`, and return what came of it, a sentence each.

    `what_if` are pairs “mentor=mentee”, by their ids: each is answered with what it would cost and who would move. The
    matching that is written stays the best one. Raises `WrongUseError`, `PeopleFileError` or `MatchingError`.
    """
    pairs = [_read_pair(text) for text in what_if]
    tables = read_people_file(mentors), read_people_file(mentees)
    for table, path, role in zip(tables, (mentors, mentees), ("mentor", "mentee"), strict=True):
        if table.empty:
            raise WrongUseError(f"{path.name} has no {role}; add at least one row below the headings.")
    rules = read_policy(policy)
    with open_workers(read_dask_address()) as workers, show_progress() as report:
        matching = find_matches(*tables, rules, report=report, workers=workers)
    answers = [ask_what_if(*tables, rules, *pair, matching=matching) for pair in pairs]
    write_matching(matching, out, scores=scores, people=(mentors, mentees), policy=rules)
    return [_sum_up(matching, out), *(name_people(answer.sentence, {}) for answer in answers)]


def _sum_up(matching: Matching, out: Path) -> str:
    summary = matching.summary
    return (
        f"Matched {summary['matched']:,} of {summary['mentees']:,} mentees with {summary['total_points']:,} points "
        f"in all, proven optimal; see {out}."
    )


def _read_pair(text: str) -> tuple[str, str]:
    mentor, sign, mentee = (part.strip() for part in text.partition("="))
    if not (mentor and sign and mentee):
        raise WrongUseError(
            f"“{text}” is not a pair; write --what-if MENTOR=MENTEE with the ids of the tables."
        )
    return mentor, mentee


@contextmanager
def show_progress() -> Iterator[Callable[[Step], None]]:
    """Show the engine's rounds on the terminal: yields what the engine reports each of them to.

    The bar is full when no pair can be better any more; small cohorts are done before it appears, and a terminal that
    is none (a file, a pipe) gets nothing.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Looking at every pair", total=None, visible=False)
        widest = 0.0

        def report(step: Step) -> None:
            nonlocal widest
            gap = "not known yet" if step.gap is None else f"{step.gap:,} points"
            text = f"Round {step.rounds}: {step.violated_pairs:,} better pairs, at most to gain: {gap}"
            widest = max(widest, log1p(step.gap or 0))
            done = None if step.gap is None or not widest else widest - log1p(step.gap)
            progress.update(bar, description=text, total=widest or None, completed=done, visible=True)

        yield report


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
