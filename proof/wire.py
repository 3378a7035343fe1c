"""What the parts of one life's network share: the world at its far end, its delays, and the request on its way."""

from random import Random

from proof.faults import FaultBox
from proof.loop import VirtualLoop
from proof.truth import TruthLog
from proof.venue import Venue


class Wire:
    """The lines of one life of the process."""

    def __init__(
        self, loop: VirtualLoop, venue: Venue, faults: FaultBox, truth: TruthLog, random: Random, life: int
    ) -> None:
        self.loop, self.venue, self.faults, self.truth, self.life = loop, venue, faults, truth, life
        self.random = random
        self.sent_us = 0  # when the request that is on its way was sent
        self.extra_us = 0  # by how much its answer is late
        self.told = b""  # what its answer says of open orders, or of one

    def half_rtt_us(self) -> int:
        low, high = self.venue.plan.rtt_ms
        return round(self.random.uniform(low, high) * 500)
