"""What the engine knows of one product's market: its prices, its closed bars, its signal."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from bot.domain.bars import Bar
from bot.domain.instrument import Instrument
from bot.domain.price_book import FRESH_MS, PriceBook
from bot.domain.targets import Exposure, Signal, SignalSide, Target
from bot.engine.state.volatility import Volatility
from bot.engine.state.volatility_bands import Bands

# A price this many times the last one, or this part of it, must come twice: one mangled frame is no crash.
WILD_FACTOR = 3
DOUBT_TOLD_MS = 60_000


@dataclass(slots=True)
class Question:
    """What the strategy was asked and has not answered yet."""

    bar_start_s: int
    since_ms: int  # when the first question without any answer since was asked
    counts: bool  # asked while trading, not while history was read
    told: bool = False  # people know that no answer comes


@dataclass(slots=True)
class Market:
    """One product's market as last seen. Times are the engine's own `now` in milliseconds."""

    instrument: Instrument
    max_bars: int
    price: Decimal | None = None  # last trade
    bid: Decimal | None = None
    ask: Decimal | None = None
    ask_size: Decimal | None = None  # offered at the best ask, base units
    book: PriceBook | None = None  # as the level2 channel told it last
    priced_ms: int | None = None  # when the last price came
    doubted: Decimal | None = None  # a price far from the last one, seen once
    doubt_told_ms: int | None = None  # when people were told of one
    bar_price: Decimal | None = None  # the newest bar's close, where bars alone are judged (USE_TICK_PRICE=false)
    judged_ms: int = 0  # when exits and gates were last judged
    bars: deque[Bar] = field(default_factory=deque)
    volatility: Volatility = field(default_factory=Volatility)
    bands: Bands = field(default_factory=Bands)
    price_bands: Bands | None = None  # VOLATILITY_MULT's; None = off
    minute_s: int = -1  # the newest one-minute bar that volatility knows
    target: Target | None = None  # what the strategy wants; None = nothing, or it failed
    bars_ms: int = 0  # when the newest bar came
    question: Question | None = None  # to the strategy, not answered yet
    strategy_error: str | None = None
    signal_bar_s: int | None = None  # the bar that the target was decided on
    used_bar_s: int | None = None  # the BUY bar that opened a lot already
    last_add_ms: int = 0
    shut_by: str | None = None  # code of the risk policy that refused the last entry

    @property
    def signal(self) -> str:
        """What the target says as a signal: buy, sell or flat; flat where there is none.

        Of a weight: buy where something is to be held, sell where nothing is, flat where there is no opinion.
        """
        target = self.target
        if isinstance(target, Exposure):
            known = SignalSide.BUY if target.weight > 0 else SignalSide.SELL
            return (SignalSide.FLAT if math.isnan(target.weight) else known).value
        return target.side.value if target is not None else SignalSide.FLAT.value

    @property
    def probability(self) -> float | None:
        return self.target.probability if isinstance(self.target, Signal) else None

    @property
    def target_weight(self) -> float | None:
        """0..1 of the product's share that the strategy wants held; None = no weight, or no opinion."""
        target = self.target
        return target.weight if isinstance(target, Exposure) and not math.isnan(target.weight) else None

    @property
    def size(self) -> float:
        """0..1, what the target multiplies an entry's size by; 1 where it is a weight, which says all itself."""
        return self.target.size if isinstance(self.target, Signal) else 1.0

    @property
    def values(self) -> Mapping[str, float]:
        return self.target.values if self.target is not None else {}

    @property
    def mark(self) -> Decimal | None:
        """What a lot is valued at: last trade, else mid of best bid and ask, else the product list's price."""
        if self.price is not None:
            return self.price
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.instrument.price

    @property
    def judged_price(self) -> Decimal | None:
        """What exits and the adverse move are judged at: each price, or the close of each bar."""
        return self.bar_price if self.bar_price is not None else self.mark

    @property
    def mark_source(self) -> str | None:
        if self.price is not None:
            return "trade"
        if self.bid is not None and self.ask is not None:
            return "mid"
        return "list" if self.instrument.price is not None else None

    @property
    def spread_pct(self) -> float | None:
        """Best ask over best bid, in percent of the mid; None = not known."""
        if self.bid is None or self.ask is None or self.bid <= 0:
            return None
        return float((self.ask - self.bid) / (self.ask + self.bid) * 200)

    @property
    def ask_depth_quote(self) -> float | None:
        """What is offered at the best ask, in quote units; None = not known."""
        if self.ask is None or self.ask_size is None:
            return None
        return float(self.ask * self.ask_size)

    def fresh_book(self, now_ms: int) -> PriceBook | None:
        """The price book; None where none is kept, or nobody has told of it for a while."""
        book = self.book
        return book if book is not None and now_ms - book.seen_ms <= FRESH_MS else None

    def believes(self, price: Decimal) -> bool:
        """True where `price` is near the last one, or near one that was doubted just before."""
        known, doubted = self.price, self.doubted
        if known is None or _near(price, known) or (doubted is not None and _near(price, doubted)):
            self.doubted = None
            return True
        self.doubted = price
        return False

    def age_ms(self, now_ms: int) -> int | None:
        return None if self.priced_ms is None else max(now_ms - self.priced_ms, 0)

    def newest_bars(self, count: int) -> tuple[Bar, ...]:
        """The newest `count` closed bars, or as many as there are, oldest first."""
        return tuple(islice(self.bars, max(len(self.bars) - count, 0), None))

    def add_minutes(self, bars: tuple[Bar, ...]) -> None:
        """Feed the volatility with the one-minute bars that it does not know yet."""
        for bar in bars:
            if bar.start_s > self.minute_s:
                self.minute_s = bar.start_s
                self.volatility.add(bar.close)

    def add_bars(self, bars: tuple[Bar, ...]) -> bool:
        """Append the bars that are newer than the newest known one; True = at least one was new."""
        newest = self.bars[-1].start_s if self.bars else -1
        fresh = [bar for bar in bars if bar.start_s > newest]
        self._correct([bar for bar in bars if bar.start_s <= newest])
        self.bars.extend(fresh)
        for bar in fresh:
            self._measure(bar)
        while len(self.bars) > self.max_bars:
            self.bars.popleft()
        return bool(fresh)

    def _correct(self, bars: list[Bar]) -> None:
        """Take over what the exchange says otherwise of bars that are known, or adds between them.

        What was decided on them stands: the next bar's decision is the first that sees the correction.
        """
        if not bars or not self.bars:
            return
        oldest = min(bar.start_s for bar in bars)
        tail: dict[int, Bar] = {}
        for bar in reversed(self.bars):
            if bar.start_s < oldest:
                break
            tail[bar.start_s] = bar
        first = self.bars[0].start_s
        changed = {bar.start_s: bar for bar in bars if bar.start_s > first and tail.get(bar.start_s) != bar}
        if not changed:
            return
        for _ in tail:
            self.bars.pop()
        self.bars.extend(bar for _, bar in sorted((tail | changed).items()))
        self.bands = self.bands.anew()
        self.price_bands = self.price_bands.anew() if self.price_bands is not None else None
        for bar in self.bars:
            self._measure(bar)

    def _measure(self, bar: Bar) -> None:
        self.bands.add(bar)
        if self.price_bands is not None:
            self.price_bands.add(bar)


def _near(price: Decimal, other: Decimal) -> bool:
    return price < other * WILD_FACTOR and other < price * WILD_FACTOR
