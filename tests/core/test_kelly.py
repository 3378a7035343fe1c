"""Kelly's size: monotone, capped, nothing without an edge, unknown with few trades, the compiled rule to the bit."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from bot.engine.risk.kelly import KellyBound, KellyRequest, kelly_size
from bot.engine.risk.sizing import entry_size_quote
from bot.engine.state.recovered import RecoveredState
from bot.engine.state.risk import Results, RiskMemory
from bot.rules.position_sizing import kelly_wish
from tests.core.harness import D, Rig

ASKED = KellyRequest(
    symbol="BTC-USD", strategy="trend", price=100.0, portfolio_value=10_000.0, trades=50.0, win_rate=0.6,
    average_win=1.2, average_loss=1.0, confidence=0.5, cap_pct=20.0,
)  # fmt: skip
RATES, SIZES = some.floats(0, 1), some.floats(0.01, 100)
REQUESTS = some.builds(
    KellyRequest, symbol=some.just("BTC-USD"), strategy=some.just("trend"), price=some.none() | some.floats(0.01, 1e6),
    portfolio_value=some.floats(0, 1e9), trades=some.floats(0, 1000), win_rate=RATES, average_win=some.none() | SIZES,
    average_loss=some.none() | SIZES, confidence=RATES, cap_pct=some.floats(0, 100), order_min=some.floats(0, 100),
    regime=some.just("up-calm"), regime_scale=RATES,
)  # fmt: skip


def fraction(**changes: Any) -> float:
    found = kelly_size(replace(ASKED, **changes)).fraction
    assert found is not None
    return found


def test_by_hand() -> None:
    answer = kelly_size(ASKED)
    full = 0.6 - 0.4 / 1.2
    assert answer.full == pytest.approx(full) and answer.fraction == pytest.approx(full / 2)
    assert answer.quote == pytest.approx(10_000 * full / 2) and answer.base == pytest.approx(answer.quote / 100)
    assert answer.bound is KellyBound.NONE and answer.sentence == "13.33 % of equity; full Kelly is 26.67 %"
    capped = kelly_size(replace(ASKED, cap_pct=5.0, regime="down-wild", regime_scale=0.5))
    assert (capped.fraction, capped.quote, capped.bound) == (0.025, 250.0, KellyBound.CAP)
    assert "held by the cap" in capped.sentence
    assert kelly_size(replace(ASKED, price=None)).base is None
    # Money or percent: only the ratio of the averages counts.
    assert fraction(average_win=12.0, average_loss=10.0) == pytest.approx(fraction())


@given(RATES, RATES, SIZES, SIZES)
def test_a_better_win_rate_never_makes_it_smaller(low: float, high: float, win: float, loss: float) -> None:
    low, high = min(low, high), max(low, high)
    known = {"average_win": win, "average_loss": loss}
    assert fraction(win_rate=low, **known) <= fraction(win_rate=high, **known)


@given(RATES, SIZES, SIZES, SIZES)
def test_a_better_payoff_never_makes_it_smaller(rate: float, win: float, more: float, loss: float) -> None:
    small, large = min(win, more), max(win, more)
    assert fraction(win_rate=rate, average_win=small, average_loss=loss) <= fraction(
        win_rate=rate, average_win=large, average_loss=loss
    )
    assert fraction(win_rate=rate, average_win=loss, average_loss=large) <= fraction(
        win_rate=rate, average_win=loss, average_loss=small
    )


@given(RATES, SIZES, SIZES)
def test_without_an_edge_it_is_nothing(rate: float, win: float, loss: float) -> None:
    assume(rate * win < (1 - rate) * loss * (1 - 1e-9))
    answer = kelly_size(replace(ASKED, win_rate=rate, average_win=win, average_loss=loss, order_min=5.0))
    assert (answer.fraction, answer.full, answer.bound, answer.quote) == (0.0, 0.0, KellyBound.NO_EDGE, 5.0)


@given(REQUESTS)
def test_it_never_exceeds_its_cap_nor_the_confidence(r: KellyRequest) -> None:
    answer = kelly_size(r)
    if r.trades < 30:
        assert (answer.fraction, answer.full, answer.quote, answer.base) == (None, None, None, None)
        assert answer.bound is KellyBound.FEW_TRADES
        assert answer.sentence == f"not known: {math.floor(r.trades)} of 30 closed trades so far"
        return
    assert answer.fraction is not None and answer.full is not None and answer.quote is not None
    assert 0.0 <= answer.fraction <= r.cap_pct / 100 and answer.fraction <= answer.full * r.confidence + 1e-15
    assert answer.fraction <= r.regime_scale
    most = max(r.portfolio_value * r.cap_pct / 100, r.order_min)
    assert r.order_min <= answer.quote <= most * (1 + 1e-12)


@given(some.floats(0.5, 300), some.floats(0.5, 300), SIZES, SIZES, some.floats(0, 1e6), RATES, some.floats(0.01, 100))
def test_it_is_the_rule_of_the_backtest_to_the_bit(
    wins: float, losses: float, gained: float, lost: float, equity: float, confidence: float, cap: float
) -> None:
    assume(wins + losses >= 30)
    asked = replace(
        ASKED, trades=wins + losses, win_rate=wins / (wins + losses), average_win=gained / wins,
        average_loss=lost / losses, confidence=confidence, cap_pct=cap, portfolio_value=equity, order_min=5.0,
    )  # fmt: skip
    wished = kelly_wish(equity, 1.0, wins, losses, gained, lost, confidence, cap, 5.0)
    assert kelly_size(asked).quote == wished


@pytest.mark.parametrize(
    "changes", [{"win_rate": 1.1}, {"win_rate": -0.1}, {"average_loss": -1.0}, {"confidence": math.nan},
                {"regime_scale": 1.5}, {"cap_pct": 101.0}, {"trades": -1.0}, {"portfolio_value": math.inf}]
)  # fmt: skip
def test_what_cannot_be_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        replace(ASKED, **changes)


def test_the_bot_publishes_what_its_size_is_made_of() -> None:
    results = Results(wins=30, losses=20, gained_pct=36.0, lost_pct=20.0)
    restored = RecoveredState(key_values={"results": RiskMemory(results=results).results_text()})
    rig = Rig(sizing="kelly", kelly_confidence=0.5, kelly_cap_pct=20.0, restored=restored)
    rig.price("100")
    shown = rig.engine.view.risk.document().kelly
    assert shown is not None and shown.trades == 50.0 and shown.win_rate == 0.6 and shown.bound == "none"
    assert (shown.average_win_pct, shown.average_loss_pct) == (1.2, 1.0)
    assert shown.fraction is not None
    assert rig.asked(entry_size_quote, "BTC-USD") == pytest.approx(D(str(10_000 * shown.fraction)), abs=D("0.01"))
    few = Rig(sizing="kelly").engine.view.risk.document().kelly
    assert few is None or (few.fraction is None and "0 of 30" in few.sentence)
    assert Rig().engine.view.risk.document().kelly is None
