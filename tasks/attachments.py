"""The files that travel with a message: a calendar entry with an evaluation, a certificate with the thanks.

Belongs here: which message carries what, under which name. Does not belong here: an entry's content
(`mentoring.calendar_entries`), a certificate's looks (`tasks.certificates`), keeping and sending the files
(`tasks.ledger`, `tasks.outbox`).
"""

from __future__ import annotations

from mentoring.calendar_entries import describe_deadline, describe_first_meeting, write_entry
from mentoring.cohort import Cohort, Draft
from mentoring.completion import describe_certificate
from mentoring.errors import PlainError
from mentoring.messages import Attachment, RenderedMessage

_CALENDAR = "text/calendar; charset=utf-8; method=PUBLISH"
_WITH_DEADLINE = ("evaluation_invitation", "evaluation_reminder")


class AttachmentError(PlainError):
    """A file that a message speaks of can't be made; the text is one sentence without personal data."""


def make_attachments(cohort: Cohort, draft: Draft, rendered: RenderedMessage) -> tuple[Attachment, ...]:
    """The files that belong to a message, to be frozen with its text; the same input gives the same bytes.

    Nothing but the draft's facts decides what it carries, so the text and its files agree. Raises
    `AttachmentError` if the text promises a file that can't be made here.
    """
    if draft.kind in _WITH_DEADLINE:
        deadline = describe_deadline(cohort, draft)
        return (Attachment("evaluation.ics", _CALENDAR, write_entry(deadline, cohort.program)),)
    if draft.context.get("suggests_meeting"):
        entry = describe_first_meeting(cohort, draft)
        return (Attachment("first-talk.ics", _CALENDAR, write_entry(entry, cohort.program)),) if entry else ()
    if draft.kind == "thanks" and draft.context.get("certificate"):
        return (_make_certificate(cohort, draft),)
    return rendered.attachments


def _make_certificate(cohort: Cohort, draft: Draft) -> Attachment:
    from tasks.certificates import write_certificate

    certificate = describe_certificate(cohort, draft.subject_id)
    content = write_certificate(certificate)
    if content is None:
        raise AttachmentError(
            f"The certificate of {draft.subject_id} can't be written with the fonts of this machine; run the flow on "
            "the machine on which it was planned, or install the fonts that are there."
        )
    return Attachment(f"certificate-{certificate.year}.pdf", "application/pdf", content)
