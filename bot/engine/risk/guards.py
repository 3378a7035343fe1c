"""The one list of guards, the beat that latches, and their state for the Risk page."""

from bot.engine.risk import correlation, errors, last_trips, losses, rate, trips
from bot.engine.risk import market_guards as market_of
from bot.engine.risk.exposure import base_cap, exposure_base, exposure_quote
from bot.engine.risk.guard import Band, Guard, Reading
from bot.engine.risk.sizing import entry_size_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.documents.risk import LimitDoc
from shared.figures import plainly


def _planned(state: EngineState, market: Market, product_id: str | None) -> float:
    return float(exposure_quote(state, product_id) + entry_size_quote(state, market))


def _base_used_pct(state: EngineState, market: Market) -> float | None:
    """Base units held, in flight and planned, in percent of MAX_BASE."""
    cap, mark = base_cap(state, market), market.mark
    if cap is None:
        return 0.0
    if mark is None:
        return None
    planned = exposure_base(state, market) + entry_size_quote(state, market) / mark
    return float(planned / cap * 100)


CONDITION_GUARDS: tuple[Guard, ...] = (
    Guard(
        "drawdown",
        "Drawdown from the peak",
        "%",
        lambda s: s.max_drawdown_pct,
        losses.drawdown_pct,
        "press Start after a look: it counts from there",
        latches=True,
    ),
    Guard(
        "loss_streak",
        "Losing lots in a row",
        "lots",
        lambda s: float(s.max_consecutive_losses),
        losses.loss_streak,
        "at 00:00 UTC, or press Start",
    ),
    Guard(
        "order_errors",
        "Orders refused or unanswered",
        "%",
        lambda s: s.max_error_rate_pct,
        errors.order_error_pct,
        "in ten minutes at most",
        broken=True,
    ),
    Guard(
        "api_errors",
        "Failed requests in a minute",
        "%",
        lambda s: s.max_api_error_pct,
        errors.api_error_pct,
        "when the exchange answers again",
        broken=True,
    ),
    Guard(
        "refusals",
        "Entries refused in a row",
        "",
        lambda _: float(errors.REFUSALS_MAX),
        errors.refusals,
        "after a pause, or press Start",
        broken=True,
        per_product=True,
    ),
    Guard(
        "vol_spike",
        "Volatility of the hour over the day",
        "x",
        lambda s: s.max_vol_spike,
        market_of.volatility_spike,
        "when the market calms down",
        per_product=True,
    ),
    Guard(
        "vol_low",
        "Volatility of a bar, least",
        "%",
        lambda s: s.vol_band_low_pct,
        market_of.bar_volatility_pct,
        "when the market moves",
        at_least=True,
        unknown_shuts=True,
        per_product=True,
    ),
    Guard(
        "vol_high",
        "Volatility of a bar, most",
        "%",
        lambda s: s.vol_band_high_pct,
        market_of.bar_volatility_pct,
        "when the market calms down",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
    Guard(
        "price_band",
        "Entry price off the last close, in volatilities",
        "x",
        lambda s: s.volatility_mult,
        market_of.off_last_close,
        "when the price is near the last close again",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
    Guard(
        "spread",
        "Spread",
        "%",
        lambda s: s.max_spread_pct,
        market_of.spread_pct,
        "when bid and ask come together",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
    Guard(
        "depth",
        "Offered at the best ask",
        "USD",
        lambda s: s.min_depth_usd,
        market_of.ask_depth_quote,
        "when more is offered",
        at_least=True,
        unknown_shuts=True,
        per_product=True,
    ),
    Guard(
        "impact",
        "Impact of the entry on the book",
        "bp",
        lambda s: s.max_impact_bp,
        market_of.entry_impact_bp,
        "when more is offered near the best ask; smaller entries have less impact",
        unknown_shuts=True,
        per_product=True,
        unknown="no order book of that depth",
    ),
)
EXPOSURE_GUARDS: tuple[Guard, ...] = (
    Guard(
        "exposure",
        "Money in the product with this entry",
        "USD",
        lambda s: s.max_product_usd,
        lambda state, market: _planned(state, market, market.instrument.product_id),
        "when a lot is closed",
        reaching_is_fine=True,
        per_product=True,
        limit_here=lambda state, market: state.settings.product_cap_usd(market.instrument.product_id),
    ),
    Guard(
        "cluster",
        "Exposure to correlated products, with this entry",
        "USD",
        lambda s: s.max_product_usd if s.correlation_limit else 0.0,
        lambda state, market: float(correlation.exposure_of_cluster(state, market) + entry_size_quote(state, market)),
        "when a lot of one of them is closed, or when they no longer correlate",
        reaching_is_fine=True,
        per_product=True,
        limit_here=correlation.cap,
        note=correlation.sentence,
    ),
    Guard(
        "exposure_total",
        "Money in all products with this entry",
        "USD",
        lambda s: s.max_total_usd,
        lambda state, market: _planned(state, market, None),
        "when a lot is closed",
        reaching_is_fine=True,
        per_product=True,
    ),
    Guard(
        "base_cap",
        "Base units with this entry, of MAX_BASE",
        "%",
        lambda s: 100.0 if s.max_base else 0.0,
        _base_used_pct,
        "when a lot is closed",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
)
GUARDS = CONDITION_GUARDS + EXPOSURE_GUARDS


def read(guard: Guard, state: EngineState, market: Market) -> Reading:
    """The guard's answer; one that raises refuses."""
    try:
        return guard.read(state, market)
    except Exception:  # fail closed: whatever went wrong, no entry
        return Reading(Band.TRIPPED, None, 0.0, False)


def tick(state: EngineState) -> None:
    """Once a second: what latches, latches until a person presses Start; what shuts for a while is written down."""
    if state.control.ready:
        trips.note(state, [guard for guard in GUARDS if not guard.latches], read)
    if state.control.entries_latched or not state.control.ready:
        return
    sent, most = rate.entries_per_minute(state), state.settings.max_orders_per_min
    if sent >= most:
        last_trips.seen(state, "orders_per_min")
        _latch(state, f"{sent} entries in a minute (at most {most})")
        return
    market = next(iter(state.markets.by_product.values()), None)
    if market is None:
        return
    for guard in GUARDS:
        if guard.latches:
            reading = read(guard, state, market)
            if not reading.approved:
                last_trips.seen(state, guard.name)
                value = f"{reading.value:.2f}" if reading.value is not None else "not known"
                _latch(state, f"{guard.title.lower()}: {value} {guard.unit} (limit {plainly(reading.limit)})")
                return


def _latch(state: EngineState, text: str) -> None:
    state.latch_entries(text)
    state.note("risk", f"no entry until Start is pressed: {text}", "bad")


def started(state: EngineState) -> None:
    """A person pressed Start: what waited for that begins anew."""
    market = next(iter(state.markets.by_product.values()), None)
    drawdown = next(guard for guard in GUARDS if guard.name == "drawdown")
    if market is not None and not read(drawdown, state, market).approved:
        losses.rebase_peak(state)
    losses.forgive(state)
    state.risk.refused_in_a_row.clear()
    state.risk.pauses.clear()
    state.risk.outcomes.clear()
    state.risk.entries_sent.clear()
    if state.journal.key_values.get("entries_sent"):
        state.save_value("entries_sent", "")


def limits(state: EngineState) -> list[LimitDoc]:
    """Each guard's state; of a product's guard the product that stands worst."""
    markets = list(state.markets.by_product.values())
    return [_limit(guard, state, markets) for guard in GUARDS] if markets else []


def _limit(guard: Guard, state: EngineState, markets: list[Market]) -> LimitDoc:
    readings = [(read(guard, state, market), market) for market in (markets if guard.per_product else markets[:1])]
    reading, market = max(readings, key=lambda pair: _badness(guard, pair[0]))
    shown_band = Band.WARN if reading.band is Band.UNKNOWN and not reading.approved else reading.band
    named = guard.per_product and len(markets) > 1 and reading.band is not Band.OFF
    where = guard.note(state, market) if guard.note is not None else market.instrument.product_id
    return LimitDoc(
        name=guard.name,
        title=guard.title,
        value=round(reading.value, 6) if reading.value is not None else None,
        limit=reading.limit or None,
        unit=guard.unit,
        state=shown_band.value,
        note=where if named else None,
        at_least=guard.at_least,
    )


_WORSE = {Band.OFF: 0, Band.OK: 1, Band.UNKNOWN: 2, Band.WARN: 3, Band.TRIPPED: 4}


def _badness(guard: Guard, reading: Reading) -> tuple[int, float]:
    value = reading.value or 0.0
    return _WORSE[reading.band], -value if guard.at_least else value
