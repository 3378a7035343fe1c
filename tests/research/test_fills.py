"""How orders fill on bars, bar by bar: pessimistic along the bar, both bounds of makers, volume, funds, shared cash.

Every case runs compiled and as plain Python, which must agree to the bit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bot.rules.codes import EXIT_STOP, EXIT_TAKE, EXIT_TRAIL
from research import engine
from research.data.candles import CandleSet
from research.engine import FillTiming, MarketModel, RawResult
from research.full import run_full
from research.loops import lots
from research.loops import types as t
from tests.research.paths import START_S, draw_model, draw_settings, path, settings
from tests.research.test_full import assert_same
from tests.research.test_loop_plain import bits

Bar = tuple[float, float, float, float]
PLAIN = {
    "EDGE_GATE": "false", "VOL_RISK_ADJUST": "false", "TAKE_PROFIT_PCT": "2", "RUNNER_TP_MULT": "1",
    "STOP_LOSS_PCT": "1", "TRAIL_ACTIVATE_PCT": "50", "RISK_PER_TRADE_PCT": "10", "MAX_DAILY_LOSS_PCT": "100",
    "MAX_DRAWDOWN_PCT": "0",
}  # fmt: skip
FLAT: Bar = (100.0, 100.0, 100.0, 100.0)


def bars(rows: Sequence[Bar], volume: float = 1000.0, product_id: str = "BTC-USD") -> CandleSet:
    table = np.array(rows)
    o, h, low, c = (np.ascontiguousarray(table[:, i]) for i in range(4))
    return CandleSet(product_id, 60, START_S + 60 * np.arange(len(rows)), o, h, low, c, np.full(len(rows), volume))


def play(
    rows: Sequence[Bar], fill: FillTiming = FillTiming.OHLC, volume: float = 1000.0, model: Any = None, **keys: str
) -> RawResult:
    """Buy on the first bar, so that the lot opens at the second one's open."""
    candles, s = bars(rows, volume), settings(**{**PLAIN, **keys})
    buy = np.zeros(len(rows), dtype=np.int8)
    buy[0] = 1
    assumed = MarketModel(fill=fill, maker_pct=0.0, taker_pct=0.0, **(model or {}))
    plain = engine.run_lots(engine.prepare([candles], plain=True), [buy], s, assumed, plain=True)
    quick = engine.run_lots(engine.prepare([candles]), [buy], s, assumed)
    assert bits(quick) == bits(plain)
    return quick


def ended(result: RawResult) -> tuple[int, float, int]:
    """(why, at what price, in which bar) the only lot ended."""
    (row,) = result.ints
    return int(row[t.T_REASON]), row[t.T_EXIT_TICKS] / 100, int(row[t.T_CLOSE_BAR])


@pytest.mark.parametrize(
    ("rows", "keys", "wanted"),
    [
        # Both levels lie in one bar: the stop counts, at its level.
        ([FLAT, FLAT, (100, 103, 98, 102)], {}, (EXIT_STOP, 99.0, 2)),
        # In the entry's own bar, too.
        ([FLAT, (100, 103, 98, 102)], {}, (EXIT_STOP, 99.0, 1)),
        # Opened below the stop: where the market stands, not at the level.
        ([FLAT, FLAT, (97, 103, 96, 102)], {}, (EXIT_STOP, 97.0, 2)),
        # Only the take is reached; it rests, so it fills at its own price.
        ([FLAT, FLAT, (100, 103, 99.5, 101)], {}, (EXIT_TAKE, 102.0, 2)),
        # Opened above the take: a resting order keeps its price, a market order gets the open's.
        ([FLAT, FLAT, (104, 105, 103, 104)], {}, (EXIT_TAKE, 102.0, 2)),
        ([FLAT, FLAT, (104, 105, 103, 104)], {"TAKE_PROFIT_ORDER": "market"}, (EXIT_TAKE, 104.0, 2)),
        ([FLAT, FLAT, (100, 103, 99.5, 101)], {"TAKE_PROFIT_ORDER": "market"}, (EXIT_TAKE, 102.0, 2)),
        # Trails from the high of 105 on: sold on the way down to the close.
        (
            [FLAT, FLAT, (100, 105, 100, 101)],
            {"TAKE_PROFIT_PCT": "9", "TRAIL_ACTIVATE_PCT": "3", "TRAIL_DISTANCE_PCT": "2"},
            (EXIT_TRAIL, 102.9, 2),
        ),
        # The low comes before the high: a stop below the entry never sees the trail.
        (
            [FLAT, FLAT, (100, 105, 98, 101)],
            {"TAKE_PROFIT_PCT": "9", "TRAIL_ACTIVATE_PCT": "3", "TRAIL_DISTANCE_PCT": "2"},
            (EXIT_STOP, 99.0, 2),
        ),
    ],
)
def test_along_the_bar(rows: list[Bar], keys: dict[str, str], wanted: tuple[int, float, int]) -> None:
    assert ended(play(rows, **keys)) == wanted


