"""The lively market: some four percent an hour about a mean that moves slowly, for a first look at the bot.

A pure function of seed, product and time, as the calm one is: days are drawn about their level, hours within their
day, minutes within their hour, so a daily candle of last year costs as little as the next minute, and candles of all
lengths agree. Every draw is of whole numbers.
"""

# ruff: noqa: ARG002  a tape is asked for more than this one needs to know

from simulator.core.bars import Print, SimBar, fold, follow, walk
from simulator.core.days import FIRST_DAY, DayPath, wild_hour
from simulator.core.draws import Draws
from simulator.core.products import DEFAULT_PRODUCTS, SimProduct
from simulator.core.swings import BILLION, NOISE, SWING, TIDE, Swings
from simulator.core.synthetic import AnswerCache
from simulator.core.tape import MINUTE_US
from simulator.core.units import PPM, to_atoms

DAY_STEP = 30_000  # usual move of a day's level, in millionths
# How far beyond the mean's swing a day reaches, and an hour beyond the mean, in hundredths of the usual noise.
DAY_REACH, DAY_SPREAD = 190, 40
HOUR_REACH, HOUR_SPREAD = 130, 45
HOUR_LEAST = 9_000  # an hour reaches at least so far beyond open and close, in millionths
MINUTE_WICK = 1_500  # usual length of a minute's wick, in millionths of the price
QUIET = 4  # per mille of minutes without a trade
PRINTS = 50  # usual trades in a minute
SPREAD = 100  # millionths of the price


