"""Events as they are handed to Prefect, for tests that count what the program tells."""

from __future__ import annotations

from typing import Any

import pytest


def record_events(patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The program's own events from now on; Prefect gets them all the same, and its own, too."""
    import prefect.events

    told: list[dict[str, Any]] = []
    emit = prefect.events.emit_event

    def record(event: str, *args: Any, **rest: Any) -> Any:
        if event.startswith("mentoring."):
            told.append({"event": event, **rest})
        return emit(event, *args, **rest)

    patch.setattr(prefect.events, "emit_event", record)
    return told