def test_decided_on_the_close_filled_at_the_next_open() -> None:
    rows: list[Bar] = [FLAT, FLAT, (100, 100, 98, 98.5), (97, 99, 96, 98)]
    assert ended(play(rows, FillTiming.NEXT_OPEN)) == (EXIT_STOP, 97.0, 3)
    assert ended(play(rows, FillTiming.CLOSE)) == (EXIT_STOP, 98.5, 2)


@pytest.mark.parametrize("fill", [FillTiming.NEXT_OPEN, FillTiming.OHLC])
def test_both_bounds_of_a_maker(fill: FillTiming) -> None:
    reached: list[Bar] = [FLAT, FLAT, (100, 102.0, 100, 101)]
    beyond: list[Bar] = [FLAT, FLAT, (100, 102.01, 100, 101)]
    assert ended(play(reached, fill, model={"through": True}))[0] == t.EXIT_END
    assert ended(play(reached, fill, model={"through": False}))[:2] == (EXIT_TAKE, 102.0)
    assert ended(play(beyond, fill, model={"through": True}))[:2] == (EXIT_TAKE, 102.0)


@pytest.mark.parametrize("fill", [FillTiming.NEXT_OPEN, FillTiming.OHLC])
def test_a_take_fills_by_volume(fill: FillTiming) -> None:
    """Ten coins for 1,000; a tenth of each bar's 30 coins is three: four bars, and the price is its own throughout."""
    rows: list[Bar] = [FLAT, FLAT, *[(102.5, 103.0, 102.0, 102.5)] * 6]
    result = play(rows, fill, volume=30.0, model={"participation": 0.1})
    (row,) = result.ints
    assert row[t.T_FILLS] == 4 and row[t.T_REASON] == EXIT_TAKE and row[t.T_EXIT_TICKS] == 10_200
    assert row[t.T_CLOSE_BAR] == 5
    assert result.floats[0, t.T_PROCEEDS] == pytest.approx(1020.0)


def test_funds_are_asked_once_more_at_the_least_size() -> None:
    """Everything is in the first lot but seven: the next one is tried at ORDER_MIN_USD, the one after has no funds."""
    fall = [(p, p, p, p) for p in (100.0, 100.0, 90.0, 90.0, 80.0, 80.0, 70.0, 70.0)]
    s = settings(
        **{**PLAIN, "STOP_LOSS_PCT": "1000", "SIZING": "fixed", "FIXED_ORDER_USD": "9993", "LOW_FUNDS": "retry"}
    )
    buy = np.ones(len(fall), dtype=np.int8)
    prepared = engine.prepare([bars(fall)])
    result = engine.run_lots(prepared, [buy], s, MarketModel(maker_pct=0.0, taker_pct=0.0))
    unit = prepared.unit[0]
    spent = [float(row[t.T_STEPS] * row[t.T_OPEN_TICKS] * unit) for row in result.ints]
    assert spent == pytest.approx([9993.0, 5.0], abs=1e-4)
    assert result.account[t.A_REFUSED_FUNDS] > 0 and result.account[t.A_CASH] == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(("size", "spent"), [("8000", [8000.0]), ("7000", [7000.0, 3000.0])])
