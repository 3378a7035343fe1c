"""SIGNAL_EXITS (docs/trading-rules.md §5): a closed bar's SELL closes the product's lots, each once."""

import pytest

from bot.domain import events as ev
from bot.domain.kinds import ExitReason, Purpose
from bot.domain.orders import OrderStatus
from bot.domain.targets import Signal, SignalSide, StrategyFailure
from bot.rules import codes
from bot.rules.exits import exit_by_signal
from shared.control import TradingState
from tests.core.harness import Rig, cancels, one, places, sells

BTC = "BTC-USD"


def with_lot(**settings: object) -> Rig:
    """A rig that holds one runner, bought at 100, without a resting take."""
    terms: dict[str, object] = {"signal_exits": True, "take_profit_order": "market"}
    rig = Rig(**(terms | settings))  # type: ignore[arg-type]
    rig.open_runner()
    return rig


@pytest.mark.parametrize("reason", [codes.EXIT_STOP, codes.EXIT_TRAIL, codes.EXIT_TAKE])
def test_stop_trail_and_take_come_first(reason: int) -> None:
    assert exit_by_signal(reason, codes.SIGNAL_SELL, signal_exits=True) == reason


def test_a_sell_closes_the_lot_and_says_why() -> None:
    rig = with_lot()
    sale = one(sells(rig.bar("sell")))
    assert sale.purpose is Purpose.EXIT and sale.reduce_only
    assert one(rig.lots).exit_reason is ExitReason.SIGNAL
    rig.fills_all(sale, "1", "100")
    assert rig.lots == []


def test_by_default_a_sell_closes_nothing() -> None:
    rig = with_lot(signal_exits=False)
    assert not sells(rig.bar("sell") + rig.price("100"))


@pytest.mark.parametrize("word", ["flat", "buy"])
def test_other_words_close_nothing(word: str) -> None:
    rig = with_lot(allow_pyramiding=False)
    assert not sells(rig.bar(word) + rig.price("100"))


def test_a_lot_is_sold_once_however_often_the_bar_is_judged() -> None:
    rig = with_lot()
    sale = one(sells(rig.bar("sell")))
    rig.accept(sale)
    assert not sells(rig.price("100") + rig.price("99") + rig.tick(1))


def test_a_resting_take_is_cancelled_and_seen_cancelled_before_the_sale() -> None:
    rig = Rig(signal_exits=True)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    found = rig.bar("sell")
    assert cancels(found) and not sells(found)
    sale = one(sells(rig.seen(take, OrderStatus.CANCELLED)))
    assert sale.purpose is Purpose.EXIT


def test_a_failing_strategy_sells_nothing() -> None:
    rig = with_lot()
    rig.answers = False
    rig.bar("sell")
    assert not sells(rig.send(ev.TargetReady(BTC, rig.bar_s, StrategyFailure("it raised"))) + rig.price("100"))


def test_nothing_is_sold_before_the_newest_bar_is_answered() -> None:
    """The bar before said SELL while exits were not judged; what counts now is the newest one."""
    rig = with_lot()
    rig.level(TradingState.STOP)
    assert not sells(rig.bar("sell"))
    rig.answers = False
    rig.bar("flat")
    rig.level(TradingState.RUN)
    assert not sells(rig.price("100"))
    answered = rig.send(ev.TargetReady(BTC, rig.bar_s, Signal(SignalSide.FLAT, None, {})))
    assert not sells(answered + rig.price("100"))


def test_a_late_bar_sells_nothing() -> None:
    rig = with_lot()
    rig.level(TradingState.STOP)
    rig.bar("sell")
    rig.level(TradingState.RUN)
    assert not sells(rig.price("100", after_ms=300_000)), "the bar after it is minutes late"


def test_a_lapsed_exit_is_decided_anew_while_the_sell_holds() -> None:
    rig = with_lot()
    rig.level(TradingState.STOP)
    assert not sells(rig.bar("sell"))
    rig.level(TradingState.RUN)
    assert one(sells(rig.price("100"))).purpose is Purpose.EXIT


def test_every_lot_of_the_product_goes_and_no_other_product() -> None:
    rig = Rig(
        signal_exits=True, take_profit_order="market", products=(BTC, "ETH-USD"), pyramid_min_adverse_pct=0.0,
        pyramid_decay_min_pct=0.0,
    )  # fmt: skip
    for product_id in (BTC, BTC, "ETH-USD"):
        rig.fills_all(one(places(rig.bar("buy", product_id=product_id))), "1", "100")
    found = sells(rig.bar("sell"))
    assert [sale.product_id for sale in found] == [BTC, BTC]
