"""Draws the plan of a seed. Each part has its own random stream, so that a new draw leaves the others as they were.

Swarm testing: each seed has only a random part of the kinds of fault, of the kinds of act and of the families of
settings, so that rare combinations occur and no kind hides another. One plan in eight is calm but for one act, one in
ten has no fault and closes its lots by every way there is. One in ten of the others holds its products at target
weights, half of them without a fault; one in twenty sells its lots on a SELL, one in thirty asks several strategies,
one in thirty minds regimes, and in one in twenty-five, without faults, so many purchases or losses shut entries. In
one in ten a person moves takes and stops by hand, half of them without a fault. A
watcher goes round beside the bot of one in twenty-five.
"""

from random import Random
from typing import Any

from simtest.drawing import by_hand, calm, exits, kinds
from simtest.drawing.acts import Timed, in_order, many, permits
from simtest.drawing.settings import PROFILES, settings, shipped, some_families
from simtest.drawing.windows import windows
from simtest.drawing.world import PRODUCTS, skew_ms, world
from simtest.plan import Plan

CALM, EXITS, QUIET, LIVE, SHIPPED, WATCHED = 1 / 8, 1 / 10, 0.02, 1 / 6, 0.05, 1 / 25
# Other ways to trade (`drawing.kinds`), with the share of the plans that have each.
WAYS = {"weights": 1 / 10, "latches": 1 / 25, "signals": 1 / 20, "combined": 1 / 30, "regimes": 1 / 30}
CANARY_S = 14 * 3600 - 180  # the canary trades from 14:00 to 15:00 UTC


def draw(seed: int, minutes: float, mode: str | None = None) -> Plan:
    """The plan of a seed. The same seed gives the same plan for the same length and mode."""
    kind = Random(f"kind/{seed}")
    length_s, chance = minutes * 60, kind.random()
    is_live, is_shipped, profile = kind.random() < LIVE, kind.random() < SHIPPED, kind.choice(PROFILES)
    given = world(Random(f"world/{seed}"), minutes)
    if closes := CALM <= chance < CALM + EXITS:
        is_shipped, given = False, exits.exit_world(kind, given)
    if is_shipped and profile == "canary":
        given["products"] = ("BTC-USD",)
        given["start_s"] += CANARY_S - given["start_s"] % 86_400 + kind.randrange(1800)
    way, ways = ("", kind) if closes else _way(seed, is_calm=chance < CALM)
    is_shipped &= way != "latches"
    undisturbed = way == "latches" or (way == "weights" and ways.random() < 1 / 2)
    hands, hand = by_hand.drawn(seed)
    hands &= chance >= CALM and not closes and way not in ("weights", "latches")
    undisturbed |= hands and hand.random() < by_hand.UNDISTURBED
    quiet = chance < CALM + EXITS + QUIET or undisturbed
    only, timed = "", list[Timed]()
    if chance < CALM:
        only, timed = calm.one_act(Random(f"calm/{seed}"), length_s)
        is_live |= only == "permission_end"
    elif closes:
        timed = exits.exit_acts(Random(f"exits/{seed}"), given["start_s"], length_s)
    elif way == "latches":
        timed = kinds.latch_acts(ways, length_s)
    elif not quiet:
        given["windows"] = windows(Random(f"windows/{seed}"), length_s)
        timed = many(Random(f"acts/{seed}"), length_s, 86_400 - given["start_s"] % 86_400)
    if hands:
        timed += by_hand.hand_acts(hand, length_s)
    if is_live:
        timed += [(1.0, "permit")] if only or closes else permits(Random(f"live/{seed}"), length_s)
    random = Random(f"settings/{seed}")
    if is_shipped and not only:
        made = shipped(random, profile)
    else:
        plain = only or closes or (way in ("weights", "latches") and quiet)
        families = ["day loss"] if only == calm.LOSS else [] if plain else some_families(random)
        made = settings(random, families, given["products"], given["start_s"], float(given["quote_min"]))
        if closes:
            made |= exits.exit_settings(Random(f"exits/{seed}"))
        made |= kinds.settings_of(way, ways, made)
    given |= {"settings": made, "listed": _listed(Random(f"listed/{seed}"), given["products"], made)}
    given["skew_ms"] = skew_ms(Random(f"skew/{seed}"))
    if Random(f"watched/{seed}").random() < WATCHED:
        given |= {"watched": True, "state_s": 0.5}
    if mode is not None:
        given["mode"] = mode
    acts = in_order(Random(f"args/{seed}"), timed, length_s)
    return Plan(seed=seed, minutes=minutes, acts=acts, live=is_live, only=only, **given)


def _way(seed: int, *, is_calm: bool) -> tuple[str, Random]:
    """(the other way to trade that a plan has, or none; what draws the rest of it). A calm plan reaches no limit."""
    for way, share in WAYS.items():
        random = Random(f"{way}/{seed}")
        if random.random() < share and not (is_calm and way == "latches"):
            return way, random
    return "", Random()


def _listed(random: Random, products: tuple[str, ...], made: dict[str, Any]) -> tuple[str, ...]:
    """The scanner has more products to pick from than those that are set."""
    if not made.get("scanner_max_products"):
        return ()
    return tuple([product for product in PRODUCTS if product not in products][: random.randrange(1, 3)])