def test_what_is_left_opens_a_lot_only_where_it_is_a_useful_part(size: str, spent: list[float]) -> None:
    """Of 10,000: after 8,000 a cent less than a quarter is left; after 7,000 more than that."""
    fall = [(p, p, p, p) for p in (100.0, 100.0, 90.0, 90.0, 80.0, 80.0, 70.0, 70.0)]
    s = settings(**{**PLAIN, "STOP_LOSS_PCT": "1000", "SIZING": "fixed", "FIXED_ORDER_USD": size})
    buy = np.ones(len(fall), dtype=np.int8)
    prepared = engine.prepare([bars(fall)])
    market = MarketModel(maker_pct=0.0, taker_pct=0.0, cash=9999.99 if size == "8000" else 10_000.0)
    result = engine.run_lots(prepared, [buy], s, market)
    found = [float(row[t.T_STEPS] * row[t.T_OPEN_TICKS] * prepared.unit[0]) for row in result.ints]
    assert found == pytest.approx(spent, abs=1e-4)
    assert result.account[t.A_REFUSED_FUNDS] > 0


@pytest.mark.parametrize("low_funds", ["part", "retry"])
@pytest.mark.parametrize("seed", range(4))
def test_products_share_one_account(seed: int, low_funds: str) -> None:
    """Two products want most of the cash at the same time: as the bot's engine on the simulator serves them."""
    g = np.random.default_rng(100 + seed)
    names = ("BTC-USD", "ETH-USD")
    s = settings(
        EDGE_GATE="false", RISK_PER_TRADE_PCT="70", PYRAMID_MIN_ADVERSE_PCT="0.3", PYRAMID_DECAY_MIN_PCT="0.1",
        MAX_DAILY_LOSS_PCT="100", MAX_DRAWDOWN_PCT="0", PRODUCTS=",".join(names), TAKE_PROFIT_PCT="0.8",
        SCALP_TP_MIN_PCT="0.3", LOW_FUNDS=low_funds,
    )  # fmt: skip
    candles = [path(g, 160, name) for name in names]
    said = [(g.random(len(one)) < 0.8).astype(np.int8) for one in candles]
    prepared, model = engine.prepare(candles), MarketModel(maker_pct=0.05, taker_pct=0.1)
    fast = engine.run_lots(prepared, said, s, model)
    assert_same(fast, run_full(prepared, said, s, model))
    bought = fast.ints[:, t.T_STEPS] * fast.ints[:, t.T_OPEN_TICKS] * prepared.unit[fast.ints[:, t.T_PRODUCT]]
    assert (bought > 4000).any(), "some entries got their size"
    short = bought[bought < 4000]
    assert len(short) and ((short < 6) if low_funds == "retry" else (short > 1500)).all(), "others what there was"
    assert fast.account[t.A_CASH] >= 0


@pytest.mark.parametrize("products", [1, 2])
def test_quiet_bars_change_nothing(products: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes in one sweep is what comes out where every time is looked at in full."""
    g = np.random.default_rng(40 + products)
    for _ in range(8):
        candles = [path(g, 1700, name, sigma=0.001) for name in ("BTC-USD", "ETH-USD")[:products]]
        buys = [(g.random(len(one)) < 0.05).astype(np.int8) for one in candles]
        s, model = draw_settings(g), draw_model(g)
        quick = engine.run_lots(engine.prepare(candles), buys, s, model)
        with monkeypatch.context() as patch:
            patch.setattr(lots, "skip_uneventful", lambda *_: None)
            slow = engine.run_lots(engine.prepare(candles, plain=True), buys, s, model, plain=True)
        quick.account[t.A_ALARM] = slow.account[t.A_ALARM] = 0.0  # a mark of the sweep's own
        assert bits(quick) == bits(slow), (s, model)
