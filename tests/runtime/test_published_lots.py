"""positions.json follows each change of a lot, its end too; a stop is done when nothing can be bought any more."""

from pathlib import Path
from typing import Any

import orjson

from bot.domain import events as ev
from bot.domain.intents import CancelOrder
from bot.domain.orders import OrderStatus
from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from shared.documents.status import Status
from tests.runtime.bot_rig import BotRig, send
from tests.runtime.trades import bar, fills, placed, price, seen


async def on_disk(rig: BotRig) -> list[tuple[str, str]]:
    """(lot id, what is left) of each lot, as the files say after the next write; both names hold the same."""
    await rig.bot.writer.write()
    found: list[dict[str, Any]] = orjson.loads(rig.settings.paths.positions.read_bytes())["lots"]
    assert orjson.loads(rig.settings.paths.live_positions.read_bytes())["lots"] == found
    return [(lot["lot_id"], lot["base_left"]) for lot in found]


async def test_a_lot_that_is_bought_sold_in_part_and_closed_is_so_on_disk_each_time(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data", stop_loss_pct=5.0, take_profit_order="market")
    rig.begin()
    assert await on_disk(rig) == []
    (entry,) = bar(rig, "buy")
    fills(rig, entry, "2", "100")
    seen(rig, entry, OrderStatus.FILLED, "2")
    assert await on_disk(rig) == [(entry.client_order_id, "2")]
    (sale,) = price(rig, "94")
    assert await on_disk(rig) == [(entry.client_order_id, "2")]
    fills(rig, sale, "0.5", "94")
    assert await on_disk(rig) == [(entry.client_order_id, "1.5")]
    fills(rig, sale, "1.5", "94")
    assert await on_disk(rig) == [], "a reader of the file would still count on it"
    rig.crash()


async def test_a_stop_is_done_when_no_purchase_can_fill_any_more(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data")
    rig.begin()
    (entry,) = bar(rig, "buy")
    stop = send(rig, Cmd.STOP)
    rig.look(2)
    for what in ("sent, not answered", "accepted", "being cancelled"):
        if what == "accepted":
            seen(rig, entry, OrderStatus.WORKING)
        elif what == "being cancelled":
            rig.bot.dispatch(ev.Tick())
        rig.look(60)
        assert rig.receipt(stop).state is ReceiptState.SEEN, what
        assert rig.state().status is Status.STOPPING, what
    fills(rig, entry, "0.5", "100")
    seen(rig, entry, OrderStatus.CANCELLED, "0.5")
    rig.look()
    assert rig.receipt(stop).state is ReceiptState.DONE and rig.state().status is Status.STOPPED
    assert any(isinstance(action, CancelOrder) for action in rig.sent.actions) and len(placed(rig)) == 1
    rig.crash()
