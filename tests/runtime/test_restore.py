"""A whole bot at a whole exchange, its ledger put back to an earlier hour: brakes hold, and the past is fetched."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.command_table import Cmd
from shared.control import send_command
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_reader
from shared.ledger.put_back import RestoreReport, no_bot, put_back
from shared.ledger.restore_mark import restore_notice
from shared.ledger.verify import verify
from tests.runtime.whole import Whole


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(
        tmp_path / "data", monkeypatch, market="range", take_profit_pct=0.02, runner_tp_mult=1.0, scalp_tp_min_pct=0.02,
        stop_loss_pct=0.1, pyramid_min_adverse_pct=0.0, pyramid_decay_min_pct=0.0, sim_taker_fee_pct=0.02,
        sim_maker_fee_pct=0.01, max_daily_loss_pct=50.0,
    )  # fmt: skip
    yield made
    made.close()


def backup(whole: Whole, folder: Path) -> None:
    folder.mkdir()
    with sqlite3.connect(whole.paths.ledger) as db, sqlite3.connect(folder / "ledger.db") as copy:
        db.backup(copy)
    for path in (whole.paths.control, whole.paths.positions):
        shutil.copyfile(path, folder / path.name)


def restore(whole: Whole, folder: Path) -> RestoreReport:
    with no_bot(whole.paths):
        now = whole.clock.utc() + timedelta(seconds=1)
        return put_back(
            whole.paths, LedgerLocation(whole.paths.ledger), folder, "backup", now, folder.with_name("aside")
        )


def findings(whole: Whole) -> dict[str, tuple[str, ...]]:
    return {v.name: v.findings for v in verify(open_reader(whole.paths.ledger)) if v.findings}


def rows(whole: Whole, query: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(f"file:{whole.paths.ledger}?mode=ro", uri=True) as db:
        found = db.execute(query).fetchall()
    db.close()
    return found


def facts(whole: Whole) -> dict[str, str]:
    return dict(rows(whole, "SELECT key, value FROM key_values"))  # type: ignore[arg-type]


LOTS = "SELECT lot_id, product_id, base_bought, base_left, cost, entry_fee, proceeds, exit_fee, realized_pnl FROM lots"
FILLS = "SELECT order_id, trade_id, client_order_id, side, price, base_size, fee, lot_id FROM fills ORDER BY 1, 2"
ORDERS = "SELECT client_order_id, order_id, side, kind, purpose, state, filled_size, lot_id FROM orders"


@pytest.mark.parametrize("kind", ["market", "maker"])
@pytest.mark.parametrize("readable", [True, False], ids=["", "damaged"])
def test_what_happened_since_is_fetched(whole: Whole, tmp_path: Path, readable: bool, kind: str) -> None:
    object.__setattr__(whole.settings, "entry_order", kind)
    whole.begin()
    whole.trades()
    whole.drive(150)
    backup(whole, tmp_path / "backup")
    held = len(rows(whole, ORDERS))
    whole.drive(420)
    send_command(whole.paths, Cmd.KILL, by="operator", now=whole.clock.utc())
    whole.until(lambda: whole.bot.kill_path.progress.cleared_ms is not None, why="the kill")
    whole.drive(5)
    lots, fills, orders = (sorted(rows(whole, query)) for query in (LOTS, FILLS, ORDERS))
    equity = whole.bot.engine and whole.bot.engine.view.account.equity
    assert len(orders) > held + 3 and any(lot[-1] is not None for lot in lots), "nothing happened since"
    whole.die()
    if not readable:
        whole.paths.ledger.write_bytes(b"garbage" * 5000)
    report = restore(whole, tmp_path / "backup")
    assert report.killed and (report.missing == len(orders) - held if readable else report.missing is None)
    assert not findings(whole)
    waits = restore_notice(facts(whole))
    assert waits is not None and waits.waits and "./coin start fetches what is missing" in waits.text
    known = f"{len(orders) - held} orders happened after the backup" if readable else "not known how many"
    assert known in waits.text

    whole.begin()
    whole.trades()
    whole.drive(100)
    bot = whole.bot
    assert bot.commands.latch is not None, "killed before, killed after"
    assert bot.engine is not None
    assert not findings(whole)
    found = restore_notice(facts(whole))
    assert found is not None and not found.waits and "fetched from the exchange" in found.text
    assert sorted(rows(whole, FILLS)) == fills
    assert sorted(rows(whole, LOTS)) == lots
    sent = [order for order in orders if order[1] is not None]
    assert [o[:4] + o[6:7] for o in sorted(rows(whole, ORDERS))] == [o[:4] + o[6:7] for o in sent]
    assert not bot.engine.view.account.differences, "all of it is explained"
    assert abs(bot.engine.view.account.equity - Decimal(str(equity))) < Decimal("1e-6") * bot.engine.view.account.equity
    assert bot.engine.view.records.values["audit"].split(" ")[1] == "ok", bot.engine.view.records.values["audit"]


def test_a_deposit_that_was_adopted_since_is_no_gain(whole: Whole, tmp_path: Path) -> None:
    whole.begin()
    whole.trades()
    whole.drive(100)
    backup(whole, tmp_path / "backup")
    whole.deposit("500")
    whole.drive(120)
    assert whole.bot.engine is not None
    differs = whole.bot.engine.view.records.values["differences"]
    assert differs == "USD +500"
    send_command(whole.paths, Cmd.ADOPT, {"differences": differs}, by="operator", now=whole.clock.utc())
    send_command(whole.paths, Cmd.STOP, by="operator", now=whole.clock.utc())
    whole.drive(15)
    assert whole.bot.engine.view.account.day is not None
    streak = whole.bot.engine.view.risk.loss_streak
    before = whole.bot.engine.view.account.day
    assert before.transfers == 500
    whole.die()
    restore(whole, tmp_path / "backup")
    whole.begin()
    whole.trades()
    whole.drive(60)
    assert whole.bot.engine is not None
    assert whole.bot.engine.view.account.day is not None and not whole.bot.engine.view.account.differences
    after = whole.bot.engine.view.account.day
    assert (after.start_equity, after.transfers) == (before.start_equity, before.transfers)
    assert (after.fees, after.realized) == (before.fees, before.realized), "what is fetched again is booked once"
    assert whole.bot.engine.view.risk.loss_streak == streak
    assert not findings(whole)
