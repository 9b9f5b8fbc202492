"""What may go wrong between a sender and SendGrid.

Belongs here: the names of the faults, and what each means for the truth. Does not belong here: how the stand-in carries
them out (`stand_ins.sendgrid_server`).
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What may go wrong with one request to send."""

    # The connection does not come about: these need another address, see `SendGridStandIn.address_for`.
    REFUSED = "refused"
    DNS = "dns"
    TLS = "tls"
    # The message is not taken.
    TIMEOUT_BEFORE = "timeout_before"
    RESET_BEFORE = "reset_before"
    REDIRECT = "redirect"
    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_MANY_BARE = "too_many_bare"
    UNAVAILABLE_BEFORE = "unavailable_before"
    # It is taken, and the sender does not learn of it.
    TIMEOUT_AFTER = "timeout_after"
    RESET_AFTER = "reset_after"
    TRUNCATED = "truncated"
    SLOW_DRIP = "slow_drip"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE_AFTER = "unavailable_after"
    WITHOUT_ID = "without_id"
    DUPLICATE_EVENT = "duplicate_event"
    LATE_EVENT = "late_event"
    # It is taken and answered as usual, and never sent on.
    SUPPRESSED = "suppressed"


#: No server is reached.
UNREACHABLE = frozenset({Fault.REFUSED, Fault.DNS, Fault.TLS})
#: The message is taken, though the answer does not say so.
TAKEN = frozenset(
    {
        Fault.TIMEOUT_AFTER,
        Fault.RESET_AFTER,
        Fault.TRUNCATED,
        Fault.SLOW_DRIP,
        Fault.SERVER_ERROR,
        Fault.BAD_GATEWAY,
        Fault.UNAVAILABLE_AFTER,
        Fault.WITHOUT_ID,
        Fault.DUPLICATE_EVENT,
        Fault.LATE_EVENT,
        Fault.SUPPRESSED,
    }
)
