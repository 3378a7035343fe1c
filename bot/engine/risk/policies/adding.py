"""When a scalp may be added: after the pause, and once the price has fallen far enough (docs/trading-rules.md §4).

Two policies of one rule: both count from the last addition.
"""

from bot.engine.risk.policy import OPEN, SHUT, UNKNOWN, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.entries import add_anchor_ms, adverse_limit_ticks, adverse_need_pct, adverse_open, pause_open
from shared.figures import plainly
from shared.market_pace import market_pace
from shared.money import from_units


def _anchor_ms(state: EngineState, market: Market) -> int:
    lots = state.positions.lots.of(market.instrument.product_id)
    return add_anchor_ms(
        market.last_add_ms, lots[0].opened_ms if lots else 0, state.clock.now_ms - state.clock.now_ms % 86_400_000
    )


def _pause(state: EngineState, market: Market) -> Gate:
    name, title = "pause", "Pause between entries"
    least, pace = state.settings.pyramid_min_seconds_between, market_pace(state.settings)
    if not state.positions.lots.of(market.instrument.product_id) or least == 0:
        return Gate(name, title, OPEN, "none needed", None)
    since_s = (state.clock.now_ms - _anchor_ms(state, market)) / 1000 * pace
    verdict = OPEN if pause_open(since_s, least) else SHUT
    wait = f"in {(least - since_s) / pace:.0f} s"
    return Gate(name, title, verdict, f"{since_s:.0f} s", f"≥ {plainly(least)} s", wait)


def _adverse(state: EngineState, market: Market) -> Gate:
    name, title = "adverse", "Adverse move"
    lots = state.positions.lots.of(market.instrument.product_id)
    if not lots:
        return Gate(name, title, OPEN, "flat", None)
    s, price = state.settings, market.judged_price
    if price is None:
        return Gate(name, title, UNKNOWN, "no price yet", None, "with the first price")
    minutes = (state.clock.now_ms - _anchor_ms(state, market)) / 60_000 * market_pace(s)
    need = adverse_need_pct(minutes, s.pyramid_min_adverse_pct, s.pyramid_decay_lambda, s.pyramid_decay_min_pct)
    ticks, last_ticks = market.instrument.ticks(price), lots[-1].open_ticks
    move_pct = (ticks / last_ticks - 1) * 100
    verdict = OPEN if adverse_open(ticks, last_ticks, need) else SHUT
    at = from_units(adverse_limit_ticks(last_ticks, need), market.instrument.price_increment)
    lower_pct = float((price - at) / price * 100)
    opens = f"at {at:,f}, {lower_pct:.2f} % lower"
    return Gate(name, title, verdict, f"{move_pct:+.2f} %", f"≤ −{need:.2f} %", opens)


PAUSE = RiskPolicy(
    "pause",
    "Pause between entries",
    "Of a scalp: seconds since the last entry of the product",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("PYRAMID_MIN_SECONDS_BETWEEN",),
    judge=_pause,
    of_lots=True,
)
ADVERSE = RiskPolicy(
    "adverse",
    "Adverse move",
    "For a scalp: fall of the price since the newest lot; the required fall decays with time",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("PYRAMID_MIN_ADVERSE_PCT", "PYRAMID_DECAY_LAMBDA", "PYRAMID_DECAY_MIN_PCT"),
    judge=_adverse,
    of_lots=True,
)
