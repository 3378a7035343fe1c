"""The tape of a trade holds each thing that the engine was told and decided, once, and nothing of what it saw again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.app.event_recorder import EventRecorder
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy, Intent
from bot.domain.orders import OrderStatus
from bot.engine.state.fence import SECOND_WRITER
from bot.engine.state.recovered import RecoveredState
from shared.tape import days, read_day
from shared.times import from_epoch_ms
from tests.core.harness import D, Rig, of, quiet_settings
from tests.runtime.test_tape import Clock, Inline

BTC = "BTC-USD"


class TapedRig(Rig):
    """An engine with a tape of its own."""

    def __init__(self, folder: Path, **given: Any) -> None:
        kept = given.pop("restored", None)
        settings = quiet_settings(data_dir=folder, **given)
        self.tape = EventRecorder(settings, Clock(), Inline(), {"boot_id": "b"})  # type: ignore[arg-type]
        self._folder = settings.paths.tape
        super().__init__(restored=kept, **given)

    def send(self, event: ev.Event, after_ms: int = 0) -> list[Intent]:
        self.now_ms += after_ms
        found, told = list[Intent](), [event]
        while told:
            each = told.pop(0)
            intents = self.engine.handle(each, from_epoch_ms(self.now_ms))
            self.tape.heard(each, intents, self.view)
            found += intents
            if self.answers:
                told += [self.strategy.answer(question) for question in of(intents, AskStrategy)]
        self.intents.extend(found)
        return found

    async def lines(self) -> list[dict[str, Any]]:
        await self.tape.close()
        return list(read_day(self._folder, days(self._folder)[0]))


def values(lines: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return [line[name] for line in lines if name in line]


async def test_a_trade_from_its_bar_to_its_end(tmp_path: Path) -> None:
    rig = TapedRig(tmp_path, take_profit_order="limit")
    entry, take = rig.open_runner(fee="0.5")
    assert take is not None
    rig.accept(take)
    rig.seen(take, OrderStatus.FILLED, "1")
    rig.fill(take, "1", "104", fee="0.5")
    lines = await rig.lines()
    bar_s = rig.bar_s
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert values(lines, "bars") == [[BTC, "ONE_MINUTE", [[bar_s, 100.0, 100.0, 100.0, 100.0, 1.0]]]]
    assert values(lines, "signal") == [[BTC, bar_s, "computing", None], [BTC, bar_s, "buy", None]]
    assert values(lines, "shut") == [[BTC, "feed"], [BTC, None]], "no price had come when the bar was judged"
    orders = [order for found in values(lines, "orders") for order in found]
    assert [(o["client_order_id"], o["purpose"], o["side"]) for o in orders] == [
        (entry.client_order_id, "entry", "BUY"), (take.client_order_id, "take", "SELL"),
    ]  # fmt: skip
    ends = [tuple(end) for found in values(lines, "ends") for end in found]
    assert ends == [(entry.client_order_id, "filled"), (take.client_order_id, "filled")]
    fills = [fill for found in values(lines, "fills") for fill in found]
    assert [(f["price"], f["base_size"], f["fee"], f["lot_id"]) for f in fills] == [
        ("100", "1", "0.5", entry.client_order_id), ("104", "1", "0.5", entry.client_order_id),
    ]  # fmt: skip
    lots = [lot["base_left"] for found in values(lines, "lots") for lot in found]
    assert lots[0] == "1" and lots[-1] == "0"
    assert values(lines, "ready") == [
        {
            "lots": [], "working": [], "used": {BTC: None}, "last_add_ms": {BTC: 0}, "loss_streak": 0, "realized": "0",
            "peak_equity": "10000", "entries_latched": "",
        }
    ]  # fmt: skip
    assert values(lines, "may") == [[False, False], [True, True]]
    assert values(lines, "fees") == [["0.005", "0.009"]]
    assert values(lines, "cash")[0] == "10000" and D(values(lines, "cash")[-1]) == rig.view.account.cash


async def test_a_bar_or_a_price_that_is_seen_again_is_no_news(tmp_path: Path) -> None:
    rig = TapedRig(tmp_path)
    rig.bar("flat", "100")
    bars = tuple(Bar(rig.bar_s + 60 * n, 101.0, 101.0, 101.0, 101.0, 1.0) for n in range(2))
    rig.send(ev.BarsClosed(BTC, "ONE_MINUTE", bars), 60_000)
    rig.send(ev.BarsClosed(BTC, "ONE_MINUTE", bars))
    rig.send(ev.BarsClosed(BTC, "ONE_HOUR", bars))
    rig.send(ev.BarsClosed("DOGE-USD", "ONE_MINUTE", bars))
    for price in ("101", "101", "102"):
        rig.send(ev.PriceUpdate(BTC, D(price), D(price) - 1, D(price) + 1))
    lines = await rig.lines()
    told = [[bar[0] for bar in found[2]] for found in values(lines, "bars")]
    assert told == [[bars[0].start_s], [bars[1].start_s]]
    shown = [price[1] for price in values(lines, "price") if price[4] in (0, 1)]
    assert shown == ["100", "101", "102"]


async def test_one_moment_is_judged_once_by_ticks(tmp_path: Path) -> None:
    rig = TapedRig(tmp_path, tick_interval_sec=1.0)
    rig.bar("flat")
    for price in ("101", "102"):
        rig.send(ev.PriceUpdate(BTC, D(price), D(price) - 1, D(price) + 1), 0 if price == "102" else 2000)
    judged = [(price[1], price[4]) for price in values(await rig.lines(), "price") if price[4] in (0, 1)]
    assert judged == [("100", 1), ("101", 1), ("102", 0)]


async def test_what_keeps_entries_shut_is_told(tmp_path: Path) -> None:
    rig = TapedRig(tmp_path, restored=RecoveredState(key_values={SECOND_WRITER: "order 7 of epoch 5f3a0c1d"}))
    lines = await rig.lines()
    assert values(lines, "ready")[0]["entries_latched"] == "order 7 of epoch 5f3a0c1d"


async def test_a_latch_is_told_when_it_comes(tmp_path: Path) -> None:
    rig = TapedRig(tmp_path)
    entry, _ = rig.open_runner()
    rig.tick(70)
    late = replace(rig.make_fill(entry, "1", "100"), trade_id="late")
    rig.send(ev.FillReports((late,)), 10)
    latched = values(await rig.lines(), "entries_latched")
    assert len(latched) == 1 and "came for an order that was settled" in latched[0]
