"""What a simulated desk phone does with a call."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.phones.sipp import FOREVER_MS


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a desk phone takes a call; times in milliseconds.

    ``answer_ms`` from ringing to the answer, ``talk_ms`` from the answer to its own hang-up; ``refusal`` is
    the SIP code and reason with which it refuses every call instead. ``echoes``: it sends back what sound it gets.
    """

    answer_ms: int = 0
    talk_ms: int = FOREVER_MS
    refusal: tuple[int, str] | None = None
    echoes: bool = False

    @classmethod
    def answers(cls, after_ms: int = 0, *, hang_up_ms: int | None = None, echoes: bool = False) -> Behaviour:
        """Answers after a while, 0: with no delay at all; waits for the other side's BYE unless it hangs up itself."""
        talk_ms = FOREVER_MS if hang_up_ms is None else max(1, hang_up_ms)
        return cls(answer_ms=after_ms, talk_ms=talk_ms, echoes=echoes)

    @classmethod
    def never_answers(cls) -> Behaviour:
        """Rings until the caller or the switch gives up."""
        return cls(answer_ms=FOREVER_MS)

    @classmethod
    def busy(cls) -> Behaviour:
        """486: talking already."""
        return cls(refusal=(486, "Busy Here"))

    @classmethod
    def unavailable(cls) -> Behaviour:
        """480: the phone is set to do-not-disturb."""
        return cls(refusal=(480, "Temporarily Unavailable"))

    @property
    def scenario(self) -> str:
        """The scenario file that does this."""
        return "desk_refuses" if self.refusal else "desk_answers"
