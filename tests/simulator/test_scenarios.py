"""Scenarios by name: what each does to prices, candles and gates."""

import statistics

import pytest

from simulator.core.bars import SimBar, fold
from simulator.core.scenarios import SCENARIOS, Scenario
from simulator.core.synthetic import TEMPERS, Synthetic
from simulator.core.tape import MINUTE_US
from simulator.inprocess import START_US, LocalExchange

SINCE = START_US // MINUTE_US


def scenario(name: str) -> Scenario:
    return Scenario(Synthetic(1, TEMPERS["calm"]), name, SINCE, 1)


def played(name: str, minutes: int) -> LocalExchange:
    exchange = LocalExchange(tape=scenario(name), start_us=START_US)
    exchange.advance(START_US + minutes * MINUTE_US)
    return exchange


@pytest.mark.parametrize("name", SCENARIOS)
def test_candles_agree_with_trades_in_every_scenario(name: str) -> None:
    tape = scenario(name)
    exchange = played(name, 8)
    for product_id, candles in exchange.exchange.candles.items():
        for i in range(7):
            bar = tape.minute(product_id, SINCE + i)
            prints = tape.prints(product_id, SINCE + i)
            assert fold(SimBar(p.tick, p.tick, p.tick, p.tick, p.steps) for p in prints) == bar
            assert candles.minute(SINCE + i) == bar
        assert tape.bar(product_id, SINCE * 60, 300) == fold(
            b for i in range(5) if (b := tape.minute(product_id, SINCE + i))
        )


def test_a_flash_crash_takes_a_fifth_and_gives_it_back() -> None:
    tape = scenario("flash_crash")
    before, crash, after = (tape.minute("BTC-USD", SINCE + i) for i in (1, 2, 6))
    assert before and crash and after
    assert crash.low < 0.82 * before.close and after.open > 0.97 * before.close
    exchange = played("flash_crash", 3)
    market = exchange.exchange.venue.markets["BTC-USD"]
    bid, ask = market.book.bids.best(), market.book.asks.best()
    assert bid is not None and ask is not None and bid < ask < 0.95 * before.close


def test_a_gap_has_no_trade_in_between_and_returns_half_an_hour_later() -> None:
    tape = scenario("gap")
    before, after = tape.minute("BTC-USD", SINCE + 1), tape.minute("BTC-USD", SINCE + 2)
    assert before and after and after.low > before.high * 1.05
    later = [tape.minute("BTC-USD", SINCE + m) for m in (31, 32)]
    assert later[0] and later[1] and later[1].high < later[0].low * 0.97


def test_a_halt_lets_only_cancels_through_and_then_ends() -> None:
    exchange = played("halt", 1)
    market = exchange.exchange.venue.markets["BTC-USD"]
    assert not market.gate.cancel_only
    exchange.advance(START_US + 3 * MINUTE_US)
    count = market.next_trade_id
    assert market.gate.cancel_only
    exchange.advance(START_US + 4 * MINUTE_US)
    assert market.next_trade_id == count
    exchange.advance(START_US + 6 * MINUTE_US)
    assert not market.gate.cancel_only and market.next_trade_id > count


def test_a_delisting_goes_step_by_step_and_for_good() -> None:
    seen = []
    exchange = LocalExchange(tape=scenario("delisting"), start_us=START_US)
    market = exchange.exchange.venue.markets["ETH-USD"]
    for minute in range(1, 40):
        exchange.advance(START_US + minute * MINUTE_US + 1)
        gate = market.gate
        now = "gone" if gate.is_disabled else "cancel" if gate.cancel_only else "limit" if gate.limit_only else "on"
        if not seen or seen[-1] != now:
            seen.append(now)
    assert seen == ["on", "limit", "cancel", "gone"]
    assert exchange.exchange.venue.markets["BTC-USD"].gate.status == "online"


def test_a_trend_rises_a_range_does_not_and_a_thin_book_is_thin() -> None:
    def growth(name: str) -> float:
        market = Synthetic(1, TEMPERS[name])
        return statistics.median(
            market.day("BTC-USD", day + 10).close / market.day("BTC-USD", day).close for day in range(20_000, 20_300, 7)
        )

    assert growth("trend") > 1.1 and 0.97 < growth("range") < 1.03

    def depth(name: str) -> float:
        exchange = LocalExchange(market=name)
        exchange.advance(START_US + MINUTE_US)
        return sum(steps for _, steps in exchange.exchange.venue.markets["BTC-USD"].book.asks.levels(20))

    assert depth("thin_book") < depth("calm") / 5
