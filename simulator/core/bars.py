"""Bars and their exact subdivision: the one place that invents how a price got from open to close.

A bar is split into shorter bars whose open, high, low, close and volume fold back to it exactly; a minute is
walked into trades the same way. Synthetic history and replay of recordings both rest on it, so a candle read
from history and the same candle seen live are equal.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from simulator.core.draws import Draws


class SimBar(NamedTuple):
    """Prices in ticks, volume in steps. A bar of volume 0 had no trade: it is never sent as a candle."""

    open: int
    high: int
    low: int
    close: int
    volume: int


class Print(NamedTuple):
    """One trade of the tape inside a minute."""

    offset_us: int  # from the minute's start
    tick: int
    steps: int
    maker_buys: bool  # True: the taker sold, the print is at the bid


def fold(bars: Iterable[SimBar]) -> SimBar | None:
    """The bar of several in order; None when none of them traded."""
    open_ = high = low = close = volume = 0
    for bar in bars:
        if not bar.volume:
            continue
        if not volume:
            open_, high, low = bar.open, bar.high, bar.low
        high, low, close = max(high, bar.high), min(low, bar.low), bar.close
        volume += bar.volume
    return SimBar(open_, high, low, close, volume) if volume else None


def _path(draws: Draws, bar: SimBar, count: int, high_at: int, low_at: int, rough: int) -> list[int]:
    """count + 1 prices from open to close that lean to the high in part `high_at` and the low in `low_at`."""
    anchors = [(0, bar.open), (count, bar.close)]
    taken = 0
    for at, price in ((high_at, bar.high), (low_at, bar.low)):
        # At an inner edge of the part, so that the path leads there: else the part would be a lone spike.
        edge = min(count - 1, max(1, at + draws.below(2)))
        if edge == taken:
            edge = at if edge > at >= 1 else min(count - 1, edge + 1)
        if 0 < edge < count and edge != taken:
            anchors.append((edge, price))
            taken = edge
    anchors.sort()
    path = [bar.open] * (count + 1)
    for (start, first), (end, last) in pairwise(anchors):
        for i in range(start, end):
            path[i] = first + (last - first) * (i - start) // (end - start)
    path[count] = bar.close
    for i in range(1, count):
        path[i] = min(bar.high, max(bar.low, path[i] + draws.bell(rough)))
    return path


def _extremes(draws: Draws, bar: SimBar, count: int) -> tuple[int, int]:
    """Parts that hold the high and the low: two of them, and in a bar with a clear direction in its order."""
    one = draws.below(count)
    other = (one + 1 + draws.below(count - 1)) % count
    if 3 * abs(bar.close - bar.open) > bar.high - bar.low:
        first, last = min(one, other), max(one, other)
        return (last, first) if bar.close > bar.open else (first, last)
    return one, other


def split(
    draws: Draws,
    bar: SimBar,
    count: int,
    wick: int,
    quiet: int = 0,
    extremes: tuple[int, int] | None = None,
    least: tuple[int, int] = (0, 0),
) -> list[SimBar]:
    """`bar` as `count` shorter ones that fold back to it exactly.

    `wick`: usual length of a wick beyond `least` (up, down), in ticks. `quiet`: per mille of parts without a trade.
    `extremes`: parts that hold the high and the low; None = drawn.
    """
    high_at, low_at = extremes if extremes is not None else _extremes(draws, bar, count)
    path = _path(draws, bar, count, high_at, low_at, wick // 2)
    volumes = _volumes(draws, bar, path, quiet, (high_at, low_at))
    parts = []
    for i in range(count):
        first, last = path[i], path[i + 1]
        if not volumes[i]:
            parts.append(SimBar(first, first, first, first, 0))
            continue
        high = min(bar.high, max(first, last) + least[0] + abs(draws.bell(wick)))
        low = max(bar.low, min(first, last) - least[1] - abs(draws.bell(wick)))
        parts.append(SimBar(first, high, low, last, volumes[i]))
    return _pinned(parts, bar, high_at, low_at)


def follow(draws: Draws, bar: SimBar, path: list[int], wick: int, quiet: int) -> list[SimBar]:
    """`bar` as len(path) - 1 shorter ones along a path of prices that stays inside it, folding back to it exactly.

    The path's highest and lowest points get the bar's high and low. `wick`, `quiet`: see `split`. A wick that would
    reach beyond the bar ends anywhere below.
    """
    count = len(path) - 1
    high_at = max(range(count), key=lambda i: max(path[i], path[i + 1]))
    low_at = min(range(count), key=lambda i: min(path[i], path[i + 1]))
    volumes = _volumes(draws, bar, path, quiet, (high_at, low_at))
    parts = []
    for i in range(count):
        first, last = path[i], path[i + 1]
        if not volumes[i]:
            parts.append(SimBar(first, first, first, first, 0))
            continue
        top, bottom = max(first, last), min(first, last)
        high, low = top + abs(draws.bell(wick)), bottom - abs(draws.bell(wick))
        high = high if high < bar.high else top + draws.below(bar.high - top + 1)
        low = low if low > bar.low else bottom - draws.below(bottom - bar.low + 1)
        parts.append(SimBar(first, high, low, last, volumes[i]))
    return _pinned(parts, bar, high_at, low_at)


def _volumes(draws: Draws, bar: SimBar, path: list[int], quiet: int, kept: tuple[int, int]) -> list[int]:
    """The volume of each part: more where the path moves; `path` stands still where a part is without a trade.

    `kept`: parts that trade in any case, beside the first and the last.
    """
    count = len(path) - 1
    weights = [draws.between(40, 160) for _ in range(count)]
    spans = [abs(path[i + 1] - path[i]) for i in range(count)]
    widest = max(spans) or 1
    weights = [weight * (widest + 2 * span) // widest for weight, span in zip(weights, spans, strict=True)]
    if quiet:
        for i in range(1, count - 1):
            if i not in kept and draws.chance(quiet):
                weights[i] = 0
                path[i + 1] = path[i]
        path[count] = bar.close
    return draws.split(bar.volume, weights)


def _pinned(parts: list[SimBar], bar: SimBar, high_at: int, low_at: int) -> list[SimBar]:
    """The parts with the bar's open, close, high and low put where they belong, in parts that traded."""
    traded = [i for i, part in enumerate(parts) if part.volume]
    if not traded:
        return parts

    def nearest(at: int) -> int:
        return min(traded, key=lambda i: abs(i - at))

    first, last = traded[0], traded[-1]
    parts[first] = _with_open(parts[first], bar.open)
    parts[last] = _with_close(parts[last], bar.close)
    high, low = nearest(high_at), nearest(low_at)
    parts[high] = parts[high]._replace(high=bar.high)
    parts[low] = parts[low]._replace(low=bar.low)
    return parts


