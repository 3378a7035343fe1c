"""A recording as a tape: candles of any length, played on the clock as if they happened now.

One minute on the clock holds `speed` minutes of the recording, before now as well as after it, so that what a
client reads as history and what it then sees are one. Gaps stay gaps. Where the recording ends, the tape ends.
"""

# ruff: noqa: ARG002  a tape is asked by product; this one has a single product

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from simulator.core.bars import Print, SimBar, fold, split, walk
from simulator.core.draws import Draws
from simulator.core.products import SimProduct
from simulator.core.synthetic import AnswerCache
from simulator.core.tape import MINUTE_US
from simulator.core.units import PPM


class BadRecording(ValueError):
    """A file that cannot be replayed; the text says why and where."""


class Recording:
    """Bars in columns. Times are minutes since 1970 of the bars' opens, rising; prices in ticks, volume in steps."""

    def __init__(self, product: SimProduct, minutes_each: int) -> None:
        self.product = product
        self.minutes_each = minutes_each
        self.minute = array("q")
        self.open = array("q")
        self.high = array("q")
        self.low = array("q")
        self.close = array("q")
        self.volume = array("q")

    def add(self, minute: int, bar: SimBar) -> None:
        self.minute.append(minute)
        self.open.append(bar.open)
        self.high.append(bar.high)
        self.low.append(bar.low)
        self.close.append(bar.close)
        self.volume.append(bar.volume)

    def at(self, i: int) -> SimBar:
        return SimBar(self.open[i], self.high[i], self.low[i], self.close[i], self.volume[i])

    def between(self, first: int, last: int) -> SimBar | None:
        """The bar of all whole bars with first <= minute < last."""
        i, j = bisect_left(self.minute, first), bisect_left(self.minute, last)
        if i >= j:
            return None
        return SimBar(self.open[i], max(self.high[i:j]), min(self.low[i:j]), self.close[j - 1], sum(self.volume[i:j]))

    @property
    def first(self) -> int:
        return self.minute[0]

    @property
    def end(self) -> int:
        """The minute after the last bar."""
        return self.minute[-1] + self.minutes_each


class Anchor(NamedTuple):
    """Which minute of the recording the clock's `clock` minute shows, and how fast it runs."""

    clock: int
    recorded: int
    speed: float


class Replay:
    """A `Tape` of one recorded product."""

    def __init__(self, recording: Recording, anchor: Anchor, seed: int) -> None:
        self._recording = recording
        self._anchor = anchor
        self._seed = seed
        self._cache = AnswerCache(512)
        self.products = (recording.product,)
        self.begins = self._clock_minute(recording.first)
        self.ends = self._clock_minute(recording.end)

    def _clock_minute(self, recorded: int) -> int:
        """The first minute on the clock that does not begin before `recorded`."""
        clock = self._anchor.clock + int((recorded - self._anchor.recorded) / self._anchor.speed) - 2
        while self._recorded(clock) < recorded:
            clock += 1
        return clock

    def _recorded(self, clock: int) -> int:
        """The recorded minute at which the clock's minute begins."""
        return self._anchor.recorded + int((clock - self._anchor.clock) * self._anchor.speed // 1)

    def _recorded_minute(self, minute: int) -> SimBar | None:
        """One minute of the recording; longer bars are split by the rules of `bars`."""
        recording = self._recording
        i = bisect_right(recording.minute, minute) - 1
        if i < 0 or minute >= recording.minute[i] + recording.minutes_each:
            return None
        if recording.minutes_each == 1:
            bar: SimBar | None = recording.at(i)
        else:
            parts = self._cache.get(i, lambda: self._split(i))
            bar = parts[minute - recording.minute[i]]
        return bar if bar is not None and bar.volume else None

    def _split(self, i: int) -> list[SimBar]:
        bar, whole = self._recording.at(i), self._recording.minutes_each
        draws = Draws(self._seed, "replay", self._recording.minute[i])
        wick = (bar.high - bar.low) // 24
        if whole <= 60:
            return split(draws, bar, whole, wick)
        hours = split(draws, bar, whole // 60, wick * 2)
        return [minute for hour in hours for minute in split(draws, hour, 60, (hour.high - hour.low) // 24)]

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        return self.bar(product_id, minute * 60, 60)

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        first, last = self._recorded(start_s // 60), self._recorded((start_s + seconds) // 60)
        each = self._recording.minutes_each
        if first % each == 0 and last % each == 0:
            return self._recording.between(first, last)
        if last - first <= each:
            return fold(bar for m in range(first, last) if (bar := self._recorded_minute(m)))
        whole_first, whole_last = -(-first // each) * each, last // each * each
        head = [bar for m in range(first, min(last, whole_first)) if (bar := self._recorded_minute(m))]
        middle = self._recording.between(whole_first, whole_last)
        tail = [bar for m in range(max(whole_last, whole_first), last) if (bar := self._recorded_minute(m))]
        return fold([*head, *([middle] if middle else []), *tail])

    def prints(self, product_id: str, minute: int) -> list[Print]:
        first, last = self._recorded(minute), self._recorded(minute + 1)
        found: list[Print] = []
        count = max(1, last - first)
        length = MINUTE_US // count
        for i, recorded in enumerate(range(first, last)):
            bar = self._recorded_minute(recorded)
            if bar is not None:
                usual = max(4, 40 // count)
                walked = walk(Draws(self._seed, "prints", recorded), bar, length, usual)
                found.extend(p._replace(offset_us=p.offset_us + i * length) for p in walked)
        return found

    def over(self, product_id: str, minute: int) -> bool:
        return minute >= self.ends

    def gate(self, product_id: str, minute: int) -> str | None:
        return None

    def half_spread(self, product_id: str, minute: int) -> int:
        bar = self.minute(product_id, minute)
        if bar is None:
            return 1
        return max(1, bar.open * 15 // PPM + (bar.high - bar.low) // 100)

    def depth_percent(self, product_id: str, minute: int) -> int:
        bar = self.minute(product_id, minute)
        if bar is None:
            return 100
        return max(5, 100 * 20_000 // (20_000 + (bar.high - bar.low) * PPM // bar.open))
