"""Checks of one order before it is sent: each refuses with code, value and limit, and lets pass what is within."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import events as ev
from bot.domain.kinds import LotSide, OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec, OrderStatus
from bot.engine.risk import pretrade, rate
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import Moment, Refusal
from tests.core.harness import D, Rig, one, places, product

BTC = "BTC-USD"


def rig_with(**settings: Any) -> Rig:
    rig = Rig(**settings)
    rig.price("100")
    return rig


def entry(**changes: Any) -> OrderSpec:
    terms: dict[str, Any] = {
        "client_order_id": "ct-main-0", "product_id": BTC, "side": Side.BUY, "kind": OrderKind.MARKET,
        "purpose": Purpose.ENTRY, "base_size": None, "quote_size": D(100), "limit_price": None, "post_only": False,
        "end_ms": None, "expected_price": D(100),
    }  # fmt: skip
    return OrderSpec(**(terms | changes))


def bid(**changes: Any) -> OrderSpec:
    terms = {
        "kind": OrderKind.LIMIT,
        "quote_size": None,
        "base_size": D(1),
        "limit_price": D("99.99"),
        "post_only": True,
    }
    return entry(**(terms | changes))


def refused(rig: Rig, spec: OrderSpec, moment: Moment = Moment.SUBMIT) -> Refusal | None:
    return rig.asked(pretrade.refusal, spec, moment)


def code(rig: Rig, spec: OrderSpec) -> str | None:
    found = refused(rig, spec)
    assert found is None or (found.value and found.limit and found.text.startswith(found.code))
    return found.code if found else None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (entry(), None),
        (bid(), None),
        (entry(quote_size=D(0)), "size"),
        (entry(quote_size=D("-1")), "size"),
        (entry(quote_size=D("NaN")), "size"),
        (entry(quote_size=D("Infinity")), "size"),
        (entry(quote_size=None), "size"),
        (entry(base_size=D(1)), "size"),
        (entry(client_order_id=""), "client_order_id"),
        (bid(limit_price=None), "price"),
        (bid(limit_price=D("NaN")), "price"),
        (bid(limit_price=D("-5")), "price"),
        (entry(product_id="DOGE-USD"), "product"),
        (entry(quote_size=D("100.001")), "quote_increment"),
        (bid(base_size=D("0.000000001")), "base_increment"),
        (bid(limit_price=D("99.995")), "price_increment"),
        (entry(quote_size=D("0.99")), "quote_size"),
        (entry(quote_size=D("100000001")), "quote_size"),
        (bid(limit_price=D("94.9")), "collar"),
        (bid(limit_price=D("105.1")), "collar"),
        (entry(expected_price=D("80")), "collar"),
        (entry(quote_size=D(10_001)), "funds"),
        (bid(base_size=D("100.005")), "funds"),  # fits without its fee, not with it
    ],
)
def test_terms(spec: OrderSpec, expected: str | None) -> None:
    assert code(rig_with(), spec) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_order_usd": 99.99}, "notional"),
        ({"max_order_usd": 100.0}, None),
        ({"max_product_usd": 99.0}, "exposure"),
        ({"max_product_usd": 100.0}, None),
        ({"max_total_usd": 99.0}, "exposure_total"),
        ({"max_total_usd": 100.0}, None),
        ({"max_base": "BTC:0.99"}, "base_cap"),
        ({"max_base": "BTC:1"}, None),
        ({"max_base": "ETH:0.1"}, None),
    ],
)
def test_limits(limits: dict[str, Any], expected: str | None) -> None:
    assert code(rig_with(**limits), entry()) == expected


def test_a_halted_product_takes_no_entry_but_an_exit_may_try() -> None:
    rig = rig_with(take_profit_order="market")
    rig.open_runner()
    rig.send(ev.InstrumentList((product(halted="cancel only"),)))
    assert code(rig, entry()) == "halted"
    assert code(rig, one(places(rig.price("110")))) is None


def test_one_source_of_price_is_not_enough() -> None:
    rig = Rig()
    rig.send(ev.PriceUpdate(BTC, D(100), None, None))
    assert code(rig, entry()) == "collar"


def sale(rig: Rig, **changes: Any) -> OrderSpec:
    terms = {"side": Side.SELL, "purpose": Purpose.EXIT, "quote_size": None, "base_size": D(1), "reduce_only": True}
    return entry(**(terms | {"lot_id": rig.lots[0].lot_id if rig.lots else "gone"} | changes))


def test_an_entry_that_would_open_a_short_is_refused_by_name() -> None:
    rig = rig_with(take_profit_order="market")
    assert code(rig, entry(side=Side.SELL)) == "long_only"
    rig.open_runner(size="1")
    assert code(rig, entry(side=Side.SELL, lot_id=rig.lots[0].lot_id, reduce_only=True)) == "long_only"
    assert rig.lots[0].side is LotSide.LONG


def test_a_sale_is_of_a_lot_and_never_of_more_than_it_holds() -> None:
    rig = rig_with(take_profit_order="market")
    assert code(rig, sale(rig)) == "lot"
    rig.open_runner(size="1")
    assert code(rig, sale(rig)) is None
    assert code(rig, sale(rig, base_size=D("1.00000001"))) == "oversell"
    assert code(rig, sale(rig, base_size=None, quote_size=D(5))) == "oversell"


def test_a_sale_that_is_not_marked_reduce_only_is_refused() -> None:
    """Long only: a sale that closes no lot would open a short."""
    rig = rig_with(take_profit_order="market")
    rig.open_runner(size="1")
    assert code(rig, sale(rig, reduce_only=False)) == "not_reducing"
    assert code(rig, sale(rig, side=Side.BUY)) == "not_reducing"


def test_no_second_sale_while_one_may_still_fill() -> None:
    rig = rig_with()
    _, take = rig.open_runner(size="1")
    assert take is not None
    assert code(rig, sale(rig)) == "exit_working"
    assert code(rig, take) is None, "the order itself does not stand in its own way"


def test_an_exit_whose_fills_are_not_told_yet_may_have_sold_all() -> None:
    rig = rig_with()
    _, take = rig.open_runner(size="1")
    assert take is not None
    rig.accept(take)
    rig.seen(take, OrderStatus.CANCELLED, "0.6")
    assert code(rig, sale(rig)) == "exit_working"
    rig.fill(take, "0.6", "103.8")
    assert code(rig, sale(rig)) == "oversell"


def test_an_order_that_is_recorded_does_not_count_against_itself() -> None:
    """The gate before the socket asks again, with the order among those in flight."""
    for per_min, shut in ((1, "rate"), (30, "exposure")):
        rig = rig_with(max_total_usd=2000.0, max_product_usd=2000.0, max_base="BTC:20", max_orders_per_min=per_min)
        spec = one(places(rig.bar("buy")))
        assert spec.quote_size == 2000 and code(rig, spec) is None
        assert code(rig, replace(spec, client_order_id="ct-main-other")) == shut


def test_what_others_in_flight_hold_is_not_there_twice() -> None:
    rig = rig_with(products=(BTC, "ETH-USD"), risk_per_trade_pct=60.0)
    rig.price("100", "ETH-USD")
    one(places(rig.bar("buy")))
    assert code(rig, entry(product_id="ETH-USD", quote_size=D(4000))) is None
    assert code(rig, entry(product_id="ETH-USD", quote_size=D("4000.01"))) == "funds"


def test_a_check_that_raises_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_state: Any, _spec: OrderSpec) -> None:
        raise ZeroDivisionError("planted")

    funds = replace(registry.POLICIES.by_code["funds"], check=broken)
    monkeypatch.setattr(registry, "POLICIES", registry.RiskPolicies([funds]))
    assert code(rig_with(), entry()) == "funds"


def test_a_refused_entry_is_told_once_a_bar_and_nothing_is_recorded() -> None:
    rig = rig_with()
    rig.bar("flat")
    # The bot's own size respects MAX_ORDER_USD, so a refusal needs a limit that only the check knows.
    rig.send(ev.InstrumentList((product(quote_max_size=D(10)),)))
    found = rig.bar("buy") + rig.price("100") + rig.price("100")
    assert not places(found) and not rig.view.orders.entries_in_flight()
    texts = [i.text for i in found if hasattr(i, "text")]
    assert sum("refused by quote_size: 2000, limit" in text for text in texts) == 1


@settings(max_examples=300, deadline=None)
@given(
    size=st.decimals(allow_nan=True, allow_infinity=True),
    price=st.decimals(allow_nan=True, allow_infinity=True),
    market=st.booleans(),
)
def test_whatever_numbers_come_only_sane_ones_pass(size: Decimal, price: Decimal, market: bool) -> None:
    """H8: NaN, infinities, zero, negatives and off-increment values never reach the wire."""
    spec = entry(quote_size=size) if market else bid(base_size=size, limit_price=price)
    if refused(_RIG, spec) is None:
        assert size.is_finite() and size > 0
        step = D("0.01") if market else D("0.00000001")
        assert size % step == 0
        if not market:
            assert price.is_finite() and D(95) <= price <= D(105) and price % D("0.01") == 0
            assert size * price <= 10_000


_RIG = rig_with()


def test_an_entry_that_waited_too_long_for_its_turn_is_refused_at_the_gate() -> None:
    rig = rig_with()
    (entry,) = places(rig.bar("buy"))
    decided_ms = rig.order(entry.client_order_id).created_ms
    rig.price("100", after_ms=30_000 - (rig.now_ms - decided_ms))  # the price is fresh, the decision is not
    assert rig.view.now_ms == decided_ms + 30_000
    assert refused(rig, entry, Moment.SOCKET) is None
    rig.show_at(decided_ms + 30_001)
    found = refused(rig, entry, Moment.SOCKET)
    assert found is not None and (found.code, found.limit) == ("waited", "30 s")


def test_orders_that_waited_count_in_the_minute_in_which_they_go() -> None:
    """The exchange throttles for minutes, then all that waited would go at once: the limit holds at the socket, too."""
    rig = rig_with(max_orders_per_min=2)
    (entry,) = places(rig.bar("buy"))
    decided_ms = rig.view.now_ms
    for after_s in (61, 100):  # what was decided with it lies longer than a minute back
        rig.show_at(decided_ms + after_s * 1000)
        rig.asked(rate.let_pass, entry)
    found = refused(rig, entry)
    assert found is not None and (found.code, found.value) == ("rate", "2 in a minute")
    rig.show_at(decided_ms + 121_000)
    assert refused(rig, entry) is None


@pytest.mark.parametrize(("after_ms", "code"), [(30_000, None), (30_001, "feed")])
def test_no_entry_leaves_on_an_old_price_but_an_exit_does(after_ms: int, code: str | None) -> None:
    rig = rig_with(take_profit_order="market")
    rig.open_runner(size="1")
    rig.price("100")
    rig.show_at(rig.now_ms + after_ms)
    found = refused(rig, entry(), Moment.SOCKET)
    assert (found.code if found else None) == code
    assert refused(rig, sale(rig), Moment.SOCKET) is None
    rig.send(ev.FeedChanged(False, "silent"))
    found = refused(rig, entry(), Moment.SOCKET)
    assert found is not None and found.text == "feed: no fresh price: silent, limit up"
