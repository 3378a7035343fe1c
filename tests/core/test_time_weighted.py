"""Money that moved is neither gain nor loss; there is one drawdown, and it outlives a restart."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.engine.account import balance_reconciliation
from bot.engine.state.equity_curve import EquityCurve
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import TradingState
from tests.core.harness import START_MS, D, Rig, one, places, product, sells

QUIET_MS = 4_000


def told(rig: Rig, **changes: str) -> None:
    """The exchange shows so much more of each currency, twice in a row: the bot believes it."""
    now = dict(rig.view.account.totals)
    for currency, change in changes.items():
        now[currency] = now.get(currency, D(0)) + D(change)
    balances = tuple(Balance(currency, total, D(0)) for currency, total in now.items())
    for _ in range(2):
        rig.now_ms += QUIET_MS
        rig.send(ev.BalanceReport(balances, rig.now_ms))


def adopt(rig: Rig) -> None:
    rig.command(Cmd.ADOPT, f"a{rig.now_ms}", differences=str(rig.view.records.values["differences"]))


def shown(rig: Rig) -> Any:
    account = rig.view.account.document()
    assert account is not None
    return account


def restarted(rig: Rig, price: str, **terms: Any) -> Rig:
    """A new life on what the ledger kept, with the account and the market as they are."""
    totals = {currency: str(total) for currency, total in rig.view.account.totals.items()}
    cash, kept = totals.pop("USD"), rig.restored()
    return Rig(cash=cash, holdings=totals, restored=kept, now_ms=rig.now_ms + 1000, list_price=price, **terms)


def lossy(**changes: Any) -> Rig:
    """An account of 10,000 of which half is in BTC that fell by 20 %: 10 % below its peak."""
    rig = Rig(max_daily_loss_pct=100.0, take_profit_order="market", **changes)
    rig.open_runner(size="50", price="100")
    rig.tick()
    rig.price("80")
    rig.tick()
    assert shown(rig).drawdown_pct == pytest.approx(10.0)
    return rig


@pytest.mark.parametrize("change", ["4970", "-3000"])
def test_a_transfer_neither_raises_nor_lowers_drawdown_curve_or_result(change: str) -> None:
    rig = lossy()
    before, result = shown(rig), rig.view.account.pnl_today
    told(rig, USD=change)
    for step in ("found", "adopted", "a second later", "after a restart"):
        now = shown(rig)
        assert now.equity == before.equity + float(change), step
        assert now.drawdown_pct == pytest.approx(before.drawdown_pct, abs=1e-9), step
        assert now.curve == pytest.approx(before.curve, abs=1e-12) and now.day_pnl == float(result), step
        limit = next(limit for limit in rig.view.risk.document().limits if limit.name == "drawdown")
        assert limit.value == pytest.approx(now.drawdown_pct, abs=1e-6), step
        if step == "found":
            assert now.waiting_value == float(change) and now.transfers == 0
            adopt(rig)
        elif step == "adopted":
            assert now.waiting_value == 0 and now.transfers == now.day_transfers == float(change)
            rig.tick()
        elif step == "a second later":
            rig = restarted(rig, "80", max_daily_loss_pct=100.0, take_profit_order="market")


def test_the_loss_after_a_deposit_is_measured_on_the_money_that_is_there() -> None:
    rig = lossy()
    told(rig, USD="9000")
    adopt(rig)
    assert shown(rig).drawdown_pct == pytest.approx(10.0)
    rig.price("62")  # 900 of 18,000: a further 5 %
    rig.tick()
    assert shown(rig).drawdown_pct == pytest.approx(100 * (1 - 0.9 * 0.95))
    assert shown(rig).curve == pytest.approx(0.9 * 0.95)


def test_a_deposit_does_not_free_a_latched_drawdown_and_a_withdrawal_does_not_latch() -> None:
    rig = lossy(max_drawdown_pct=10.0)
    rig.tick()
    assert "drawdown" in (rig.view.control.entries_latched or "")
    told(rig, USD="100000")
    adopt(rig)
    rig.tick()
    assert not places(rig.bar("buy", "80")) and shown(rig).drawdown_pct == pytest.approx(10.0)
    other = lossy(max_drawdown_pct=10.5)
    told(other, USD="-4900")
    adopt(other)
    other.tick()
    assert other.view.control.entries_latched is None


def test_money_that_was_all_taken_out_and_comes_back_finds_its_drawdown_again() -> None:
    rig = Rig(max_daily_loss_pct=100.0)
    rig.tick()
    rig.lose("0.05")
    rig.tick()
    told(rig, USD="-9500")
    adopt(rig)
    rig.tick()
    assert shown(rig).equity == 0 and shown(rig).drawdown_pct == pytest.approx(5.0)
    told(rig, USD="2000")
    adopt(rig)
    rig.tick()
    assert shown(rig).drawdown_pct == pytest.approx(5.0) and shown(rig).curve == pytest.approx(0.95)


def test_a_day_that_began_without_money_is_judged_by_what_was_paid_in() -> None:
    """Two percent of nothing is no loss: a new account would be shut until the next UTC day before it began."""
    rig = Rig(cash="0", take_profit_order="market")
    rig.tick(3)
    day = rig.view.account.day
    assert day is not None and day.start_equity == 0 and day.breaker_ms is None
    told(rig, USD="10000")
    adopt(rig)
    rig.tick()
    rig.open_runner(size="50", price="100")
    rig.price("96.1")  # 195 of 10,000
    rig.tick()
    assert rig.view.account.day is not None and rig.view.account.day.breaker_ms is None
    rig.price("95.9")
    rig.tick()
    assert rig.view.account.day.breaker_ms is not None
    loss = next(limit for limit in rig.view.risk.document().limits if limit.name == "day_loss")
    assert loss.value == pytest.approx(2.05)


def test_the_gain_of_coins_that_wait_to_be_adopted_is_no_gain_of_ours() -> None:
    rig = Rig()
    rig.tick()
    told(rig, BTC="10")
    rig.price("150")
    rig.tick()
    assert shown(rig).equity == 11_500 and shown(rig).waiting_value == 1500
    assert (shown(rig).curve, shown(rig).drawdown_pct, shown(rig).day_pnl) == (1, 0, 0)
    adopt(rig)
    rig.price("135")
    rig.tick()
    assert shown(rig).curve == pytest.approx(11_350 / 11_500) and shown(rig).transfers == 1500


def test_coins_adopted_before_they_had_a_price_are_a_transfer_when_one_comes() -> None:
    rig = Rig()
    rig.tick()
    told(rig, ETH="2")
    adopt(rig)
    rig.tick()
    assert shown(rig).transfers == 0 and shown(rig).equity == 10_000
    after = restarted(rig, "100")
    after.send(ev.InstrumentList((product("ETH-USD", price=D(500)),)))
    assert (shown(after).equity, shown(after).day_pnl, shown(after).curve) == (11_000, 0, 1)
    after.tick()
    now = shown(after)
    assert (now.equity, now.day_pnl, now.curve, now.day_transfers, now.waiting_value) == (11_000, 0, 1, 1000, 0)
    after.send(ev.InstrumentList((product("ETH-USD", price=D(450)),)))
    after.tick()
    assert shown(after).day_pnl == -100, "from then on it is held like the rest"


def test_what_came_while_the_bot_was_down_is_booked_once() -> None:
    """Adopting names what is known; what is not sure yet waits on, and is not booked with it."""
    first = Rig()
    first.tick()
    told(first, USD="100")
    after = Rig(cash="10350", restored=first.restored(), now_ms=first.now_ms + 60_000)
    assert shown(after).waiting_value == 350
    after.command(Cmd.ADOPT, "a1", differences="USD +100")
    assert shown(after).day_transfers == 100 and shown(after).waiting_value == 250 and shown(after).day_pnl == 0


def test_a_peak_that_is_over_within_ten_seconds_outlives_a_restart() -> None:
    rig = Rig(take_profit_order="market", trail_activate_pct=90.0)
    rig.open_runner(size="10", price="100")
    rig.tick(11)
    rig.price("140")
    rig.tick()
    rig.price("100")
    rig.tick(11)
    peak = rig.view.account.peak_equity
    assert EquityCurve.restored(rig.restored().key_values).peak_equity == peak > 10_300
    assert restarted(rig, "100").view.account.peak_equity == peak


@pytest.mark.parametrize("facts", [{"peak_equity": "10400"}, {"peak_equity": "10400", "curve": "1 9000 1"}])
def test_the_peak_of_an_older_ledger_is_taken_over(facts: dict[str, str]) -> None:
    """Also where an older version ran in between, which moves the peak and knows no curve."""
    rig = Rig(restored=RecoveredState(key_values=facts))
    rig.tick()
    assert shown(rig).peak_equity == 10_400 and shown(rig).drawdown_pct == pytest.approx(100 * 400 / 10_400)


def test_the_peak_of_an_older_ledger_that_moved_it_when_a_difference_was_found() -> None:
    facts = {"peak_equity": "15000", "differences": "USD +5000", "balances": f"{START_MS - 9}|USD=14000|"}
    rig = Rig(cash="14000", restored=RecoveredState(key_values=facts))
    rig.tick()
    assert shown(rig).drawdown_pct == pytest.approx(10.0)


def test_a_fill_after_midnight_belongs_to_the_new_day_before_the_second_hand_moved() -> None:
    midnight = START_MS + 12 * 3_600_000
    rig = Rig(now_ms=midnight - 60_000, take_profit_order="market")
    rig.open_runner(size="1", price="100")
    sale = one(sells(rig.price("200")))
    rig.accept(sale)
    rig.now_ms = midnight + 300
    rig.fill(sale, "1", "200", fee="1")
    assert rig.view.account.day is not None and rig.view.account.day.day == "2026-11-21"
    assert (rig.view.account.day.fees, rig.view.account.day.realized) == (1, 99)


# Whatever happens, against a calculation of its own.


@dataclass
class Unit:
    """Chain-linked returns over every judged second, in floats: each return leaves out what moved since."""

    value: float = 1.0
    peak: float = 1.0
    last: float = 10_000.0
    moved: float = 0.0
    drawdowns: list[float] = field(default_factory=list)

    def judged(self, equity: float) -> None:
        self.value *= (equity - self.moved) / self.last
        self.last, self.moved = equity, 0.0
        self.peak = max(self.peak, self.value)

    @property
    def drawdown_pct(self) -> float:
        return 100 * (1 - self.value / self.peak)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("price"), st.integers(60, 160)),
        st.tuples(st.just("buy"), st.integers(1, 20)),
        st.tuples(st.just("sell"), st.integers(1, 20)),
        st.tuples(st.just("money"), st.integers(-4000, 8000)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("tick"), st.integers(1, 15)),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_drawdown_and_curve_equal_an_independent_calculation(steps: list[tuple[str, int]]) -> None:
    """Trades at prices off the mark, prices, deposits and withdrawals in any order; restarts between."""
    terms: dict[str, Any] = {"max_daily_loss_pct": 100.0, "max_drawdown_pct": 0.0, "level": TradingState.PAUSE}
    rig = Rig(**terms)
    unit, coins, cash, mark = Unit(), 0.0, 10_000.0, 100.0
    rig.tick()
    for word, n in steps:
        if word == "price":
            mark = float(n)
            rig.price(str(n))
        elif word in ("buy", "sell"):
            sign = 1 if word == "buy" else -1
            if n * mark * 1.01 > cash or (sign < 0 and n > coins):
                continue
            paid = sign * n * mark + 0.01 * n * mark  # a fee: a loss at once
            rig.move(BTC=D(sign * n), USD=-D(str(round(paid, 6))))
            rig.asked(balance_reconciliation.keep_balances)
            coins, cash = coins + sign * n, cash - round(paid, 6)
        elif word == "money":
            if not n or cash + n <= 10:
                continue
            rig.tick()
            unit.judged(cash + coins * mark)
            before = shown(rig)
            told(rig, USD=str(n))
            assert shown(rig).drawdown_pct == pytest.approx(before.drawdown_pct, abs=1e-9)
            adopt(rig)
            after = shown(rig)
            assert after.drawdown_pct == pytest.approx(before.drawdown_pct, abs=1e-9)
            assert after.curve == pytest.approx(before.curve, rel=1e-12) and after.day_pnl == before.day_pnl
            cash, unit.moved = cash + n, unit.moved + n
        elif word == "restart":
            rig.tick(11)
            rig = restarted(rig, f"{mark:g}", **terms)
        rig.tick(n if word == "tick" else 1)
        unit.judged(cash + coins * mark)
        now = shown(rig)
        assert now.drawdown_pct == pytest.approx(unit.drawdown_pct, abs=1e-6)
        assert now.curve == pytest.approx(unit.value, rel=1e-9)
