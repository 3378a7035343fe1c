"""Markets: equal for equal seeds, exact in every granularity, with the facts that real prices have."""

import hashlib
import math
import statistics
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.core.bars import SimBar, fold, split, walk
from simulator.core.draws import Draws
from simulator.core.lively import Lively
from simulator.core.markets import MARKETS, synthetic
from simulator.core.products import DEFAULT_PRODUCTS
from simulator.core.synthetic import TEMPERS, Synthetic
from simulator.core.tape import GRANULARITIES, MINUTE_US
from simulator.inprocess import START_US, LocalExchange

MINUTE = START_US // MINUTE_US


@st.composite
def bars(draw: st.DrawFn) -> SimBar:
    low = draw(st.integers(1_000, 100_000))
    high = low + draw(st.integers(0, 5_000))
    inside = st.integers(low, high)
    return SimBar(draw(inside), high, low, draw(inside), draw(st.integers(1_000, 10**9)))


@settings(max_examples=500, deadline=None)
@given(bars(), st.integers(0, 2**32), st.sampled_from([5, 12, 24, 60]), st.integers(0, 300), st.integers(0, 400))
def test_parts_fold_back_to_the_bar_exactly(bar: SimBar, seed: int, count: int, wick: int, quiet: int) -> None:
    parts = split(Draws(seed), bar, count, wick, quiet)
    assert fold(parts) == bar
    assert all(p.low <= min(p.open, p.close) <= max(p.open, p.close) <= p.high for p in parts)


@settings(max_examples=500, deadline=None)
@given(bars(), st.integers(0, 2**32), st.integers(4, 100))
def test_a_minutes_trades_fold_back_to_its_bar(bar: SimBar, seed: int, usual: int) -> None:
    prints = walk(Draws(seed), bar, MINUTE_US, usual)
    assert fold(SimBar(p.tick, p.tick, p.tick, p.tick, p.steps) for p in prints) == bar
    assert all(0 <= p.offset_us < MINUTE_US and p.steps > 0 for p in prints)
    assert [p.offset_us for p in prints] == sorted(p.offset_us for p in prints)


def test_the_same_seed_is_the_same_bytes_here_and_on_every_machine() -> None:
    """The hash was made once; a machine on which it differs draws other numbers."""

    def digest(seed: int, name: str) -> str:
        market = synthetic(name, seed)
        whole = hashlib.sha256()
        for product in market.products:
            whole.update(repr([tuple(market.day(product.product_id, 20_000 + i)) for i in range(3)]).encode())
            whole.update(repr([tuple(each) for each in market.prints(product.product_id, MINUTE)]).encode())
        return whole.hexdigest()[:16]

    assert digest(1, "lively") == digest(1, "lively") != digest(2, "lively")
    assert digest(1, "calm") == "3b6e406c96e5205a"
    assert digest(1, "lively") == "fb7978d04110f0cb"


def test_two_runs_are_one() -> None:
    def run() -> str:
        exchange = LocalExchange(seed=7, market="lively")
        stream = exchange.connect()
        stream.send('{"type":"subscribe","channel":"level2","product_ids":["BTC-USD"]}')
        exchange.advance(exchange.now_us + 30_000_000)
        stream.take()
        exchange.request("GET", "/api/v3/brokerage/market/products")
        return exchange.event_hash()

    assert run() == run()


@pytest.mark.parametrize("name", MARKETS)
def test_every_granularity_folds_from_the_finer_one(name: str) -> None:
    market = synthetic(name, 3)
    day = MINUTE * 60 // 86_400 * 86_400
    for product_id in ("BTC-USD", "DOGE-USD"):
        for seconds in (300, 3600, 86_400):
            finer = {300: 60, 3600: 300, 86_400: 3600}[seconds]
            parts = (market.bar(product_id, day + at, finer) for at in range(0, seconds, finer))
            assert market.bar(product_id, day, seconds) == fold(p for p in parts if p)


