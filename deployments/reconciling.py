"""`mentoring reconcile`: a database that was restored from a backup learns what went out since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tasks.restored import reconcile
from tasks.runs import open_program, open_run


def reconcile_program(folder: Path | None) -> Iterator[str]:
    """Settle what the journal saw on its way and the database has forgotten, and yield sentences on what was found.

    Raises what `tasks.restored.reconcile` raises.
    """
    totals: dict[str, int] = {}
    for cohort in sorted(open_program(folder).program.cohorts):
        for name, count in reconcile(open_run("reconcile", cohort, None, False, folder)).items():
            totals[name] = totals.get(name, 0) + count
    if not any(totals.values()):
        yield "The database knows of all mail that went out; nothing had to be settled."
        return
    for name, words in _WORDS.items():
        if totals.get(name):
            yield f"{words}: {totals[name]}."
    yield "Mail goes out again with the next run, and none of these messages a second time."


_WORDS = {
    "sent": "Messages that had gone out and are now marked as sent",
    "failed": "Messages that the provider had refused and that wait on the Messages tab",
    "unknown": "→ Messages that may have gone out or not, and wait for a decision on the Messages tab",
    "not known yet": "Messages that went out and that this database will know when the program plans them again",
}
