"""What seeds draw: every setting, every fault, every act, and plans that are calm but for one act."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.setting_table import RULES
from shared.settings import keys
from simtest.drawing import draw, kinds
from simtest.drawing.calm import ONE_ACTS
from simtest.drawing.settings import ALWAYS, FAMILIES, LOGISTIC, NOT_DRAWN, OWN_OPTIONS, PROFILES, STRATEGIES
from simtest.drawing.world import PRODUCTS, ZONES
from simtest.effective_settings import effective_settings
from simtest.plan import ACTS, FAULTS, Plan

SEEDS = 3000
MADE_ANEW = {"max_base", "trading_window_utc", "order_min_usd"}  # what is drawn depends on products, time and exchange


@cache
def drawn() -> list[Plan]:
    return [draw(seed, 10.0) for seed in range(SEEDS)]


def choices() -> dict[str, set[Any]]:
    """Setting → every value that may be drawn for it."""
    found: dict[str, set[Any]] = {
        "strategy": set(STRATEGIES),
        "profile": set(PROFILES),
        "kind": {"auto"},
        "signal_exits": {False},
    }
    ways = (kinds.WEIGHTS, kinds.SIGNALS, kinds.COMBINED, kinds.REGIMES, kinds.LATCHES, kinds.RATE, kinds.STREAK)
    for table in (ALWAYS, LOGISTIC, *ways, *(family.on for family in FAMILIES.values())):
        for name, values in table.items():
            if name != "product_caps":
                found.setdefault(name, set()).update(values)
    return found


def test_every_setting_that_changes_trading_is_drawn_or_has_its_reason() -> None:
    """What may change without a new permission for live orders changes nothing of what is traded."""
    known = {key.lower() for key, _, _ in keys()}
    harmless = {key.lower() for key, rule in RULES.items() if rule.harmless}
    made = choices().keys()
    assert known - harmless - made - NOT_DRAWN.keys() == set(), "a new setting: draw it, or say in NOT_DRAWN why not"
    assert (made | NOT_DRAWN.keys()) - known == set(), "no such setting"
    assert NOT_DRAWN.keys() & (made | harmless) == set(), "these need no reason here: take them off the list"


def test_a_drawn_setting_has_more_than_one_value() -> None:
    alone = {name for name, values in choices().items() if len(values) < 2}
    off = {name: value for family in FAMILIES.values() for name, value in family.off.items()}
    assert {name for name in alone if name not in off} <= {"granularity", "reduce_only", "regime", "scalp_tp_min_pct"}


def test_every_choice_comes_up() -> None:
    seen: dict[str, set[Any]] = {}
    for plan in drawn():
        for name, value in plan.settings.items():
            if not isinstance(value, dict):
                seen.setdefault(name, set()).add(value)
    missing = {name: values - seen.get(name, set()) for name, values in choices().items() if name not in MADE_ANEW}
    # Money caps are raised to fit below one another, and large accounts take a smaller share.
    fitted = {"max_order_usd", "max_product_usd", "max_total_usd", "fixed_order_usd", "risk_per_trade_pct"}
    assert {name: left for name, left in missing.items() if left and name not in fitted} == {}
    for name in MADE_ANEW | fitted:
        assert len(seen[name]) > 1, name
    own = {key for plan in drawn() for key in plan.settings.get("strategy_options", {})}
    assert own == {key for options in OWN_OPTIONS.values() for key in options}


@pytest.mark.parametrize("seed", range(0, SEEDS, 10))
def test_the_settings_of_a_seed_agree(seed: int) -> None:
    plan = drawn()[seed]
    made = effective_settings(plan.settings, plan.products, Path("/nowhere"), live=plan.live)
    assert made.profile == plan.settings["profile"] or plan.live


def test_a_contradiction_is_named() -> None:
    given = {"profile": "prod", "ma_fast": 30, "ma_slow": 10}
    with pytest.raises(ValueError, match="MA_FAST=30 must be below MA_SLOW=10"):
        effective_settings(given, ("BTC-USD",), Path("/nowhere"), live=False)


def test_each_kind_of_fault_is_off_in_most_seeds_and_on_in_some() -> None:
    """A kind that is always there would hide what only shows without it."""
    with_it = Counter(kind for plan in drawn() for kind in {window.kind for window in plan.windows})
    assert with_it.keys() == FAULTS.keys()
    assert all(0.05 < count / SEEDS < 0.4 for count in with_it.values()), with_it


def test_each_act_comes_up_and_none_in_every_seed() -> None:
    with_it = Counter(kind for plan in drawn() for kind in {act.kind for act in plan.acts})
    assert with_it.keys() == ACTS.keys()
    assert all(0.003 < count / SEEDS < 0.85 for count in with_it.values()), with_it


def test_one_plan_in_eight_is_calm_but_for_one_act() -> None:
    calm = [plan for plan in drawn() if plan.only]
    assert 0.10 <= len(calm) / SEEDS <= 0.15
    assert {plan.only for plan in calm} == set(ONE_ACTS)
    later = {"start", "reset_kill", "permit"}  # what a person does about it
    for plan in calm:
        kinds = {act.kind for act in plan.acts} - later
        assert not plan.windows and kinds == {"transfer" if plan.only == "loss" else plan.only}, plan.seed
    assert any(plan.settings["max_daily_loss_pct"] < 50 for plan in calm if plan.only == "loss")


def test_one_plan_in_ten_closes_its_lots_by_every_way() -> None:
    """Each command stands so far from the others that nothing excuses the bot from its effect."""
    plans = [plan for plan in drawn() if any(act.kind == "stop_at_bid" for act in plan.acts)]
    assert 0.08 <= len(plans) / SEEDS <= 0.12
    for plan in plans:
        assert not plan.windows and not plan.only and len(plan.products) >= 6, plan.seed
        at = {act.kind: act.at_s for act in reversed(plan.acts)}  # the first of each kind
        assert at["close_lot"] + 100 < at["flatten"] < at["start"] - 50 < at["stop_at_bid"] - 50, plan.seed
        assert (plan.start_s + at["stop_at_bid"]) % 60 > 54, "the next bar begins within seconds"
        assert plan.settings["trail_activate_pct"] < plan.settings["take_profit_pct"]


def test_an_edge_gate_is_drawn_with_ways_out_that_pay() -> None:
    """A trailing stop that may sell at a loss keeps every entry shut, and a bot that never buys shows nothing."""
    gated = [
        plan.settings for plan in drawn() if plan.settings.get("edge_gate") and "take_profit_order" in plan.settings
    ]
    assert len(gated) > SEEDS * 0.04
    for made in gated:
        fees = made["sim_taker_fee_pct"] + max(made["sim_taker_fee_pct"], made["sim_maker_fee_pct"])
        assert made["trail_activate_pct"] - made["trail_distance_pct"] > fees + made["min_edge_pct"], made


def test_a_watcher_goes_round_beside_some_bots() -> None:
    """It needs a state file as fresh as a real one."""
    watched = [plan for plan in drawn() if plan.watched]
    assert 0.03 <= len(watched) / SEEDS <= 0.05
    assert {plan.state_s for plan in watched} == {0.5}


def test_the_world_is_drawn() -> None:
    plans = drawn()
    assert {plan.zone for plan in plans} == set(ZONES.values())
    assert {len(plan.products) for plan in plans} >= {1, 2, 3, 5, 6, 8, 9}
    assert {product for plan in plans for product in plan.products} == set(PRODUCTS)
    assert {plan.settings["sim_queue_ms"] for plan in plans} == set(ALWAYS["sim_queue_ms"])
    assert 0.12 < sum(plan.live for plan in plans) / SEEDS < 0.22
    assert any(plan.deposits for plan in plans) and any(plan.listed for plan in plans)


def test_a_seed_is_drawn_alike_and_survives_its_file() -> None:
    for seed in range(0, SEEDS, 100):
        plan = draw(seed, 10.0)
        assert plan == drawn()[seed] and Plan.from_json(plan.to_json()) == plan
    assert draw(5, 10.0, "reject").mode == "reject"
