"""The crowd: plays a tape into the books, so that its prints happen and liquidity stands around them.

Liquidity stands on a fixed grid of prices. When the price moves, only the levels that it crossed change sides;
orders of accounts that it crossed are hit at their own prices first, as price-time priority demands.
"""

import heapq
from collections import deque

from simulator.core import triggers
from simulator.core.bars import Print
from simulator.core.book import BookSide, Match
from simulator.core.draws import Draws, mix
from simulator.core.execution import apply_matches
from simulator.core.products import GATES
from simulator.core.tape import MINUTE_US, MarketSource
from simulator.core.venue import ExchangeState, MarketState, PublicTrade

REACH_PERCENT = 60  # the book reaches so far from the price to either side
TOUCHES = 10  # small quotes kept near the best price on each side
WARM_TRADES = 100


class LiquidityGrid:
    """Where the crowd's standing liquidity lies for one product."""

    def __init__(self, seed: int, price: int, day_steps: int, levels: int) -> None:
        self.seed = seed
        self.gap = max(1, price * REACH_PERCENT // 100 // levels)
        self.usual = max(10, day_steps * 3 // 2 // max(1, levels))

    def level(self, at: int, depth_percent: int) -> tuple[int, int]:
        """(tick, steps) of grid level `at`."""
        word = mix(self.seed + at)
        tick = at * self.gap + (word & 0xFFFF) % self.gap
        steps = self.usual * (20 + (word >> 16 & 0xFF)) * depth_percent // 14_800
        return tick, max(1, steps)

    def lay(self, side: BookSide, low: int, high: int, depth_percent: int) -> None:
        """Stand on every grid level from `low` to `high` that is empty."""
        crowd = side.crowd
        for at in range(max(1, low // self.gap), high // self.gap + 1):
            tick, steps = self.level(at, depth_percent)
            if low <= tick <= high and tick not in crowd:
                side.set_crowd(tick, steps)


class Player:
    """Plays one product's tape."""

    def __init__(
        self, venue: ExchangeState, market: MarketState, tape: MarketSource, seed: int, levels: int, quotes_us: int
    ) -> None:
        self.venue = venue
        self.quotes_us = quotes_us
        self.market = market
        self.tape = tape
        self.product_id = market.product.product_id
        self.levels = levels
        self.draws = Draws(seed, self.product_id, "crowd")
        self.seed = seed
        self.minute = 0
        self.pending: list[Print] = []
        self.at = 0
        self.half = 1
        self.depth = 100
        self.grid: LiquidityGrid | None = None
        self.touches: dict[bool, deque[int]] = {True: deque(), False: deque()}
        self.touch_steps = 1
        self.halted = False
        self.quotes = (0, 0)  # bid and ask since the last print
        self.quote_us = 0  # when they next change without one
        self.gate: str | None = None

    def start(self, now_us: int) -> None:
        """Stand as if the tape had been played up to now: last trades known, book laid."""
        minute = now_us // MINUTE_US
        earlier: list[PublicTrade] = []
        for back in range(minute, max(self.tape.begins, minute - 720) - 1, -1):
            prints = self.tape.prints(self.product_id, back)
            done = [p for p in prints if back * MINUTE_US + p.offset_us <= now_us]
            earlier = [
                PublicTrade(0, p.tick, p.steps, back * MINUTE_US + p.offset_us, p.maker_buys) for p in done
            ] + earlier
            if len(earlier) >= WARM_TRADES:
                break
        market = self.market
        market.next_trade_id = max(market.next_trade_id, now_us // 1000)
        for trade in earlier[-WARM_TRADES * 5 :]:
            market.trades.append(trade._replace(trade_id=market.next_trade_id))
            market.next_trade_id += 1
        self._load(minute)
        while self.at < len(self.pending) and minute * MINUTE_US + self.pending[self.at].offset_us <= now_us:
            self.at += 1
        if earlier:
            market.last = earlier[-1].tick
            self._lay_all(market.last)

    def leap(self, now_us: int) -> None:
        """Stand as if the tape had been played up to now, after a time in which it was not: the machine slept."""
        for side in (self.market.book.bids, self.market.book.asks):
            for tick in list(side.crowd):
                side.set_crowd(tick, 0)
        for recent in self.touches.values():
            recent.clear()
        self.quotes = (0, 0)
        self.start(now_us)

    def _load(self, minute: int) -> None:
        self.minute = minute
        self.pending = self.tape.prints(self.product_id, minute)
        self.at = 0
        self.half = self.tape.half_spread(self.product_id, minute)
        self.depth = self.tape.depth_percent(self.product_id, minute)
        self._follow_gate(self.tape.gate(self.product_id, minute))

    def _follow_gate(self, name: str | None) -> None:
        """Let through what the tape says, when it begins to say something else."""
        if name != self.gate:
            self.gate = name
            if name is not None and self.market.gate != GATES[name]:
                self.market.gate = GATES[name]
                self.market.gate_changed = True

    def _lay_all(self, price: int) -> None:
        day = max(1, self.market.product.daily_volume) * 10**20 // self.market.product.step
        self.grid = LiquidityGrid(self.seed, price, day, self.levels)
        self.touch_steps = max(1, self.grid.usual // 12)
        self._requote(price - self.half, price + self.half)

    def due_us(self) -> int:
        """When the next print, or the next minute's look at the tape, is due."""
        following = self._following_us()
        return self.quote_us if self.quotes[0] and self.quote_us < following else following

    def _pause_us(self) -> int:
        """Until the quotes change again while nothing trades."""
        return self.quotes_us + self.draws.below(self.quotes_us)

    def _following_us(self) -> int:
        if self.at < len(self.pending):
            return self.minute * MINUTE_US + self.pending[self.at].offset_us
        return (self.minute + 1) * MINUTE_US

    def step(self) -> None:
        """Do what was due at `due_us`."""
        if self.quotes[0] and self.quote_us < self._following_us():
            self._touch(*self.quotes)
            self.quote_us += self._pause_us()
            return
        if self.at < len(self.pending):
            print_ = self.pending[self.at]
            now_us = self.minute * MINUTE_US + print_.offset_us
            self.at += 1
            self.play(print_, now_us)
            return
        minute = self.minute + 1
        self._load(minute)
        if not self.halted and self.tape.over(self.product_id, minute):
            self.halted = True
            self.market.gate = GATES["cancel_only"]._replace(
                status_message="The recording has ended: only cancels are accepted."
            )
            self.market.gate_changed = True

    def play(self, print_: Print, now_us: int) -> None:
        """One print of the tape, with what it does to the book before and after."""
        if self.market.gate.trading_disabled or self.market.gate.auction_mode:
            self.quotes = (0, 0)
            return
        if self.grid is None:
            self._lay_all(print_.tick)
        tick, half = print_.tick, self.half
        ask, bid = (tick + 2 * half, tick) if print_.maker_buys else (tick, max(1, tick - 2 * half))
        self._sweep(bid, ask, print_.maker_buys, now_us)
        print_at(self.venue, self.market, print_, now_us)
        self._requote(bid, ask)
        self._touch(bid, ask)
        self.quotes, self.quote_us = (bid, ask), now_us + self._pause_us()
        triggers.on_trade_price(self.venue, self.market, now_us)

    def _sweep(self, bid: int, ask: int, maker_buys: bool, now_us: int) -> None:
        """Withdraw the crowd from prices that the print leaves behind and hit the accounts' orders there."""
        book = self.market.book
        for side, buys in ((book.bids, True), (book.asks, False)):
            edge = (bid if maker_buys else ask - 1) if buys else (bid + 1 if maker_buys else ask)
            while side.keys:
                tick = side.keys[-1] * side.sign
                if (tick <= edge) if buys else (tick >= edge):
                    break
                side.set_crowd(tick, 0)
                if tick in side.orders:
                    matches = side.take_at(tick, side.total(tick), None)
                    apply_matches(self.venue, self.market, None, not buys, matches, now_us)

    def _requote(self, bid: int, ask: int) -> None:
        """Bring the standing liquidity to both sides of the new price."""
        assert self.grid is not None
        book = self.market.book
        reach = bid * REACH_PERCENT // 100
        for side, low, high in (
            (book.bids, max(1, bid - reach), bid),
            (book.asks, ask, ask + reach),
        ):
            best = side.best()
            if best is None:
                self.grid.lay(side, low, high, self.depth)
            elif side.sign > 0 and best < high:
                self.grid.lay(side, best + 1, high, self.depth)
            elif side.sign < 0 and best > low:
                self.grid.lay(side, low, best - 1, self.depth)
            self._extend(side, low, high)

    def _extend(self, side: BookSide, low: int, high: int) -> None:
        """Keep the far end of the book at its usual distance, in strides so that it rarely costs anything."""
        assert self.grid is not None
        far = side.keys[0] * side.sign if side.keys else None
        if far is None:
            return
        stride = (high - low) // 8
        if side.sign > 0:
            if far > low + stride:
                self.grid.lay(side, low, far - 1, self.depth)
            edge = low - stride
        else:
            if far < high - stride:
                self.grid.lay(side, far + 1, high, self.depth)
            edge = high + stride
        while side.keys and (side.keys[0] * side.sign - edge) * side.sign < 0:
            tick = side.keys[0] * side.sign
            if tick in side.orders:
                break
            side.set_crowd(tick, 0)

    def _touch(self, bid: int, ask: int) -> None:
        """Small quotes that come and go at and near the best prices."""
        book = self.market.book
        draws = self.draws
        for buys, best in ((True, bid), (False, ask)):
            side, recent = book.side(buys), self.touches[buys]
            places = (best, best - side.sign * (1 + draws.below(3 * self.half)))
            for tick in places:
                against = book.side(not buys).best()
                if tick > 0 and (against is None or (tick - against) * side.sign < 0):
                    side.set_crowd(tick, 1 + draws.below(self.touch_steps * self.depth // 50 + 1))
                    recent.append(tick)
            while len(recent) > TOUCHES:
                old = recent.popleft()
                if old != best and old not in recent and old in side.crowd:
                    side.set_crowd(old, 0)
        self.venue.book_events += 4


def print_at(venue: ExchangeState, market: MarketState, print_: Print, now_us: int) -> None:
    """A print of the crowd: the level's queue in time order, the rest against liquidity that came and went."""
    side = market.book.side(print_.maker_buys)
    venue.book_events += 1
    if print_.tick not in side.orders:
        venue.trade(market, print_.tick, print_.steps, print_.maker_buys, now_us)
        return
    matches = _merged(side.take_at(print_.tick, print_.steps, None), print_)
    apply_matches(venue, market, None, not print_.maker_buys, matches, now_us)


def _merged(matches: list[Match], print_: Print) -> list[Match]:
    """The matches with the crowd's share made up to the print's size, as one print where nobody else took part."""
    taken = sum(match.steps for match in matches)
    rest = print_.steps - taken
    if rest > 0:
        matches = [*matches, Match(print_.tick, rest, None)]
    return matches


class MarketDriver:
    """Plays the tape of every product in one order of time."""

    def __init__(self, venue: ExchangeState, tape: MarketSource, seed: int, levels: int, quotes_us: int) -> None:
        self.venue = venue
        self.tape = tape
        self.players = [
            Player(venue, venue.markets[p.product_id], tape, seed, levels, quotes_us) for p in tape.products
        ]
        self._due: list[tuple[int, int]] = []

    def start(self, now_us: int) -> None:
        """Stand as if the tape had been played up to now."""
        for player in self.players:
            player.start(now_us)
        self._due = [(player.due_us(), i) for i, player in enumerate(self.players)]
        heapq.heapify(self._due)

    def leap(self, now_us: int) -> None:
        """Go on from another time without playing what lies between."""
        for player in self.players:
            player.leap(now_us)
        self._due = [(player.due_us(), i) for i, player in enumerate(self.players)]
        heapq.heapify(self._due)

    def next_due_us(self) -> int | None:
        """When the next print or timer is due."""
        timer = triggers.next_due_us(self.venue)
        first = self._due[0][0] if self._due else None
        return min((t for t in (timer, first) if t is not None), default=None)

    def advance(self, now_us: int) -> None:
        """Play all that is due up to now, in order of time."""
        while self._due and self._due[0][0] <= now_us:
            due_us, i = self._due[0]
            if self.venue.timers and self.venue.timers[0][0] <= due_us:
                triggers.run_timers(self.venue, due_us)
            player = self.players[i]
            player.step()
            heapq.heapreplace(self._due, (player.due_us(), i))
        triggers.run_timers(self.venue, now_us)
