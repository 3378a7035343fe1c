"""Replay of recorded trades: the prints themselves, bars folded from them."""

# ruff: noqa: ARG002  a tape is asked by product; this one has a single product

from array import array
from bisect import bisect_left

from simulator.core.bars import Print, SimBar
from simulator.core.products import SimProduct
from simulator.core.replay import Anchor
from simulator.core.tape import MINUTE_US
from simulator.core.units import PPM


class TradeRecording:
    """Trades in columns, rising in time (microseconds since 1970)."""

    minutes_each = 1

    def __init__(self, product: SimProduct) -> None:
        self.product = product
        self.time_us = array("q")
        self.tick = array("q")
        self.steps = array("q")
        self.maker_buys = array("b")

    def add(self, time_us: int, tick: int, steps: int, maker_buys: bool) -> None:
        self.time_us.append(time_us)
        self.tick.append(tick)
        self.steps.append(steps)
        self.maker_buys.append(maker_buys)

    @property
    def first(self) -> int:
        """The first trade's minute."""
        return self.time_us[0] // MINUTE_US

    @property
    def end(self) -> int:
        """The minute after the last trade's."""
        return self.time_us[-1] // MINUTE_US + 1


class TradeReplay:
    """A `Tape` of recorded trades; one minute on the clock holds `speed` minutes of the recording."""

    def __init__(self, recording: TradeRecording, anchor: Anchor) -> None:
        self._recording = recording
        self._anchor = anchor
        self.products = (recording.product,)
        self.begins = anchor.clock + int((recording.first - anchor.recorded) / anchor.speed) - 1
        self.ends = anchor.clock + int((recording.end - anchor.recorded) / anchor.speed) + 1

    def _recorded_us(self, clock_us: int) -> int:
        anchor = self._anchor
        return anchor.recorded * MINUTE_US + int((clock_us - anchor.clock * MINUTE_US) * anchor.speed)

    def _range(self, start_us: int, end_us: int) -> tuple[int, int]:
        times = self._recording.time_us
        return bisect_left(times, self._recorded_us(start_us)), bisect_left(times, self._recorded_us(end_us))

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        return self.bar(product_id, minute * 60, 60)

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        i, j = self._range(start_s * 1_000_000, (start_s + seconds) * 1_000_000)
        if i >= j:
            return None
        ticks = self._recording.tick[i:j]
        return SimBar(ticks[0], max(ticks), min(ticks), ticks[-1], sum(self._recording.steps[i:j]))

    def prints(self, product_id: str, minute: int) -> list[Print]:
        start = minute * MINUTE_US
        i, j = self._range(start, start + MINUTE_US)
        recording, first = self._recording, self._recorded_us(start)
        return [
            Print(
                min(MINUTE_US - 1, int((recording.time_us[k] - first) / self._anchor.speed)),
                recording.tick[k], recording.steps[k], bool(recording.maker_buys[k]),
            )
            for k in range(i, j)
        ]  # fmt: skip

    def over(self, product_id: str, minute: int) -> bool:
        return minute >= self.ends

    def gate(self, product_id: str, minute: int) -> str | None:
        return None

    def half_spread(self, product_id: str, minute: int) -> int:
        bar = self.minute(product_id, minute)
        return max(1, bar.open * 15 // PPM) if bar else 1

    def depth_percent(self, product_id: str, minute: int) -> int:
        return 100
