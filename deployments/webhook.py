"""The webhook beside the server: SendGrid's own reports about our messages, taken in while the program is served.

It trusts no address, only the signature of each batch. Belongs here: the small server in a thread of its own. Does not
belong here: the application and the signature (`tasks.mail_webhook`), what a report means (`tasks.doubts`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deployments.operator_server import ServingError, check_can_listen, write_address
from tasks.settings import Settings

if TYPE_CHECKING:
    import uvicorn

_START_LIMIT = 30


@contextmanager
def serve_webhook(
    settings: Settings, host: str, port: int | None, tell: Callable[[str], None]
) -> Iterator[None]:
    """Take events in at `port` for as long as the block lasts; without a port do nothing.

    Raises `ServingError` if there is no verification key or nobody can listen there, and `WebhookKeyError`.
    """
    if port is None:
        yield
        return
    server = _make_server(settings, host, port)
    thread = threading.Thread(target=server.run, name="webhook", daemon=True)
    thread.start()
    try:
        _wait_for(server, thread)
        tell(f"SendGrid's events are taken in at {write_address(host, port)}{_find_path()}")
        yield
    finally:
        server.should_exit = True
        thread.join()


def _find_path() -> str:
    from tasks.mail_webhook import WEBHOOK_PATH

    return WEBHOOK_PATH


def _make_server(settings: Settings, host: str, port: int) -> uvicorn.Server:
    import uvicorn

    from tasks.database import Database
    from tasks.doubts import record_event
    from tasks.mail_webhook import make_webhook_app

    key = settings.sendgrid_webhook_key
    if not key:
        raise ServingError(
            "--webhook needs the verification key of SendGrid's event webhook; set MENTORING_SENDGRID_WEBHOOK_KEY, or "
            "serve without --webhook."
        )
    check_can_listen(host, port)
    database = Database(settings.database_url)
    database.migrate()
    app = make_webhook_app(lambda event: record_event(database, event), key)
    # Its log would repeat every request; what matters is in the database.
    return uvicorn.Server(
        uvicorn.Config(app, host=host, port=port, log_level="error", access_log=False, lifespan="off")
    )


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ServingError("The webhook's port can't be listened on; choose another --webhook.")
        time.sleep(0.02)
