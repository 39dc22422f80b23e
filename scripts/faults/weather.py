"""A bad network between a phone and Asterisk: datagrams get lost, come late, come twice. In both directions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weather:
    """``loss`` and ``doubling`` are the parts of all datagrams that get lost or come twice; ``jitter`` in seconds.

    A datagram that comes later than the next one has changed places with it, as on a real network.
    """

    loss: float = 0.0
    doubling: float = 0.0
    jitter: float = 0.0

    def carrier(self, rng: random.Random) -> Callable[[Callable[[], None]], None]:
        """What takes each datagram's delivery and does it later, twice, or not at all."""

        def carry(deliver: Callable[[], None]) -> None:
            if rng.random() < self.loss:
                return
            for _ in range(1 + (rng.random() < self.doubling)):
                if self.jitter:
                    asyncio.get_running_loop().call_later(rng.uniform(0.0, self.jitter), deliver)
                else:
                    deliver()

        return carry