def test_history_reaches_back_far_enough() -> None:
    exchange = LocalExchange()
    candles = exchange.exchange.candles["BTC-USD"]
    now = exchange.now_us // 1_000_000
    assert candles.bar(now // 86_400 * 86_400 - 400 * 86_400, 86_400, exchange.now_us)
    assert len(candles.window(now - 10 * 86_400, now - 10 * 86_400 + 3600, 60, exchange.now_us)) > 40
    for seconds in GRANULARITIES.values():
        assert candles.window(now - 100 * seconds, now, seconds, exchange.now_us)


def test_live_candles_equal_what_history_says_later() -> None:
    exchange = LocalExchange(market="lively")
    tape = exchange.exchange.tape
    exchange.advance(exchange.now_us + 300_000_000)
    for product_id, candles in exchange.exchange.candles.items():
        for minute in range(MINUTE, MINUTE + 5):
            assert candles.minute(minute) == tape.minute(product_id, minute)


def returns(market: Synthetic | Lively, product_id: str, count: int, step: int = 1) -> list[float]:
    bars_ = [b for i in range(0, count, step) if (b := market.minute(product_id, MINUTE - count + i))]
    return [math.log(b.close / a.close) for a, b in pairwise(bars_)]


def correlation(a: list[float], b: list[float]) -> float:
    return statistics.correlation(a, b)


def test_calm_has_the_facts_of_real_prices() -> None:
    market = Synthetic(1, TEMPERS["calm"])
    moves = returns(market, "BTC-USD", 8000)
    sizes = [abs(m) for m in moves]
    spread = statistics.pstdev(moves)
    assert 0.0002 < spread < 0.0025  # a real minute: some hundredths of a percent
    assert correlation(sizes[:-1], sizes[1:]) > 0.05  # volatility clusters
    assert abs(correlation(moves[:-1], moves[1:])) < 0.25  # the direction hardly does
    kurtosis = statistics.fmean(m**4 for m in moves) / statistics.fmean(m**2 for m in moves) ** 2
    assert kurtosis > 3.5  # fat tails
    silent = sum(market.minute("BTC-USD", MINUTE - i) is None for i in range(3000))
    assert 30 < silent < 400  # minutes without a trade


def test_spread_follows_volatility_and_depth_shrinks_with_it() -> None:
    market = Lively(1)
    rows = []
    for minute in range(MINUTE - 600, MINUTE):
        bar = market.minute("ETH-USD", minute)
        if bar is None:
            continue
        wild = (bar.high - bar.low) / bar.open
        rows.append((wild, market.half_spread("ETH-USD", minute) / bar.open, market.depth_percent("ETH-USD", minute)))
    wild, spread, depth = (list(column) for column in zip(*rows, strict=True))
    assert correlation(wild, spread) > 0.8
    assert correlation(wild, [float(d) for d in depth]) < -0.8


def test_days_of_products_move_together_in_part() -> None:
    market = Synthetic(1, TEMPERS["calm"])

    def days(product_id: str) -> list[float]:
        rows = [market.day(product_id, 19_000 + i) for i in range(400)]
        return [math.log(row.close / row.open) for row in rows]

    assert 0.3 < correlation(days("BTC-USD"), days("ETH-USD")) < 0.95


def moves(market: Lively, product_id: str, minutes: int, count: int = 6000) -> list[float]:
    """Percent that the price moved in so many minutes, at each of the last `count`."""
    closes: list[int] = []
    for minute in range(MINUTE - count - minutes, MINUTE):
        bar = market.minute(product_id, minute)
        closes.append(bar.close if bar else closes[-1])
    return [(closes[i + minutes] / closes[i] - 1) * 100 for i in range(count)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lively_moves_four_percent_an_hour_and_comes_back_to_its_mean(seed: int) -> None:
    market = Lively(seed)
    spread = {m: statistics.pstdev(moves(market, "BTC-USD", m)) for m in (1, 60, 240)}
    assert 0.6 < spread[1] < 1.1
    assert 3.6 < spread[60] < 5.0  # "about four percent"
    assert spread[240] < 1.1 * spread[60]  # a walk without a mean would be at twice the hour's
    day = MINUTE // 1440
    for product_id in ("BTC-USD", "SOL-USD"):
        days = [market.day(product_id, day - i) for i in range(1, 700)]
        assert statistics.fmean((bar.high - bar.low) / bar.open for bar in days) < 0.2
        assert max(bar.high for bar in days) < 12 * min(bar.low for bar in days)


def test_lively_has_the_facts_of_real_prices() -> None:
    market = Lively(1)
    own, other = returns(market, "BTC-USD", 8000), returns(market, "ETH-USD", 8000)
    sizes = [abs(m) for m in own]
    assert correlation(sizes[:-1], sizes[1:]) > 0.05  # volatility clusters
    assert abs(correlation(own[:-1], own[1:])) < 0.1  # a minute says little about the next
    kurtosis = statistics.fmean(m**4 for m in own) / statistics.fmean(m**2 for m in own) ** 2
    assert kurtosis > 4  # fat tails and jumps
    both = [moves(market, product_id, 1) for product_id in ("BTC-USD", "ETH-USD")]
    assert 0.2 < correlation(*both) < 0.8  # products move together
    assert other
    assert 3 < sum(market.minute("BTC-USD", MINUTE - i) is None for i in range(3000)) < 60  # silent minutes
    counts = [len(market.prints("BTC-USD", MINUTE - i)) for i in range(600)]
    assert max(counts) > 2 * statistics.median(counts) > 40  # trades come in bursts


def test_lively_products_take_turns_so_that_some_average_is_rising() -> None:
    """Whenever somebody starts, the plain averages say BUY within five minutes, on one of the three products."""
    market = Lively(1)

    def rises(product_id: str, minute: int) -> bool:
        closes = [bar.close for i in range(30, 0, -1) if (bar := market.minute(product_id, minute - i))]
        return sum(closes[-10:]) / 10 > sum(closes) / len(closes)

    starts = range(MINUTE, MINUTE + 6000, 61)
    seen = sum(
        any(rises(p, start + i) for i in range(5) for p in ("BTC-USD", "ETH-USD", "SOL-USD")) for start in starts
    )
    assert seen / len(starts) > 0.94


@pytest.mark.parametrize("product_id", ["BTC-USD", "ETH-USD", "SOL-USD", "DOGE-USD"])
def test_lively_turns_round_by_itself_and_never_runs_along_a_bound(product_id: str) -> None:
    market = Lively(1)
    first = MINUTE // 60 * 60
    tops: list[int] = []
    flat = 0
    for hour in range(first, first + 48 * 60, 60):
        minutes = [bar for i in range(hour, hour + 60) if (bar := market.minute(product_id, i))]
        high, low = max(bar.high for bar in minutes), min(bar.low for bar in minutes)
        tops.append(high)
        edge = (high - low) // 100
        flat += sum(bar.high >= high - edge for bar in minutes) > 4
        flat += sum(bar.low <= low + edge for bar in minutes) > 4
        assert 0.02 < (high - low) / low < 0.25
        assert max((bar.high - bar.low) / bar.low for bar in minutes) < 0.09, "a lone spike"
        assert all(a.close == b.open for a, b in pairwise(minutes)), "no gap"
    assert flat <= 5, "tops and bottoms of 48 hours, of which so many may be flat"
    assert len(set(tops)) >= 44  # nor do hours end at one another's highs


@pytest.mark.parametrize("seconds", [60, 300, 3600, 86_400])
def test_a_chart_is_full_of_bars_that_differ(seconds: int) -> None:
    """What the bot asks for at its first second: 300 bars of each length, of every product."""
    market = Lively(1)
    for product in market.products:
        end = MINUTE * 60 // seconds * seconds
        shown = [market.bar(product.product_id, end - i * seconds, seconds) for i in range(1, 301)]
        known = [bar for bar in shown if bar is not None]
        assert len(known) >= (290 if seconds == 60 else 300)
        assert len(set(known)) == len(known)
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in known)


@pytest.mark.parametrize("make", [lambda: LocalExchange(market="lively"), lambda: LocalExchange(market="calm")])
def test_the_books_stay_deep_and_uncrossed(make: Callable[[], LocalExchange]) -> None:
    exchange = make()
    for _ in range(60):
        exchange.advance(exchange.now_us + 5_000_000)
        for market in exchange.exchange.venue.markets.values():
            bid, ask = market.book.bids.best(), market.book.asks.best()
            assert bid is not None and ask is not None and bid < ask
            assert len(market.book.bids.keys) > 100 and len(market.book.asks.keys) > 100


def test_minutes_that_are_forgotten_are_read_from_the_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.core.candles.KEPT_MINUTES", 3)
    exchange = LocalExchange(market="lively", tape=Lively(1, DEFAULT_PRODUCTS[:1]))
    exchange.advance(exchange.now_us + 12 * MINUTE_US)
    candles, tape = exchange.exchange.candles["BTC-USD"], exchange.exchange.tape
    told, asked = tape.minute, []
    monkeypatch.setattr(tape, "minute", lambda product_id, minute: asked.append(minute) or told(product_id, minute))
    for minute in range(MINUTE - 2, MINUTE + 11):
        assert candles.minute(minute) == told("BTC-USD", minute)
    assert asked == list(range(MINUTE - 2, MINUTE + 9)), "but those that are counted, and the one that runs"
    assert candles.bar(MINUTE * 60, 300, exchange.now_us) == tape.bar("BTC-USD", MINUTE * 60, 300)
    assert candles.bar(MINUTE * 60 + 300, 300, exchange.now_us) == tape.bar("BTC-USD", MINUTE * 60 + 300, 300)
