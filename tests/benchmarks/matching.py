"""Compares ways to match on the same scored instances, and prints and plots the figures.

Belongs here: what is run, measured and shown. Does not belong here: instances, engines.

Every run has its own process, so that its peak of memory is its own. A time is also given as a multiple of one
bare pricing pass (the products of all pairs and one comparison) measured in the same run, because that is what
the machine can do at that moment; and in seconds of processor over all threads, which other work on the machine
changes least.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZES = (100, 1_000, 3_000, 10_000)
LARGE = (30_000, 100_000)
COLUMNS = (
    "people",
    "kind",
    "seats",
    "engine",
    "seconds",
    "cpu",
    "passes",
    "peak MB",
    "matched",
    "points",
    "worst",
    "blocking",
)
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "matching-times.png"


def main(arguments: list[str]) -> int:
    """Run the comparison; `--large` adds 30,000 and 100,000 people a side."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--large", action="store_true", help="also 30,000 and 100,000 people a side")
    parser.add_argument("--sizes", type=int, nargs="*", help="only these sizes")
    parser.add_argument("--kinds", nargs="*", default=["typical", "ties", "pareto", "picky"])
    parser.add_argument("--seats", nargs="*", default=["loose", "tight", "short"])
    parser.add_argument("--engines", nargs="*", help="only these engines")
    parser.add_argument("--seconds", type=int, default=900, help="most seconds of one run")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, of which the median is told")
    parser.add_argument("--out", type=Path, help="write the figures as JSON lines")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument(
        "--one", nargs=4, metavar=("ENGINE", "KIND", "SEATS", "PEOPLE"), help=argparse.SUPPRESS
    )
    options = parser.parse_args(arguments)
    if options.one:
        engine, kind, seats, people = options.one
        print(json.dumps(run_one(engine, kind, seats, int(people))))
        return 0
    from tests.benchmarks.engines import ENGINES

    results = []
    print_row(dict.fromkeys(COLUMNS), headings=True)
    for people in options.sizes or (SIZES + LARGE if options.large else SIZES):
        for kind in options.kinds:
            for seats in options.seats:
                for engine in options.engines or ENGINES:
                    # the others are compared where they are at their best
                    if people > ENGINES[engine][1] or (
                        kind != "typical" and engine not in ("this engine", "SciPy dense")
                    ):
                        continue
                    runs = [
                        run_apart(engine, kind, seats, people, options.seconds) for _ in range(options.repeat)
                    ]
                    result = sorted(runs, key=lambda run: run.get("seconds") or float("inf"))[len(runs) // 2]
                    results.append(result)
                    print_row(result)
                    if options.out:
                        with options.out.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(result) + "\n")
    wrong = find_disagreements(results)
    for sentence in wrong:
        print(sentence)
    plot(results, options.picture)
    print(f"The plot is in {options.picture}.")
    return 1 if wrong else 0


def run_apart(engine: str, kind: str, seats: str, people: int, seconds: int) -> dict[str, Any]:
    """Run one engine on one instance in a process of its own."""
    asked: dict[str, Any] = {"engine": engine, "kind": kind, "seats": seats, "people": people}
    command = [sys.executable, "-m", "tests.benchmarks", "--one", engine, kind, seats, str(people)]
    # the engine has threads of its own, and two layers of them get in each other's way
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return asked | {"note": f"stopped after {seconds} s"}
    if done.returncode:
        return asked | {"note": (done.stderr.strip().splitlines() or ["no message"])[-1][:80]}
    return asked | json.loads(done.stdout)


