"""Mail on a stage: a provider in memory that takes messages, and now and then refuses, is away or leaves doubt.

Belongs here: what became of each message, and what the provider's records say later. Does not belong here: who reads
the mail (`deployments.rehearsed_people`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.mail import Delivery, OutgoingMessage


@dataclass(frozen=True)
class MailTrouble:
    """How often a message is refused for good, finds nobody there, or leaves doubt; each from 0 to 1."""

    refused: float = 0
    away: float = 0
    doubtful: float = 0


@dataclass
class StageMail:
    """A mail backend; `accepted` holds what it took, in order, doubtful ones that arrived included.

    Trouble is drawn by the seed and the count of calls, so that the same play meets the same trouble.
    """

    seed: str
    trouble: MailTrouble = field(default_factory=MailTrouble)
    accepted: list[OutgoingMessage] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    _records: dict[str, Delivery] = field(default_factory=dict)
    _calls: int = 0

    def send(self, message: OutgoingMessage) -> Delivery:
        """Take the message, or not."""
        self._calls += 1
        draw = random.Random(f"{self.seed} mail {self._calls}")  # noqa: S311 - play, not secrecy
        outcome, arrives = self._choose(draw)
        self.outcomes[outcome] += 1
        taken = Delivery("accepted", provider_id=f"stage-{message.message_id}")
        if arrives:
            self.accepted.append(message)
            self._records[message.message_id] = taken
        if outcome == "unknown":
            if not arrives:
                self._records[message.message_id] = Delivery("not_arrived", problem="It never arrived.")
            return Delivery("unknown", problem="The provider did not answer in time.")
        if outcome == "refused":
            return Delivery("refused", problem="The provider does not take this address.")
        if outcome == "not_arrived":
            return Delivery("not_arrived", problem="The provider could not be reached.")
        return taken

    def _choose(self, draw: random.Random) -> tuple[str, bool]:
        chance, trouble = draw.random(), self.trouble
        if chance < trouble.refused:
            return "refused", False
        if chance < trouble.refused + trouble.away:
            return "not_arrived", False
        if chance < trouble.refused + trouble.away + trouble.doubtful:
            return "unknown", draw.random() < 0.5
        return "accepted", True

    def look_up(self, message_id: str, since: datetime) -> Delivery | None:  # noqa: ARG002 - it forgets nothing
        """What the records say: of every third message nothing, as a provider's do."""
        draw = random.Random(f"{self.seed} records {message_id}")  # noqa: S311 - play, not secrecy
        return None if draw.random() < 1 / 3 else self._records.get(message_id)

    def list_suppressed(self) -> Mapping[str, str]:
        """Nobody."""
        return {}

    def check(self) -> str:
        """Nothing can be wrong with it."""
        return "played, nothing leaves this machine"
