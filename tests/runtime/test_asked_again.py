"""What the process asks the exchange again: fees, its clock, and all of the account after a stream's return."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app import background_tasks
from bot.app.background_tasks import C_S, SERVER_TIME_S
from shared.documents.feeds import FeedsDoc
from shared.documents.state import decode_state
from shared.times import epoch_ms
from simulator.core import fees
from tests.runtime.test_supervision import poison, tasks
from tests.runtime.whole import RTT_S, Whole

EVERY_S = 10.0  # half an hour of the whole process would cost half a minute


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(tmp_path / "data", monkeypatch)
    yield made
    made.close()


def feeds(whole: Whole) -> FeedsDoc:
    found = decode_state(whole.paths.state.read_bytes()).feeds
    assert found is not None
    return found


def rates(whole: Whole) -> tuple[float, float]:
    """(maker, taker) as published, in percent."""
    account = decode_state(whole.paths.state.read_bytes()).account
    assert account is not None
    return account.maker_fee_pct, account.taker_fee_pct


def test_a_fee_tier_that_changes_while_the_bot_runs_is_the_one_that_counts(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_tasks, "C_S", EVERY_S)
    whole.begin()
    whole.trades()
    whole.drive(1.0)
    first = rates(whole)
    assert C_S == 1800, "half an hour, as the trading rules say"
    for maker_ppm, taker_ppm in ((1200, 3000), (4000, 7000)):
        venue = whole.exchange.exchange.venue
        venue.tiers = fees.schedule(maker_ppm, taker_ppm)
        venue.tier, venue.tier_checked_us = venue.tiers[0], 0
        whole.drive(EVERY_S + 2)
        now = rates(whole)
        assert now == (pytest.approx(maker_ppm / 10_000), pytest.approx(taker_ppm / 10_000)) != first


@pytest.mark.parametrize("ahead_s", [4.0, -3.0, 0.0])
def test_the_published_offset_is_the_exchanges_clock_minus_ours(whole: Whole, ahead_s: float) -> None:
    """Of a clock that is ahead it is negative; both at the start and where the clocks are compared again."""
    whole.begin()
    whole.clock.off_s = ahead_s
    whole.trades()
    for wait_s in (1.0, SERVER_TIME_S + 6):
        whole.drive(wait_s)
        offset_ms = feeds(whole).clock_offset_ms
        assert offset_ms == pytest.approx(-ahead_s * 1000, abs=RTT_S * 1000 + 1)
        there_ms = epoch_ms(whole.clock.utc()) + offset_ms
        assert there_ms == pytest.approx(whole.exchange.now_us / 1000, abs=200)


@pytest.mark.parametrize("name", ["stream-market", "stream-user"])
def test_a_stream_that_comes_back_is_followed_by_a_sync_at_once(whole: Whole, name: str) -> None:
    """What happened meanwhile came by no stream; the sync that is due anyway may be half a minute away."""
    whole.begin()
    whole.trades()
    whole.until(lambda: whole.bot.ws_ok, why="streams")
    before = syncs(whole)
    whole.until(lambda: syncs(whole) > before, 40, "a sync that was due")
    whole.drive(1.0)
    before = syncs(whole)
    assert poison(tasks(whole)[name])
    whole.until(lambda: whole.bot.ws_ok and any(s.health.reconnects for s in whole.bot.streams), 20, "down and back")
    whole.drive(1.0)
    assert syncs(whole) == before + 1


def syncs(whole: Whole) -> int:
    return whole.net.seen.count("GET /accounts")