def run_one(engine: str, kind: str, seats: str, people: int) -> dict[str, Any]:
    """Measure one engine on one instance, here: seconds, multiples of a pass, peak of memory and quality."""
    import numpy as np

    from mentoring.matching.survey import count_pairs
    from tests.benchmarks.engines import ENGINES
    from tests.benchmarks.instances import make_instance

    match = ENGINES[engine][0]
    match(*make_instance(50, kind, seats))  # imports and first calls are not what is measured
    features, capacity = make_instance(people, kind, seats)
    bare = time_bare_pass(features)
    repeats = 5 if people <= 1_000 and engine == "this engine" else 1
    times, work = [], []
    for _ in range(repeats):
        start, before = time.perf_counter(), time.process_time()
        partner = match(features, capacity)
        times.append(time.perf_counter() - start)
        work.append(time.process_time() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = statistics.median(times)
    seated = np.flatnonzero(partner >= 0)
    assert features.find_allowed(partner[seated], seated).all()
    assert (np.bincount(partner[seated], minlength=len(capacity)) <= capacity).all()
    points = features.score(partner[seated], seated)
    return {
        "seconds": round(seconds, 4),
        "cpu": round(statistics.median(work), 4),
        "passes": round(seconds / bare, 1),
        "bare": round(bare, 4),
        "peak MB": peak,
        "matched": len(seated),
        "points": int(points.sum()),
        "worst": int(points.min()) if len(points) else None,
        "blocking": count_pairs(features, capacity, partner, 2)[1],
    }


def time_bare_pass(features: Any, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the products of all pairs with one comparison each; the median of some for small instances."""
    import numpy as np

    from mentoring.matching.pool import all_tiles
    from mentoring.matching.pricing import Pricer

    pricer = Pricer(features, os.cpu_count() or 1)
    mentors, mentees = features.shape
    dear = 10_000  # above every score, so that nothing is found
    pricer.set_prices(np.full(mentors, dear, dtype=np.int64), np.zeros(mentees, dtype=np.int64))
    times = []
    for _ in range(5 if mentors <= 10_000 else 1):
        start = clock()
        for _found in pricer.scan(all_tiles(mentors, mentees), 0):
            pass
        times.append(clock() - start)
    return statistics.median(times)


def find_disagreements(results: list[dict[str, Any]]) -> list[str]:
    """Sentences where an exact engine differs from this one, or any other engine beats it."""
    mine = {key_of(one): one for one in results if one["engine"] == "this engine" and "matched" in one}
    wrong = []
    for other in results:
        best = mine.get(key_of(other))
        if best is None or "matched" not in other:
            continue
        ours, theirs = (best["matched"], best["points"]), (other["matched"], other["points"])
        exact = other["engine"] in ("SciPy dense", "OR-Tools dense")
        if theirs > ours or (exact and theirs != ours):
            wrong.append(f"{other['engine']} has {theirs} at {key_of(other)}, this engine {ours}.")
    return wrong


def key_of(result: dict[str, Any]) -> tuple[int, str, str]:
    """The instance of a result."""
    return result["people"], result["kind"], result["seats"]


def print_row(result: dict[str, Any], *, headings: bool = False) -> None:
    """Print one line of the table as it is known."""
    widths = (8, 8, 6, 18, 10, 10, 8, 8, 8, 10, 6, 9)
    values = COLUMNS if headings else [result.get(name, "") for name in COLUMNS]
    cells = [
        str(value if value is not None else "").rjust(width)
        for value, width in zip(values, widths, strict=True)
    ]
    print(" ".join(cells), result.get("note", ""), flush=True)


def plot(results: list[dict[str, Any]], picture: Path) -> None:
    """Draw the seconds over the people a side, one line per engine and kind of seats."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    lines: dict[str, list[tuple[int, float]]] = {}
    for one in results:
        mine = one["engine"] == "this engine"
        # a line for each kind of seats, and the hardest kind of answers; the others where they are hardest too
        if "seconds" not in one or not (
            (one["seats"] == "tight" and one["kind"] in ("typical", "ties"))
            or (mine and one["kind"] == "typical")
        ):
            continue
        if not mine and one["kind"] != "typical":
            continue
        label = (
            f"this engine, {one['kind']}, {one['seats']}" if one["engine"] == "this engine" else one["engine"]
        )
        lines.setdefault(label, []).append((one["people"], one["seconds"]))
    for label, points in lines.items():
        style = "-" if label.startswith("this") else "--"
        axes.plot(*zip(*sorted(points), strict=True), style, marker="o", markersize=3, label=label)
    axes.set(xscale="log", yscale="log", xlabel="people a side", ylabel="seconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=120)
