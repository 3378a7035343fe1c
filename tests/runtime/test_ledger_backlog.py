"""A disk that is full for a while: what waited is written in the order in which it happened."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.domain import events as ev
from shared.ledger.db import LedgerUnavailable
from tests.core.harness import D
from tests.runtime.bot_rig import BotRig
from tests.runtime.trades import bar, price


def kept(rig: BotRig, query: str) -> list[Any]:
    with sqlite3.connect(rig.settings.paths.ledger) as db:
        return [row[0] for row in db.execute(query)]


async def test_what_waited_for_a_full_disk_is_written_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order was made, and denied as its record was not on disk: the newer word about it must be the last one."""
    rig = BotRig(tmp_path / "data")
    rig.begin()
    assert rig.bot.ledger is not None
    price(rig, "100")

    def full(*_args: object) -> None:
        raise LedgerUnavailable("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rig.bot.ledger, "commit", full)
        assert bar(rig, "buy") == [], "nothing is sent whose record is not on disk"
        await asyncio.sleep(0)
        for number in range(3):
            rig.clock.turn(1)
            rig.bot.dispatch(ev.FeedChanged(False, f"down no. {number}"))
            rig.bot.dispatch(ev.FeedChanged(True, "up"))
        rig.bot.watch_ledger()
    assert kept(rig, "SELECT state FROM orders") == []
    rig.bot.watch_ledger()
    assert rig.bot.gate.latches.ledger_ok
    assert kept(rig, "SELECT state FROM orders") == ["denied"]
    told = [text for text in kept(rig, "SELECT text FROM activity_log ORDER BY seq") if "stream" in text]
    assert told == ["stream is down: down no. 0", "stream is back", "stream is down: down no. 1", "stream is back",
                    "stream is down: down no. 2", "stream is back"]  # fmt: skip
    rig.begin()
    assert rig.bot.engine is not None and not rig.bot.engine.view.orders.entries_in_flight()
    assert rig.bot.engine.view.account.equity == D(10_000)
    rig.crash()
