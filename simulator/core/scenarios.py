"""Scenarios by name: a calm market to which something happens, on a timetable that begins with the first start."""

from typing import NamedTuple

from simulator.core.bars import Print, SimBar, fold, walk
from simulator.core.draws import Draws
from simulator.core.products import SimProduct
from simulator.core.synthetic import AnswerCache
from simulator.core.tape import MINUTE_US, MarketSource
from simulator.core.units import PPM

CYCLE = 30  # minutes until it happens again
WAIT = 2  # minutes before it happens first
JUMP = 1_080_000
SCENARIOS = ("flash_crash", "gap", "halt", "delisting")


class Effect(NamedTuple):
    """What a minute's prices are multiplied by, in millionths, and what the product lets through."""

    open: int = PPM
    close: int = PPM
    low: int = PPM  # of the open: how deep the minute reached
    silent: bool = False
    gate: str | None = None
    busy: int = 1  # times the usual volume


PLAIN = Effect()
# Minute of the cycle: the crash, and the way back.
CRASH = {
    WAIT: Effect(PPM, 880_000, 800_000, busy=12),
    WAIT + 1: Effect(880_000, 950_000, 860_000, busy=6),
    WAIT + 2: Effect(950_000, PPM, 940_000, busy=3),
}


class Scenario:
    """A `MarketSource` over another one."""

    def __init__(self, base: MarketSource, name: str, since: int, seed: int) -> None:
        self._base = base
        self._name = name
        self._since = since
        self._seed = seed
        self._cache = AnswerCache(4096)
        self.products: tuple[SimProduct, ...] = base.products
        self.begins = base.begins
        self._delisted = base.products[min(1, len(base.products) - 1)].product_id

    def effect(self, product_id: str, minute: int) -> Effect:
        """What happens in a minute."""
        since = minute - self._since
        if since < 0:
            return PLAIN
        cycle, at = divmod(since, CYCLE)
        if self._name == "flash_crash":
            return CRASH.get(at, PLAIN)
        if self._name == "gap":
            up = (cycle + (at >= WAIT)) % 2 == 1
            return Effect(JUMP, JUMP, JUMP) if up else PLAIN
        if self._name == "halt":
            halted = WAIT <= at < WAIT + 3
            return Effect(silent=True, gate="cancel_only") if halted else PLAIN
        if product_id != self._delisted or since < WAIT:
            return PLAIN
        if since < 2 * WAIT:
            return Effect(gate="limit_only")
        return Effect(silent=True, gate="cancel_only" if since < 3 * WAIT else "delisted")

    def over(self, product_id: str, minute: int) -> bool:
        return self._base.over(product_id, minute)

    def gate(self, product_id: str, minute: int) -> str | None:
        if minute < self._since:
            return None
        return self.effect(product_id, minute).gate or "online"

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        bar = self._base.minute(product_id, minute)
        effect = self.effect(product_id, minute)
        if bar is None or effect.silent:
            return None
        if effect is PLAIN:
            return bar
        return self._changed(bar, effect)

    @staticmethod
    def _changed(bar: SimBar, effect: Effect) -> SimBar:
        first, last = bar.open * effect.open // PPM, bar.close * effect.close // PPM
        if effect.open == effect.close == effect.low:
            high, low = bar.high * effect.open // PPM, bar.low * effect.open // PPM
            return SimBar(first, max(high, first, last), min(low, first, last), last, bar.volume * effect.busy)
        low = min(first, last, bar.open * effect.low // PPM)
        return SimBar(first, max(first, last), low, last, bar.volume * effect.busy)

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        if start_s + seconds <= self._since * 60:
            return self._base.bar(product_id, start_s, seconds)
        if seconds == 60:
            return self.minute(product_id, start_s // 60)
        first = start_s // 60
        return self._cache.get(
            (product_id, start_s, seconds),
            lambda: fold(b for m in range(first, first + seconds // 60) if (b := self.minute(product_id, m))),
        )

    def prints(self, product_id: str, minute: int) -> list[Print]:
        if self.effect(product_id, minute) is PLAIN:
            return self._base.prints(product_id, minute)
        bar = self.minute(product_id, minute)
        if bar is None:
            return []
        return walk(Draws(self._seed, product_id, "scenario", minute), bar, MINUTE_US, 60)

    def half_spread(self, product_id: str, minute: int) -> int:
        bar = self.minute(product_id, minute)
        usual = self._base.half_spread(product_id, minute)
        return max(usual, (bar.high - bar.low) // 50) if bar else usual

    def depth_percent(self, product_id: str, minute: int) -> int:
        crashing = self.effect(product_id, minute).busy > 1
        return self._base.depth_percent(product_id, minute) // (8 if crashing else 1) or 1
