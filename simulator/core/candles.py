"""Candles and day figures: the tape's bars for what was before the start, the prints themselves since."""

from typing import NamedTuple

from simulator.core.bars import SimBar, fold
from simulator.core.tape import MINUTE_US, MarketSource
from simulator.core.venue import PublicTrade

KEPT_MINUTES = 2000


class DayFigures(NamedTuple):
    """The last twenty-four hours, and the year's extremes. Prices in ticks, volume in steps."""

    open: int
    high: int
    low: int
    volume: int
    previous_volume: int
    year_high: int
    year_low: int


class CandleSeries:
    """One product's candles."""

    def __init__(self, tape: MarketSource, product_id: str, start_us: int) -> None:
        self._tape = tape
        self._product_id = product_id
        self._live_from = start_us // MINUTE_US  # this minute and later ones are known from trades
        self._live: dict[int, SimBar] = {}
        self._figures: tuple[int, DayFigures] | None = None
        self._before: tuple[int, SimBar | None] = (-1, None)  # the twenty-four hours before the last ones, by hour
        self._year: tuple[int, SimBar | None] = (-1, None)  # the closed days of a year, by day
        self._hours: tuple[int, list[SimBar | None]] = (-1, [])  # the twenty-four whole hours before this one, by hour
        self._gaps: list[tuple[int, int]] = []  # minutes, first and after the last, that were not played
        self._count_up_to(start_us)

    def _count_up_to(self, now_us: int) -> None:
        """Count the running minute's prints as far as they are past."""
        minute = now_us // MINUTE_US
        for print_ in self._tape.prints(self._product_id, minute):
            at = minute * MINUTE_US + print_.offset_us
            if at <= now_us:
                self.add(PublicTrade(0, print_.tick, print_.steps, at, print_.maker_buys))

    def leap(self, from_us: int, now_us: int) -> None:
        """Nothing was played from one time to the other: the tape says what those minutes were."""
        first, last = sorted((from_us // MINUTE_US, now_us // MINUTE_US))
        self._gaps.append((first, last))
        self._live.pop(now_us // MINUTE_US, None)
        self._figures, self._hours = None, (-1, [])
        self._count_up_to(now_us)

    def add(self, trade: PublicTrade) -> None:
        """Count a print."""
        minute = trade.time_us // MINUTE_US
        bar = self._live.get(minute)
        if bar is None:
            self._live[minute] = SimBar(trade.tick, trade.tick, trade.tick, trade.tick, trade.steps)
            if len(self._live) > KEPT_MINUTES:
                self._forget(next(iter(self._live)))
            return
        self._live[minute] = SimBar(
            bar.open, max(bar.high, trade.tick), min(bar.low, trade.tick), trade.tick, bar.volume + trade.steps
        )

    def _forget(self, minute: int) -> None:
        """Drop the oldest minute: most tapes know it anyway, one that only learns is told."""
        bar = self._live.pop(minute)
        self._live_from = max(self._live_from, minute + 1)
        learn = getattr(self._tape, "learn", None)
        if learn is not None:
            learn(self._product_id, 60, [(minute * 60, bar)])

    def minute(self, minute: int) -> SimBar | None:
        if minute < self._live_from:
            return self._tape.minute(self._product_id, minute)
        if any(first <= minute < last for first, last in self._gaps):
            return self._tape.minute(self._product_id, minute)
        return self._live.get(minute)

    def bar(self, start_s: int, seconds: int, now_us: int) -> SimBar | None:
        """The bucket's bar as it stands now; None = nothing traded yet."""
        if start_s * 1_000_000 > now_us:
            return None
        first, count = start_s // 60, seconds // 60
        if first + count <= self._live_from:
            return self._tape.bar(self._product_id, start_s, seconds)
        parts = []
        minute = first
        for step in (60, 5):  # the part before the start by the tape's longest bars
            while minute + step <= self._live_from and minute + step <= first + count:
                if minute % step:
                    break
                bar = self._tape.bar(self._product_id, minute * 60, step * 60)
                if bar:
                    parts.append(bar)
                minute += step
        last = min(first + count, now_us // MINUTE_US + 1)
        parts.extend(bar for m in range(minute, last) if (bar := self.minute(m)))
        return fold(parts)

    def window(self, start_s: int, end_s: int, seconds: int, now_us: int) -> list[tuple[int, SimBar]]:
        """(start, bar) of the buckets with start_s <= start <= end_s that traded, newest first."""
        first = -(-start_s // seconds) * seconds
        last = min(end_s, now_us // 1_000_000) // seconds * seconds
        found = []
        for at in range(last, first - 1, -seconds):
            bar = self.bar(at, seconds, now_us)
            if bar is not None:
                found.append((at, bar))
        return found

    def figures(self, now_us: int) -> DayFigures:
        """The day's figures, worked out once a minute and raised by what is printed in it."""
        minute = now_us // MINUTE_US
        if self._figures is None or self._figures[0] != minute:
            self._figures = (minute, self._work_out(minute))
        figures = self._figures[1]
        live = self._live.get(minute)
        if live is None:
            return figures
        return figures._replace(
            high=max(figures.high, live.high), low=min(figures.low, live.low) or live.low,
            volume=figures.volume + live.volume,
            year_high=max(figures.year_high, live.high), year_low=min(figures.year_low, live.low),
        )  # fmt: skip

    def _day_before(self, hour: int) -> SimBar | None:
        if self._before[0] != hour:
            parts = (self._tape.bar(self._product_id, h * 3600, 3600) for h in range(hour - 48, hour - 24))
            self._before = (hour, fold(p for p in parts if p))
        return self._before[1]

    def _year_before(self, today: int) -> SimBar | None:
        if self._year[0] != today:
            days = (self._tape.bar(self._product_id, d * 86_400, 86_400) for d in range(today - 364, today))
            self._year = (today, fold(d for d in days if d))
        return self._year[1]

    def _work_out(self, minute: int) -> DayFigures:
        now_us = minute * MINUTE_US - 1
        hour = minute // 60
        if self._hours[0] != hour:
            self._hours = (hour, [self.bar(h * 3600, 3600, now_us) for h in range(hour - 24, hour)])
        parts = [*self._hours[1], self.bar(hour * 3600, 3600, now_us)]
        day = fold(p for p in parts if p)
        before = self._day_before(hour)
        year = fold(p for p in (self._year_before(minute // 1440), day) if p)
        if day is None:
            last = next((bar for bar in self._live.values()), SimBar(1, 1, 1, 1, 0))
            return DayFigures(last.open, last.high, last.low, 0, 0, last.high, last.low)
        year = year or day
        return DayFigures(day.open, day.high, day.low, day.volume, before.volume if before else 0, year.high, year.low)
