"""What the parts of one process' network share: the exchange, the delays, and the request under way."""

from collections.abc import Callable, Iterable
from random import Random

from simtest.faults import FaultInjector
from simtest.ground_truth import GroundTruth
from simtest.virtual_loop import VirtualLoop
from simtest.virtual_venue import VirtualVenue


class NetworkLink:
    """The network of one process of the bot."""

    def __init__(
        self,
        loop: VirtualLoop,
        venue: VirtualVenue,
        faults: FaultInjector,
        truth: GroundTruth,
        random: Random,
        life: int,
        states_of: Callable[[list[str]], Iterable[str]] = lambda _ids: (),
    ) -> None:
        self.loop, self.venue, self.faults, self.truth, self.life = loop, venue, faults, truth, life
        self.random = random
        self.states_of = states_of  # the bot's states of the orders with these ids, ours or the exchange's
        self.sent_us = 0  # when the request that is on its way was sent
        self.extra_us = 0  # by how much its answer is late
        self.told = b""  # what its answer says of open orders, or of one

    def half_rtt_us(self) -> int:
        low, high = self.venue.plan.rtt_ms
        return round(self.random.uniform(low, high) * 500)
