"""Equity is noted each minute for the charts: with what moved, the curve and its deepest drawdown; never blindly."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from bot.app import background_tasks
from bot.domain import events as ev
from bot.domain.balances import Balance
from shared.market_data import EquityRow
from shared.times import from_epoch_ms
from shared.verdict import Verdict, VerdictDoc
from tests.core.harness import Rig


class Bot:
    def __init__(self, rig: Rig) -> None:
        self.engine, self.rows = rig.engine, list[EquityRow]()
        self.clock = SimpleNamespace(utc=lambda: from_epoch_ms(rig.now_ms))
        self.recorder = SimpleNamespace(equity=self._keep)
        self.dispatch = rig.send

    async def _keep(self, row: EquityRow) -> None:
        self.rows.append(row)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    word = {"word": "running"}
    monkeypatch.setattr(background_tasks, "verdict", lambda _bot, _status: VerdictDoc(word=word["word"], parts=[]))
    return word


async def test_a_note_carries_the_deepest_drawdown_since_the_one_before_and_what_moved(said: dict[str, str]) -> None:
    rig = Rig(max_daily_loss_pct=100.0, take_profit_order="market")
    rig.open_runner(size="50", price="100")
    bot: Any = Bot(rig)
    rig.tick()
    rig.price("80")
    rig.tick()
    rig.price("90")
    rig.tick()
    await background_tasks.record_equity(bot)
    await background_tasks.record_equity(bot)
    first, second = bot.rows
    assert (first.at_s % 60, first.equity, first.transfers, first.curve) == (0, 9500, 0, 0.95)
    assert (first.drawdown, second.drawdown) == (pytest.approx(10.0), pytest.approx(5.0))
    balances = (Balance("USD", Decimal(9970), Decimal(0)), Balance("BTC", Decimal(50), Decimal(0)))
    for _ in range(2):
        rig.send(ev.BalanceReport(balances, rig.now_ms + 4_000), 4_000)
    await background_tasks.record_equity(bot)
    assert bot.rows[-1][1:] == (14_470, 9970, 4500, 4970, 0.95, pytest.approx(5.0)), (
        "the leap is named, the curve stands"
    )


async def test_a_bot_that_sees_nothing_notes_nothing(said: dict[str, str]) -> None:
    rig = Rig()
    rig.tick()
    bot: Any = Bot(rig)
    said["word"] = Verdict.BLIND
    await background_tasks.record_equity(bot)
    assert bot.rows == []
    said["word"] = "running"
    await background_tasks.record_equity(bot)
    assert len(bot.rows) == 1
