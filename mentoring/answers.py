"""The responses of one form as read and checked: what every decision about answers starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mentoring.form_fields import FormName
from mentoring.responses import Response


@dataclass(frozen=True)
class FormAnswers:
    """A form's responses and what is wrong with them.

    `problems` are sentences about the sheet as a whole; with any, nothing was read and nobody is rejected.
    `faults` maps a row to dicts with `field`, `question`, `mend` (for the applicant) and `sentence` (for the
    committee).
    """

    form: FormName
    responses: Sequence[Response] = ()
    faults: Mapping[int, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    problems: Sequence[str] = ()

    def describe_faults(self, response: Response) -> str:
        """What is wrong with a response, in sentences for the committee; empty if nothing is."""
        return " ".join(fault["sentence"] for fault in self.faults.get(response.row, ()))
