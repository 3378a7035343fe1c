"""What goes into and comes out of the loops: named tuples of numbers and arrays, which the compiler takes as they are.

Prices are whole ticks, sizes whole steps, percentages percent, times seconds or milliseconds as named.
"""

from typing import Any, NamedTuple

# When a decision is carried out.
FILL_NEXT_OPEN = 0
FILL_CLOSE = 1
FILL_OHLC = 2

# SIZING.
SIZE_PERCENT = 0
SIZE_FIXED = 1
SIZE_VOLATILITY = 2
SIZE_KELLY = 3

# Why a lot was closed, beyond the rulebook's codes (bot.rules.codes): the data ended with the lot open.
EXIT_END = 9

# Columns of a lot's row of whole numbers.
T_PRODUCT = 0
T_OPENED_MS = 1
T_CLOSED_MS = 2
T_OPEN_TICKS = 3
T_EXIT_TICKS = 4  # of its last fill
T_STEPS = 5
T_REASON = 6
T_RUNNER = 7  # at the end
T_TAKE_TICKS = 8
T_OPEN_BAR = 9
T_CLOSE_BAR = 10
T_FILLS = 11  # of its exit
T_LEFT = 12  # steps not sold
T_INTS = 13

# Columns of a lot's row of real numbers, in quote currency but for the percentage.
T_PNL = 0
T_ENTRY_FEE = 1
T_EXIT_FEE = 2
T_TP_PCT = 3
T_PROCEEDS = 4
T_FLOATS = 5

# An open lot: whole numbers. `LoopState.lots[product, place, column]`, oldest first.
L_OPEN = 0
L_STEPS = 1
L_LEFT = 2
L_TAKE = 3
L_STOP = 4
L_PEAK = 5
L_RUNNER = 6
L_ACTIVE = 7
L_RESTING = 8  # 1 = its take rests as an order; 2 = that was cancelled for the exit that waits
L_REASON = 9  # an exit is decided and waits for its fill; 0 = none
L_OPENED_MS = 10
L_OPEN_BAR = 11
L_FILLS = 12
L_EXIT = 13  # ticks of its last sale
L_SIZE = 14

# An open lot: real numbers, `LoopState.reals`.
R_ENTRY_FEE = 0
R_EXIT_FEE = 1
R_PROCEEDS = 2
R_TP = 3
R_SIZE = 4

# A product: whole numbers, `LoopState.products[product, column]`.
P_FIRST = 0
P_END = 1
P_MIN_STEPS = 2
P_MIN_UNITS = 3
P_AT = 4  # the bar that opens next, or is open
P_OPENED = 5  # 1 = that bar is open
P_COUNT = 6
P_HELD = 7  # steps in all open lots
P_MARK = 8
P_LAST_ADD_MS = 9
P_PENDING = 10  # 1 = an entry waits for the next open
P_LOW = 11  # no lot changes while prices stay above this and below P_HIGH
P_HIGH = 12
P_ADD_BELOW = 13  # no scalp can be added above this price
P_DECIDED = 14  # exits that wait for their fill
P_SIZE = 15

# A product: real numbers, `LoopState.money`.
M_UNIT = 0  # quote value of one step at one tick
M_QUOTE = 1  # of the waiting entry
M_TP = 2
M_CAP = 3  # most steps held (MAX_BASE); 0 = no such limit
M_MOST = 4  # most money in the product (MAX_PRODUCT_USD); 0 = no such limit
M_SIZE = 5

# The job of a product held at a target weight: whole numbers, `HoldingPlans.jobs`.
J_SIDE = 0  # 1 buys, -1 sells, 0 = none
J_UNTIL_S = 1  # rests post-only until then
J_LIMIT = 2  # ticks at which it rests in the bar that is open; 0 = it does not
J_SIZE = 3

# What is wanted of it: real numbers, `HoldingPlans.wanted`.
W_TARGET = 0  # target weight after the newest closed bar, NaN = no opinion
W_CHANGE = 1  # quote currency that the job buys (> 0) or sells (< 0)
W_SIZE = 2

# The account: money and counters that a run moves.
A_CASH = 0
A_RESERVED = 1
A_DAY_EQUITY = 2
A_DAY_REALISED = 3
A_FEES = 4
A_TURNOVER = 5
A_REFUSED_FUNDS = 6
A_REFUSED_SIZE = 7
A_BREAKER_DAYS = 8
A_ENTRIES = 9
A_PEAK = 10
A_LOSSES = 11  # lost lots in a row
A_LATCHED_MS = 12  # the drawdown limit shut entries for good; 0 = it did not
A_WINS = 13  # what Kelly learns from: rulebook `kelly_memory`
A_DEFEATS = 14
A_GAINED = 15
A_LOST = 16
A_ALARM = 17  # while equity stays above this and below its peak, no limit of the day is reached
A_SIZE = 18

