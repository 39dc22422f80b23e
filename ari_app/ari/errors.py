"""What can go wrong between us and Asterisk.

::

    AriError
    ├── AriUnreachable      no answer: connection refused, reset, or timed out
    ├── AriProtocolError    an answer that is not ARI: a wrong program on the port, a wrong password
    ├── AriRefused          Asterisk answered no (``status``, ``reason``)
    │   ├── AriNotFound     404: the leg, bridge or playback is gone. A normal end of a race
    │   └── AriConflict     409, 412: it is not in a state for that, or somebody else has it
    ├── AriReplaced         another program took our application's name: stop acting
    ├── AriStalled          no event comes back for our orders: we are of no use to callers
    └── InboxFull           a call's inbox ran over: its flow is stuck
"""

from __future__ import annotations

HTTP_UNAUTHORISED = 401
HTTP_FORBIDDEN = 403
HTTP_NOT_FOUND = 404
HTTP_CONFLICT = 409
HTTP_PRECONDITION = 412


class AriError(Exception):
    """Anything that goes wrong between the application and Asterisk."""


class AriUnreachable(AriError):
    """Asterisk gave no answer."""


class AriProtocolError(AriError):
    """What answers is not our Asterisk, or does not let us in."""


class AriRefused(AriError):
    """Asterisk said no; ``status`` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        """Keep the HTTP status and Asterisk's own words."""
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class AriNotFound(AriRefused):
    """It is gone already: normal when two things happen at once."""


class AriConflict(AriRefused):
    """It is not in a state that allows this, or another program has it."""


class AriReplaced(AriError):
    """Another program connected with our application's name."""


class AriStalled(AriError):
    """The link stands open, or is gone, and no event has come back for an order of ours for too long."""


class InboxFull(AriError):
    """A call got more events than its flow took in: the flow is stuck and must be ended."""


def refusal(status: int, reason: str) -> AriError:
    """The exception for an answer of Asterisk's that is not a success."""
    if status == HTTP_NOT_FOUND:
        return AriNotFound(status, reason)
    if status in (HTTP_CONFLICT, HTTP_PRECONDITION):
        return AriConflict(status, reason)
    if status in (HTTP_UNAUTHORISED, HTTP_FORBIDDEN):
        return AriProtocolError(f"{status} {reason}")
    return AriRefused(status, reason)
