"""The world that a program lives in, made, saved and put back within milliseconds: database, folder, mail provider.

Belongs here: databases of both kinds with saved copies, and the provider's stand-in in a process of its own, which
survives whatever happens to the senders. Does not belong here: what is done in a world.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.postgresql_connections import close_idle_connections
from tasks.settings import Settings
from tests.proof import month
from tests.proof.providers import Provider
from tests.proof.truth import Standing, read_standing


@dataclass
class World:
    """One program with its database of one `kind`, in `folder`; `server` is PostgreSQL's, if that is the kind."""

    kind: str
    name: str
    base: Path
    provider: Provider
    server: Any = None
    senders: int = 4
    #: A wrong design, patched in wherever a flow runs; none by default.
    mutation: Callable[[], AbstractContextManager[Any]] = nullcontext

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.server:
            self.server.execute(f"CREATE DATABASE {self.name} TEMPLATE {self.server.template}")

    @property
    def folder(self) -> Path:
        """The program folder: the SQLite file, the journal of sent mail, the reports."""
        return self.base / "program"

    @property
    def url(self) -> str:
        return (
            self.server.url.format(self.name)
            if self.server
            else f"sqlite:///{self.folder / 'mentoring.sqlite'}"
        )

    @property
    def settings(self) -> Settings:
        return month.make_settings(self.folder, self.url, self.provider, self.senders)

    def save(self, as_what: str) -> None:
        """Keep a copy of database, folder and the provider's history. Nobody may be using them."""
        self.provider.ask("save", as_what)
        shutil.rmtree(self.base / as_what, ignore_errors=True)
        shutil.copytree(self.folder, self.base / as_what)
        if self.server:
            self._copy_database(self.name, f"{self.name}_{as_what}")

    def restore(self, what: str, folder: bool = True) -> None:
        """Put a copy back; without `folder` only the database, as somebody does who restores a backup of it."""
        if folder:
            self.provider.ask("restore", what)
            shutil.rmtree(self.folder)
            shutil.copytree(self.base / what, self.folder)
        elif not self.server:
            shutil.copyfile(self.base / what / "mentoring.sqlite", self.folder / "mentoring.sqlite")
        if self.server:
            self._copy_database(f"{self.name}_{what}", self.name)

    def _copy_database(self, source: str, target: str) -> None:
        close_idle_connections()
        self.server.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        self.server.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY file_copy")

    def wait_until_free(self) -> None:
        """Until PostgreSQL has noticed that a killed client is gone."""
        if self.server:
            self.server.wait_until_free(self.name)

    def look(self) -> Standing:
        """The tables and the truth as they are now."""
        return read_standing(self.url, self.provider.list_accepted())

    def look_back(self, what: str) -> Counter[str]:
        """How often each message had been accepted when the world was saved."""
        return Counter(item.message_id for item in self.provider.ask("list_saved", what))

    def remove(self) -> None:
        """Throw the databases away."""
        if self.server:
            self.server.remove_like(self.name)
        shutil.rmtree(self.base, ignore_errors=True)


@contextmanager
def open_world(kind: str, name: str, base: Path, server: Any = None) -> Iterator[World]:
    """A world with a founded cohort, saved as `start`, and a provider of its own."""
    shutil.rmtree(base, ignore_errors=True)
    with Provider.start() as provider:
        world = World(kind, name, base, provider, server if kind == "postgresql" else None)
        try:
            for address in month.SUPPRESSED:
                provider.ask("suppress", address)
            month.found_cohort(world.settings)
            world.save("start")
            yield world
        finally:
            world.remove()


def find_fast_folder() -> str | None:
    """A folder in memory, where there is one: here processes die, the machine does not."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