def _with_open(bar: SimBar, price: int) -> SimBar:
    return bar._replace(open=price, high=max(bar.high, price), low=min(bar.low, price))


def _with_close(bar: SimBar, price: int) -> SimBar:
    return bar._replace(close=price, high=max(bar.high, price), low=min(bar.low, price))


def walk(draws: Draws, bar: SimBar, length_us: int, usual: int) -> list[Print]:
    """The trades of one minute: first at the open, last at the close, high and low touched, volume exact.

    `usual`: about how many trades. Times come in bursts; equal keys give equal trades.
    """
    if not bar.volume:
        return []
    count = min(bar.volume, max(4, usual + draws.bell(max(1, usual // 4))))
    prices = _prices(draws, bar, count)
    count = len(prices)
    if bar.volume < count:  # fewer steps than prices that must print: one trade a step is not enough
        return _squeezed(bar, length_us)
    weights = [1 + draws.below(64) * draws.below(64) for _ in range(count)]
    sizes = [1 + part for part in draws.split(bar.volume - count, weights)]
    times = _times(draws, count, length_us)
    prints, before = [], prices[0]
    for at, price, size in zip(times, prices, sizes, strict=True):
        maker_buys = price < before or (price == before and draws.chance(500))
        prints.append(Print(at, price, size, maker_buys))
        before = price
    return prints


def _prices(draws: Draws, bar: SimBar, count: int) -> list[int]:
    """`count` prices from open to close through both extremes, in random order of the two."""
    nearer_low = bar.open - bar.low <= bar.high - bar.open
    low_first = nearer_low if draws.chance(700) else not nearer_low
    turns = [bar.open, *((bar.low, bar.high) if low_first else (bar.high, bar.low)), bar.close]
    legs = [abs(b - a) for a, b in pairwise(turns)]
    inner = draws.split(max(0, count - 4), [leg + 1 for leg in legs])
    prices = [turns[0]]
    for (a, b), between in zip(pairwise(turns), inner, strict=True):
        rough = abs(b - a) // (2 * (between + 1)) + 1
        for i in range(1, between + 1):
            drawn = a + (b - a) * i // (between + 1) + draws.bell(rough)
            prices.append(min(bar.high, max(bar.low, drawn)))
        prices.append(b)
    return prices


def _squeezed(bar: SimBar, length_us: int) -> list[Print]:
    """A minute of very few steps: the extremes that fit, the close last."""
    kept = list(dict.fromkeys((bar.open, bar.high, bar.low, bar.close)))[: bar.volume]
    if kept[-1] != bar.close:
        kept[-1] = bar.close
    sizes = [1] * len(kept)
    sizes[-1] += bar.volume - len(kept)
    gap = length_us // (len(kept) + 1)
    return [
        Print(gap * (i + 1), price, size, i % 2 == 0) for i, (price, size) in enumerate(zip(kept, sizes, strict=True))
    ]


def _times(draws: Draws, count: int, length_us: int) -> list[int]:
    """`count` rising offsets in bursts: most trades follow their predecessor within a fraction of a second."""
    gaps = [1 + (draws.below(40) if draws.chance(600) else draws.below(1000)) for _ in range(count + 1)]
    whole, run, times = sum(gaps), 0, []
    for gap in gaps[:count]:
        run += gap
        times.append(min(length_us - 1, length_us * run // whole))
    return times
