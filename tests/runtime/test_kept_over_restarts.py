"""What must be there after a restart, by the real ledger: the peak, the rate, how runs ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app.process import EXIT_CRASH, EXIT_OK
from shared.documents.account import AccountDoc
from shared.documents.state import BotState, decode_state
from shared.documents.status import Status
from tests.runtime.bot_rig import BotRig
from tests.runtime.trades import bar
from tests.runtime.whole import Whole

SAFE_STARTS = 3


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(
        tmp_path / "data", monkeypatch, risk_per_trade_pct=40.0, max_order_usd=0.0, max_daily_loss_pct=100.0,
        max_product_usd=0.0, max_total_usd=0.0, safe_starts=SAFE_STARTS,
    )  # fmt: skip
    yield made
    made.close()


def published(whole: Whole) -> BotState:
    return decode_state(whole.paths.state.read_bytes())


def account(whole: Whole) -> AccountDoc:
    found = published(whole).account
    assert found is not None
    return found


# What the engine remembers.


def test_the_drawdown_is_still_measured_from_the_peak_before_the_restart(whole: Whole) -> None:
    """The fees of two large purchases are the fall: from a peak that began anew there would be none."""
    whole.begin()
    whole.trades()
    whole.drive(1.0)
    whole.until(lambda: account(whole).drawdown_pct > 0.3, why="a fall")
    whole.paths.control.write_text('{"command": "pause"}')
    whole.drive(15)
    before = account(whole)
    for _ in range(2):
        whole.die()
        whole.begin()
        whole.trades()
        whole.drive(1.0)
        now = account(whole)
        assert now.peak_equity == before.peak_equity
        assert now.drawdown_pct == pytest.approx((1 - now.equity / now.peak_equity) * 100, abs=1e-6)
        assert now.drawdown_pct > 0.3


def orders_in_the_minute(rig: BotRig) -> float | None:
    assert rig.bot.engine is not None
    limits = rig.bot.engine.view.risk.document().limits
    return next(limit.value for limit in limits if limit.name == "orders_per_min")


async def test_a_restart_is_no_way_round_the_orders_in_a_minute(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data")
    rig.begin()
    assert len(bar(rig, "buy")) == 1 and orders_in_the_minute(rig) == 1
    rig.clock.turn(20)
    rig.begin()
    assert orders_in_the_minute(rig) == 1
    rig.clock.turn(61)
    rig.begin()
    assert orders_in_the_minute(rig) == 0


# How a run ended.


def one_life(whole: Whole, *, crashes: bool) -> BotState:
    """A life that ends by itself a few seconds after it trades; what it published before."""
    life = whole.begin()
    whole.trades()
    whole.drive(1.0)
    found = published(whole)
    assert whole.process is not None
    if crashes:
        whole.bot.fail(RuntimeError("a part died"))
    else:
        whole.process.stop.set()
    whole.until(life.done, 10, "the end")
    assert life.result() == (EXIT_CRASH if crashes else EXIT_OK)
    whole.die()
    return found


def test_crashes_in_a_row_end_in_safe_mode(whole: Whole) -> None:
    for _ in range(SAFE_STARTS):
        assert one_life(whole, crashes=True).status is Status.RUNNING
    safe = one_life(whole, crashes=False)
    assert safe.status is Status.SAFE and not [p for p in whole.net.seen if p == "POST /orders"]


def test_clean_ends_in_a_row_do_not(whole: Whole) -> None:
    for _ in range(SAFE_STARTS + 2):
        assert one_life(whole, crashes=False).status is Status.RUNNING
