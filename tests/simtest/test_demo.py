"""What a new user sees in the first half hour: the whole bot with the defaults of profile dev on the lively market.

Fifty users are `python -m simtest.demo`; here a few, for what nearly each of them must see.
"""

import pytest

from simtest.demo import FirstHalfHour, new_user, show


@pytest.fixture(scope="module")
def users() -> list[FirstHalfHour]:
    return [show(seed, 20.0) for seed in (1, 2, 3)]


def test_a_new_user_sees_an_entry_and_an_exit_and_keeps_the_money(users: list[FirstHalfHour]) -> None:
    for user in users:
        assert user.failure is None
        assert user.first_entry is not None and user.first_entry <= 5
        assert user.first_exit is not None and user.first_exit <= 20
        assert -2 < user.account_pct < 2 and user.drawdown_pct < 3


def test_no_entry_is_a_crumb(users: list[FirstHalfHour]) -> None:
    """Each is a good part of RISK_PER_TRADE_PCT, which volatility scales."""
    wished = 10_000 * new_user().settings.risk_per_trade_pct / 100
    assert all(lot.cost > wished * 0.25 * 0.25 for user in users for lot in user.lots)


def test_what_each_way_out_gives_pays_its_fees_but_the_stops() -> None:
    s = new_user().settings
    entry, take, out = s.sim_taker_fee_pct, s.sim_maker_fee_pct, s.sim_taker_fee_pct
    assert s.stop_loss_pct < 10, "a default stop"
    assert s.scalp_tp_min_pct >= entry + take * (1 + s.scalp_tp_min_pct / 100) + s.min_edge_pct
    worst = ((1 + s.trail_activate_pct / 100) * (1 - s.trail_distance_pct / 100) - 1) * 100
    assert worst >= entry + out * (1 + worst / 100) + s.min_edge_pct
