"""Trouble that a person can mend.

Belongs here: the base of every error whose text is written for people. Does not belong here: any of these errors; each
is defined by the module that raises it.
"""


class PlainError(Exception):
    """An error whose text is one plain sentence that names the thing and the mend, without personal data."""
