"""How much is bought and what it costs (docs/trading-rules.md §4 sizing, §5 PnL, §5a break-even).

Sizes are whole steps of the base increment, prices whole ticks of the price increment. `quote_units` count the
value of one step at one tick (price increment x base increment: 1e-10 USD for BTC-USD), so that
steps x ticks is a notional in whole units and a size is found in integers alone.
"""

from bot.rules.rounding import floor_units

PPM = 1_000_000
VOL_FACTOR_MIN = 0.25
VOL_FACTOR_MAX = 1.5
USEFUL_PART = 0.25


def vol_factor(sigma_long: float, sigma_short: float) -> float:
    """sigma(1440) / sigma(60) of one-minute log returns, clipped to 0.25..1.5 (§4); no unit.

    1 where there is no ratio: a sigma that is not known yet (NaN) or zero. A market that stands still gives no
    reason to buy more.
    """
    if not (sigma_long > 0.0 and sigma_short > 0.0):
        return 1.0
    return min(max(sigma_long / sigma_short, VOL_FACTOR_MIN), VOL_FACTOR_MAX)


def entry_quote(equity: float, risk_pct: float, order_min: float, factor: float) -> float:
    """Size of an entry in quote currency, fee included = max(ORDER_MIN_USD, risk/100 x equity x factor) (§4).

    `factor`: `vol_factor` with VOL_RISK_ADJUST, else 1.
    """
    return max(risk_pct * equity * factor / 100.0, order_min)


def funds_open(quote: float, available: float) -> bool:
    """True when the entry's quote fits into what is available after everything in flight (§4)."""
    return quote <= available


def capped_quote(quote: float, max_order: float) -> float:
    """`quote`, at most MAX_ORDER_USD; 0 = no such limit."""
    return min(quote, max_order) if max_order > 0.0 else quote


def useful_quote(quote: float, least: float) -> float:
    """The smallest part of an entry of `quote` that is worth making: a quarter of it, at least `least` (§4)."""
    return min(quote, max(quote * USEFUL_PART, least))


def affordable_quote(quote: float, least: float, available: float, retry: bool) -> float:
    """What is asked for: `quote`, else what LOW_FUNDS says, else 0: no third try (§4).

    `least`: ORDER_MIN_USD. `retry`: once `least` where that fits. Else all that is available where that is a useful
    part: a crumb beside full entries says nothing about the strategy, and its fees are as dear.
    """
    if funds_open(quote, available):
        return quote
    if retry:
        return least if funds_open(least, available) else 0.0
    return available if funds_open(useful_quote(quote, least), available) else 0.0


def quote_units(quote: float, unit: float) -> int:
    """`quote` in whole units of `unit` (the quote increment, or price increment x base increment), floored."""
    return floor_units(quote / unit)


def base_steps(units: int, price_ticks: int, taker_fee_ppm: int) -> int:
    """Size in steps that a quote of `units` buys, fee included = floor(quote / (1 + taker) / price) (§4). Exact.

    `units`: see `quote_units`. `taker_fee_ppm`: parts per million (0.90 % = 9,000). 0 for a price that is not
    positive. The size and its fee never cost more than the quote. The division is split so that no product
    overflows int64.
    """
    if price_ticks <= 0 or units <= 0:
        return 0
    divisor = PPM + taker_fee_ppm
    without_fee = (units // divisor) * PPM + (units % divisor) * PPM // divisor
    return without_fee // price_ticks


def is_dust(steps: int, price_ticks: int, min_steps: int, min_notional_units: int) -> bool:
    """True when a left-over cannot be sold: below the product's minimum size or minimum notional (§5)."""
    return steps < min_steps or steps * price_ticks < min_notional_units


def fee_quote(notional: float, fee_pct: float) -> float:
    """Fee in quote currency = notional x fee/100; only where the exchange states no commission (§5)."""
    return notional * fee_pct / 100.0


def pnl_quote(open_price: float, exit_price: float, base_size: float, entry_fee: float, exit_fee: float) -> float:
    """Realised result in quote currency = (exit - open) x base - entry fee - exit fee (§5)."""
    return (exit_price - open_price) * base_size - entry_fee - exit_fee


def break_even_price(open_price: float, entry_fee_pct: float, exit_fee_pct: float) -> float:
    """Price at which a lot earns nothing = open x (1 + entry/100) / (1 - exit/100); same unit as `open_price` (§5a)."""
    return open_price * (1.0 + entry_fee_pct / 100.0) / (1.0 - exit_fee_pct / 100.0)


def break_even_pct(entry_fee_pct: float, exit_fee_pct: float) -> float:
    """Rise in percent of the entry price that pays both fees (§5a): what each product shows."""
    return (entry_fee_pct + exit_fee_pct) / (1.0 - exit_fee_pct / 100.0)
