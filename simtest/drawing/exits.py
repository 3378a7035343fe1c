"""Plans without a fault that buy by bids and close by every way there is: a runner at its trailing stop, the lot that
became the runner, a lot that a person closes, a flatten, and a stop that is pressed while a bid stands.

By chance each of these is met so seldom, and then so near to a fault or another command, that its rule would hardly be
judged. The times go by the bars: a bot of these plans buys in the first seconds of each minute.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from simtest.drawing.acts import Timed
from simtest.drawing.world import PRODUCTS

MARKETS = ("lively", "lively", "lively", "lively", "trend")
PRODUCTS_LEAST = 6
ROUND_S = 600  # what happens in a longer plan comes again after so long
# A take stands far away, so that lots live until their trailing stop; the activation is passed within a minute or two.
SETTINGS: Mapping[str, tuple[Any, ...]] = {
    "strategy": ("always",),
    "entry_order": ("maker",),
    "maker_timeout_sec": (30.0, 50.0),
    "take_profit_pct": (2.0, 5.0),
    "scalp_tp_min_pct": (0.5,),
    "stop_loss_pct": (1000.0, 3.0),
    "trail_activate_pct": (0.05, 0.1),
    "trail_distance_pct": (0.03, 0.08),
    "use_tick_price": (True,),
    "tick_interval_sec": (0.0, 1.0),
    "price_collar_pct": (5.0,),
    "risk_per_trade_pct": (0.5, 1.0),
    "sim_funds": (10_000.0,),
    "pyramid_min_seconds_between": (0.0,),
    "pyramid_min_adverse_pct": (0.0,),
    "pyramid_decay_min_pct": (0.0,),
}


def exit_world(random: Random, given: dict[str, Any]) -> dict[str, Any]:
    """The world of such a plan: a market that moves, and some products."""
    products = tuple(dict.fromkeys((*given["products"], *PRODUCTS)))[: max(PRODUCTS_LEAST, len(given["products"]))]
    return given | {"market": random.choice(MARKETS), "products": products}


def exit_settings(random: Random) -> dict[str, Any]:
    """What these plans set in any case."""
    return {name: random.choice(choices) for name, choices in SETTINGS.items()}


def exit_acts(random: Random, start_s: int, length_s: float) -> list[Timed]:
    """Each command far from the others, as only then is its effect judged without allowance.

    `start_s`: when the run begins, seconds since 1970.
    """
    first_bar_s = 60 - start_s % 60
    return [timed for at_s in range(0, int(length_s), ROUND_S) for timed in _round(random, at_s + first_bar_s)]


def _round(random: Random, begin_s: float) -> Iterator[Timed]:
    """`begin_s`: the end of a bar."""
    yield begin_s + random.uniform(233, 238), "close_lot"
    flatten_s = begin_s + random.uniform(342, 350)
    yield flatten_s, "flatten"
    yield flatten_s + random.uniform(50, 55), "start"
    for minute in (7, 8):
        yield begin_s + 60 * minute + random.uniform(-5, -1), "stop_at_bid"
        yield begin_s + 60 * minute + random.uniform(40, 45), "start"