class Lively:
    """A `Tape` without beginning or end (days before 2020 are empty)."""

    begins = FIRST_DAY * 1440

    def __init__(self, seed: int, products: tuple[SimProduct, ...] = DEFAULT_PRODUCTS) -> None:
        self.products = products
        self._seed = seed
        self._reference = {p.product_id: to_atoms(p.reference_price) // p.tick for p in products}
        self._product = {p.product_id: p for p in products}
        self._days = DayPath(seed, tuple(self._product), DAY_STEP)
        self._swings = Swings(seed, products)
        self._cache = AnswerCache(8192)

    def _wild(self, hour: int) -> int:
        return self._cache.get((0, hour), lambda: wild_hour(self._seed, hour))

    def _level(self, product_id: str, minute: int) -> int:
        """Billionths of the reference price about which a minute's price moves: on the way from close to close."""
        day, at = divmod(minute, 1440)
        first = self._days.close(product_id, day - 1)[0] if day > FIRST_DAY else 0
        last = self._days.close(product_id, day)[0] if day >= FIRST_DAY else 0
        return BILLION + first * 1000 + (last - first) * 1000 * at // 1440

    def _ticks(self, product_id: str, level: int, deviation: int) -> int:
        return max(100, self._reference[product_id] * level // BILLION * (BILLION + deviation) // BILLION)

    def _edge(self, product_id: str, hour: int) -> int:
        """The price at an hour's beginning, before it is held inside its day."""
        return self._cache.get((product_id, 3, hour), lambda: self._make_edge(product_id, hour))

    def _make_edge(self, product_id: str, hour: int) -> int:
        noise = self._swings.edge(product_id, hour, self._wild(hour))
        mean = self._swings.mean(product_id, hour * 60, 1)[0]
        return self._ticks(product_id, self._level(product_id, hour * 60), mean + noise)

    def day(self, product_id: str, day: int) -> SimBar:
        return self._cache.get((product_id, 1, day), lambda: self._make_day(product_id, day))

    def _make_day(self, product_id: str, day: int) -> SimBar:
        first, last = self._edge(product_id, day * 24), self._edge(product_id, day * 24 + 24)
        levels = self._level(product_id, day * 1440), self._level(product_id, day * 1440 + 1440)
        draws = Draws(self._seed, product_id, "reach", day)
        up, down = (SWING + TIDE + NOISE * (DAY_REACH + draws.bell(DAY_SPREAD)) // 100 for _ in range(2))
        high = max(first, last, self._ticks(product_id, max(levels), up))
        low = min(first, last, self._ticks(product_id, min(levels), -down))
        product, wild = self._product[product_id], self._days.close(product_id, day)[1]
        volume = product.daily_volume * 10**20 // product.step * wild // 100 * draws.between(70, 140) // 100
        return SimBar(first, high, low, last, volume)

    def hours(self, product_id: str, day: int) -> list[SimBar]:
        return self._cache.get((product_id, 2, day), lambda: self._make_hours(product_id, day))

    def _make_hours(self, product_id: str, day: int) -> list[SimBar]:
        bar, draws = self.day(product_id, day), Draws(self._seed, product_id, "hours", day)
        edges = [min(bar.high, max(bar.low, self._edge(product_id, h))) for h in range(day * 24, day * 24 + 25)]
        reaches = [self._reach(product_id, day * 24 + i, draws) for i in range(24)]
        # The hours that come nearest to the day's ends by themselves are the ones that reach them.
        high_at = max(range(24), key=lambda i: max(reaches[i][0], edges[i], edges[i + 1]))
        low_at = min(range(24), key=lambda i: min(reaches[i][1], edges[i], edges[i + 1]))
        volumes = draws.split(bar.volume, [self._wild(day * 24 + i) * draws.between(70, 130) for i in range(24)])
        bars = []
        for i, (up, down) in enumerate(reaches):
            first, last = edges[i], edges[i + 1]
            beyond = first * HOUR_LEAST // PPM * draws.between(50, 150) // 100
            top, bottom = max(up, max(first, last) + beyond), min(down, min(first, last) - beyond)
            high = bar.high if i == high_at else _within(bar, first, last, top, draws)
            low = bar.low if i == low_at else _within(bar, first, last, bottom, draws)
            bars.append(SimBar(first, high, low, last, volumes[i]))
        return bars

    def _reach(self, product_id: str, hour: int, draws: Draws) -> tuple[int, int]:
        """(high, low) that an hour has by itself."""
        means = self._swings.mean(product_id, hour * 60, 61)[::20]
        noise, level = NOISE * self._wild(hour) // 100, self._level(product_id, hour * 60 + 30)
        up, down = (noise * (HOUR_REACH + draws.bell(HOUR_SPREAD)) // 100 for _ in range(2))
        return self._ticks(product_id, level, max(means) + up), self._ticks(product_id, level, min(means) - down)

    def minutes(self, product_id: str, hour: int) -> list[SimBar]:
        return self._cache.get((product_id, 4, hour), lambda: self._make_minutes(product_id, hour))

    def _make_minutes(self, product_id: str, hour: int) -> list[SimBar]:
        bar, wild = self.hours(product_id, hour // 24)[hour % 24], self._wild(hour)
        swings, start = self._swings, hour * 60
        first, last = (swings.edge(product_id, h, self._wild(h)) for h in (hour, hour + 1))
        noise = swings.noise(product_id, hour, first, last, wild)
        means = swings.mean(product_id, start, 61)
        path = [self._ticks(product_id, self._level(product_id, start + i), means[i] + noise[i]) for i in range(61)]
        path[0], path[60] = bar.open, bar.close
        draws = Draws(self._seed, product_id, "minutes", hour)
        wick = bar.open * MINUTE_WICK // PPM * wild // 100
        return follow(draws, bar, stretched(draws, path, bar, wick), wick, QUIET)

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        bar = self.minutes(product_id, minute // 60)[minute % 60] if minute >= self.begins else None
        return bar if bar and bar.volume else None

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        minute = start_s // 60
        if minute < self.begins:
            return None
        if seconds == 86_400:
            return self.day(product_id, start_s // 86_400)
        if seconds >= 3600:
            hour = start_s // 3600
            return fold(self.hours(product_id, h // 24)[h % 24] for h in range(hour, hour + seconds // 3600))
        return fold(self.minutes(product_id, minute // 60)[minute % 60 : minute % 60 + seconds // 60])

    def prints(self, product_id: str, minute: int) -> list[Print]:
        bar = self.minute(product_id, minute)
        if bar is None:
            return []
        busy = PRINTS // 2 + PRINTS * self._range_ppm(product_id, minute) // 20_000  # more where it moves
        return walk(Draws(self._seed, product_id, "prints", minute), bar, MINUTE_US, min(busy, 3 * PRINTS))

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
        spread = SPREAD // 2 + SPREAD * self._range_ppm(product_id, minute) // 20_000
        return max(1, min(price * spread // PPM, price // 200))

    def depth_percent(self, product_id: str, minute: int) -> int:
        return max(2, 100 * 20_000 // (20_000 + self._range_ppm(product_id, minute)))


def _within(day: SimBar, first: int, last: int, edge: int, draws: Draws) -> int:
    """An hour's high or low; one that its day does not reach lies anywhere between the day's and the hour's ends."""
    if edge > day.high:
        top = max(first, last)
        return top + draws.below(day.high - top + 1)
    if edge < day.low:
        bottom = min(first, last)
        return bottom - draws.below(bottom - day.low + 1)
    return edge


def stretched(draws: Draws, path: list[int], bar: SimBar, wick: int) -> list[int]:
    """The path with its ends kept and its extremes a wick's length inside the bar's high and low.

    What lies above the straight way from open to close is drawn in or out until the highest point is where it must
    be, by half as much again at most, lest small moves grow large; a hill does the rest. Below it, likewise.
    """
    count = len(path) - 1
    way = [bar.open + (bar.close - bar.open) * i // count for i in range(count + 1)]
    for sign, edge in ((1, bar.high), (-1, bar.low)):
        aim = max(sign * bar.open, sign * bar.close, sign * edge - abs(draws.bell(wick)))
        off = [sign * (p - w) for p, w in zip(path, way, strict=True)]
        part = min(((aim - sign * w) * 1000 // o for o, w in zip(off, way, strict=True) if o > 0), default=MOST)
        part = min(part, MOST)
        path = [w + sign * (o * part // 1000) if o > 0 else p for p, o, w in zip(path, off, way, strict=True)]
        if max(sign * p for p in path) < aim - wick:
            path = _raised(path, sign, aim)
    return [min(bar.high, max(bar.low, p)) for p in path]


MOST = 1500  # thousandths
WIDTH = 8


def _raised(path: list[int], sign: int, aim: int) -> list[int]:
    """The path with a hill (or, sign -1, a valley) about its highest inner point that reaches `aim`."""
    count = len(path) - 1
    at = max(range(3, count - 2), key=lambda i: sign * path[i])
    width, lacking = min(WIDTH, at, count - at), aim - sign * path[at]
    out = list(path)
    for i in range(at - width + 1, at + width):
        out[i] = sign * min(aim, sign * path[i] + lacking * (width - abs(i - at)) // width)
    return out
