"""The sample year with its data in PostgreSQL: the same SQL files, the same outcome as in SQLite."""

from collections import Counter

import pytest

from deployments.demo import DemoYear
from tasks.settings import load_settings

# Two whole years, which may take their time on a busy machine.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


def describe(cohort):
    """What happened, without ids and times of day."""
    matches = Counter(
        (match.pair, match.points, match.state, match.reason, match.is_rematch)
        for match in cohort.matches.values()
    )
    messages = Counter((m.kind, m.period, m.state, m.subject_id, m.recipient_id) for m in cohort.messages)
    applications = {key: (item.state, item.reason, item.faults) for key, item in cohort.applications.items()}
    answers = Counter((item.match_id, item.signal, item.contacts) for item in cohort.check_ins)
    return matches, messages, applications, answers, len(cohort.evaluations)


def live_year(folder):
    year = DemoYear(folder, tell=lambda line: None)
    year.live()
    return year.read_cohort()


def test_the_year_is_the_same_on_both_databases(tmp_path, postgres_server, monkeypatch):
    on_sqlite = live_year(tmp_path / "sqlite")
    url = postgres_server.create()
    monkeypatch.setenv("MENTORING_DATABASE_URL", url)
    on_postgresql = live_year(tmp_path / "postgresql")
    assert not load_settings(tmp_path / "postgresql").database_url.get_secret_value().startswith("sqlite")
    assert not (tmp_path / "postgresql" / "mentoring.sqlite").exists()
    assert describe(on_postgresql) == describe(on_sqlite)
