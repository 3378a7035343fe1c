"""An engine alone whose strategy says weights (KIND=exposure)."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy, Intent
from bot.domain.targets import Exposure, Target
from bot.engine.state.recovered import RecoveredState
from tests.core.harness import D, Rig, Said

NO_OPINION = math.nan


@dataclass
class WeightSaid(Said):
    """A strategy that says the weight that it was told to say."""

    target_type: type[Target] = Exposure
    weight: float = NO_OPINION

    def answer(self, question: AskStrategy) -> ev.TargetReady:
        return ev.TargetReady(question.instrument.product_id, question.bar_start_s, Exposure(self.weight, {}))


class WeightRig(Rig):
    """One product, all of equity as its share, a band of five points, no pause between prices of an order."""

    def __init__(self, restored: RecoveredState | None = None, **terms: Any) -> None:
        settings = {"exposure_max_pct": 100.0, "exposure_maker_sec": 60.0, "maker_reprice_sec": 1.0}
        self.said = WeightSaid()
        super().__init__(restored=restored, **(settings | terms))

    def says(self) -> WeightSaid:
        return self.said

    def want(self, weight: float, price: str = "100") -> list[Intent]:
        """A bar closes and the strategy wants so much; a price comes."""
        self.said.weight = weight
        self.now_ms += 1000
        self.bar_s = max(self.bar_s + 60, self.now_ms // 60_000 * 60 - 60)
        self.now_ms = max(self.now_ms, (self.bar_s + 60) * 1000)
        close = float(price)
        found = self.price(price, after_ms=0)
        bar = Bar(self.bar_s, close, close, close, close, 1.0)
        return found + self.send(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (bar,)))

    @property
    def held(self) -> Decimal:
        """Base units in lots."""
        return sum((lot.base_left for lot in self.lots), D(0))