# The run's clock and counters: whole numbers, `LoopState.clock`.
K_LAST_MS = 0  # when the day was judged last; 0 = not yet
K_DAY_END_MS = 1  # when it turns
K_BREAKER = 2  # 1 = no entries until then
K_MADE = 3  # rows made
K_TIMES = 4  # times at which a bar closed
K_SIZE = 5


class BarArrays(NamedTuple):
    """Bars of all products one after the other. `signal`: 1 where the closed bar says BUY and entries are allowed, -1
    where it says SELL and SIGNAL_EXITS is on.

    `total`, `squares`: running sums of the log returns in units (rulebook `log_return_units`), empty without
    VOL_RISK_ADJUST. `slip`: market orders' slippage per bar in parts of the price, empty for none.
    """

    start_s: Any
    open: Any
    high: Any
    low: Any
    close: Any
    steps: Any  # volume in steps, float64
    signal: Any
    total: Any
    squares: Any
    slip: Any
    band: Any  # a bar's volatility in percent (SIZING=volatility), NaN where not known; empty for none
    size: Any  # 0..1, what the bar's regime makes of a size (REGIME_SCALES); empty for none


class RuleNumbers(NamedTuple):
    """The settings that decide, as numbers; names are the settings' own."""

    take_profit_pct: float
    runner_tp_mult: float
    scalp_mode: int
    scalp_factor: float
    scalp_dec_pct: float
    scalp_floor_pct: float
    scalp_decay: bool
    adverse_pct: float
    decay_lambda: float
    adverse_floor_pct: float
    pause_s: float
    pyramiding: bool
    stop_loss_pct: float
    trail_activate_pct: float
    trail_distance_pct: float
    max_lots: int
    max_total_lots: int
    risk_pct: float
    order_min: float
    funds_retry: bool
    max_order: float
    fixed_equity: float  # 0 = size by the account's equity
    vol_adjust: bool
    max_daily_loss_pct: float
    max_daily_loss: float
    mark_to_market: bool
    resting_take: bool
    edge_gate: bool
    min_edge_pct: float
    sizing: int
    fixed_quote: float
    target_day_pct: float
    bars_a_day: float
    kelly_confidence: float
    kelly_cap_pct: float
    max_total: float
    max_drawdown_pct: float
    max_losses: int
    max_vol_spike: float
    signal_exits: bool


class WeightBars(NamedTuple):
    """Bars of all products one after the other, for target weights. `buys`: 1 where purchases are allowed when the bar
    has closed. `weight`: what the strategy wants then, NaN = no opinion. `slip` as of `BarArrays`."""

    start_s: Any
    open: Any
    high: Any
    low: Any
    close: Any
    steps: Any  # volume in steps, float64
    buys: Any
    weight: Any
    slip: Any


class ExposureNumbers(NamedTuple):
    """The settings of target weights as numbers. `maker_s`: EXPOSURE_MAKER_SEC; `least_quote`: ORDER_MIN_USD."""

    max_pct: float
    band_pct: float
    maker_s: int
    least_quote: float


class Model(NamedTuple):
    """How the market answers. Fees in percent and in millionths of the notional."""

    fill: int
    granularity_s: int
    maker_pct: float
    taker_pct: float
    taker_ppm: int
    quote_increment: float
    half_spread_ticks: int
    impact: float  # slippage in parts of the price for an order as large as the bar's volume; grows with its root
    through: bool  # a resting take fills only when the price trades beyond it
    participation: float  # the part of a bar's volume that a resting take may get; 0 = all of it


class LoopState(NamedTuple):
    """What a run moves: open lots, products and the account. Few arrays: each one costs at every call."""

    lots: Any
    reals: Any
    products: Any
    money: Any
    account: Any
    clock: Any


class HoldingPlans(NamedTuple):
    """What a run of target weights moves beside `LoopState`: each product's job, and what is wanted of it."""

    jobs: Any
    wanted: Any


class Out(NamedTuple):
    """What a run leaves. Rows beyond the capacity are counted, not written: the caller runs again with more room."""

    ints: Any
    floats: Any
    equity: Any  # after every time at which a bar closed
    held: Any  # value of the open lots then
