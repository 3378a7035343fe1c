"""The calm synthetic market and its kin: a pure function of seed, product and time.

Days wander about each product's reference price and are split into hours, the hours into five minutes, those into
minutes (`bars.split`), so a daily candle of last year costs as little as the next minute. Every draw is of whole
numbers: the same seed gives the same bytes on every machine, today and after a restart.
"""

# ruff: noqa: ARG002  a tape is asked for more than this one needs to know

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple, TypeVar

from simulator.core.bars import Print, SimBar, fold, split, walk
from simulator.core.days import FIRST_DAY, DayPath, wild_hour
from simulator.core.draws import Draws
from simulator.core.products import DEFAULT_PRODUCTS, SimProduct
from simulator.core.tape import MINUTE_US
from simulator.core.units import PPM, to_atoms

V = TypeVar("V")


class Temper(NamedTuple):
    """How wild a market is; lengths in millionths of the price."""

    day_step: int  # usual move of a day's close
    day_least: int  # every day reaches at least so far beyond open and close
    day_wick: int
    hour_wick: int
    five_least: int  # every five minutes reach at least so far beyond open and close
    five_wick: int
    minute_least: int
    minute_wick: int
    prints: int  # usual trades in a minute
    quiet: int  # per mille of minutes without a trade
    spread: int  # half a spread of a usual minute
    depth: int  # percent of the usual liquidity
    drift: int = 0  # of a day's close, on average


TEMPERS: dict[str, Temper] = {
    "calm": Temper(24_000, 6_000, 12_000, 2_500, 100, 500, 60, 220, 24, 60, 15, 100),
    "thin_book": Temper(24_000, 6_000, 12_000, 3_500, 100, 900, 60, 500, 8, 250, 400, 5),
    "trend": Temper(20_000, 6_000, 12_000, 2_500, 100, 500, 60, 220, 24, 30, 15, 100, 25_000),
    "range": Temper(3_000, 4_000, 8_000, 2_500, 100, 500, 60, 220, 24, 30, 15, 100),
}


class AnswerCache:
    """A bounded memory of the latest answers."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, name: Hashable, make: Callable[[], V]) -> V:
        found = self._kept.get(name)
        if found is None:
            found = self._kept[name] = make()
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(name)
        return found  # type: ignore[return-value]


class Synthetic:
    """A `Tape` without beginning or end (days before 2020 are empty)."""

    begins = FIRST_DAY * 1440

    def __init__(self, seed: int, temper: Temper, products: tuple[SimProduct, ...] = DEFAULT_PRODUCTS) -> None:
        self.products = products
        self._seed = seed
        self._temper = temper
        self._product = {product.product_id: product for product in products}
        self._days = DayPath(seed, tuple(self._product), temper.day_step, temper.drift)
        self._cache = AnswerCache(4096)

    def _ticks(self, product: SimProduct, deviation: int) -> int:
        reference = to_atoms(product.reference_price) // product.tick
        return max(100, reference + reference * deviation // PPM)

    def day(self, product_id: str, day: int) -> SimBar:
        return self._cache.get((product_id, 1, day), lambda: self._make_day(product_id, day))

    def _make_day(self, product_id: str, day: int) -> SimBar:
        product = self._product[product_id]
        first = self._ticks(product, self._days.close(product_id, day - 1)[0] if day > FIRST_DAY else 0)
        deviation, wild = self._days.close(product_id, day)
        last = self._ticks(product, deviation)
        draws = Draws(self._seed, product_id, "wick", day)
        wick = first * self._temper.day_wick // PPM * wild // 100
        least = first * self._temper.day_least // PPM
        high = max(first, last) + least + abs(draws.bell(wick))
        low = max(50, min(first, last) * 3 // 10, min(first, last) - least - abs(draws.bell(wick)))
        volume = product.daily_volume * 10**20 // product.step * wild // 100 * draws.between(70, 140) // 100
        return SimBar(first, high, low, last, volume)

    def hours(self, product_id: str, day: int) -> list[SimBar]:
        return self._cache.get((product_id, 2, day), lambda: self._make_hours(product_id, day))

    def _make_hours(self, product_id: str, day: int) -> list[SimBar]:
        bar = self.day(product_id, day)
        common = Draws(self._seed, "hours", day)
        extremes = (common.below(24), common.below(24))
        wick = bar.open * self._temper.hour_wick // PPM * self._days.close(product_id, day)[1] // 100
        return split(Draws(self._seed, product_id, "hours", day), bar, 24, wick, 0, extremes)

    def fives(self, product_id: str, hour: int) -> list[SimBar]:
        return self._cache.get((product_id, 3, hour), lambda: self._make_fives(product_id, hour))

    def _make_fives(self, product_id: str, hour: int) -> list[SimBar]:
        bar = self.hours(product_id, hour // 24)[hour % 24]
        temper = self._temper
        common = Draws(self._seed, "fives", hour)
        extremes = (common.below(12), common.below(12))
        wild = wild_hour(self._seed, hour)
        wick = bar.open * temper.five_wick // PPM * wild // 100
        least = bar.open * temper.five_least // PPM * wild // 100
        return split(Draws(self._seed, product_id, "fives", hour), bar, 12, wick, 0, extremes, (least, least))

    def minutes(self, product_id: str, five: int) -> list[SimBar]:
        return self._cache.get((product_id, 4, five), lambda: self._make_minutes(product_id, five))

    def _make_minutes(self, product_id: str, five: int) -> list[SimBar]:
        bar = self.fives(product_id, five // 12)[five % 12]
        temper = self._temper
        wild = wild_hour(self._seed, five // 12)
        wick = bar.open * temper.minute_wick // PPM * wild // 100
        least = bar.open * temper.minute_least // PPM * wild // 100
        draws = Draws(self._seed, product_id, "minutes", five)
        return split(draws, bar, 5, wick, temper.quiet, None, (least, least))

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        bar = self.minutes(product_id, minute // 5)[minute % 5] if minute >= self.begins else None
        return bar if bar and bar.volume else None

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        if start_s // 60 < self.begins:
            return None
        if seconds == 86_400:
            return self.day(product_id, start_s // 86_400)
        if seconds >= 3600:
            hour = start_s // 3600
            return fold(self.hours(product_id, h // 24)[h % 24] for h in range(hour, hour + seconds // 3600))
        if seconds >= 300:
            five = start_s // 300
            return fold(self.fives(product_id, f // 12)[f % 12] for f in range(five, five + seconds // 300))
        return self.minute(product_id, start_s // 60)

    def prints(self, product_id: str, minute: int) -> list[Print]:
        bar = self.minute(product_id, minute)
        if bar is None:
            return []
        wild = wild_hour(self._seed, minute // 60)
        usual = max(4, self._temper.prints * wild // 100)
        return walk(Draws(self._seed, product_id, "prints", minute), bar, MINUTE_US, usual)

    def _range_ppm(self, product_id: str, minute: int) -> int:
        bar = self.minute(product_id, minute)
        return (bar.high - bar.low) * PPM // bar.open if bar else 0

    def over(self, product_id: str, minute: int) -> bool:
        return False

    def gate(self, product_id: str, minute: int) -> str | None:
        return None

    def half_spread(self, product_id: str, minute: int) -> int:
        bar = self.minute(product_id, minute)
        price = bar.open if bar else 1
        spread = self._temper.spread // 2 + self._temper.spread * self._range_ppm(product_id, minute) // 20_000
        return max(1, min(price * spread // PPM, price // 200))

    def depth_percent(self, product_id: str, minute: int) -> int:
        return max(2, self._temper.depth * 20_000 // (20_000 + self._range_ppm(product_id, minute)))
