"""SENTINEL=flatten over virtual time: a dead bot's lots are sold once, whatever dies in between; the next run knows.

The bot is whole, and so is the exchange. The sentinel's seller dies at every request that it makes, before it leaves
and after it arrived; the next one goes on from what the exchange shows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.venues import registry
from bot.venues.port import Access, TradingClient, ids_of
from sentinel.flattening import flatten, forbidden
from sentinel.selling import Sold
from shared.command_table import Cmd
from shared.control import send_command
from shared.ledger.open import open_reader
from shared.ledger.verify import verify
from shared.sentinel_sales import decode_sales
from shared.settings import Mode
from tests.runtime.test_restore import facts, rows
from tests.runtime.whole import Net, Rng, Whole

OPEN = "SELECT lot_id, product_id, base_left FROM lots WHERE closed_ms IS NULL ORDER BY lot_id"
CLOSED = "SELECT lot_id, exit_reason, base_bought, base_left, dust FROM lots WHERE closed_ms IS NOT NULL"


class Died(BaseException):
    """As kill -9 would: nothing of the process runs on."""


class MortalNet(Net):
    """Dies at its `at`-th place: a request passes two, before it leaves and after it arrived."""

    def __init__(self, whole: Whole, at: int) -> None:
        super().__init__(whole)
        self.at, self.places = at, 0

    def answer(self, request: Any, target: str, body: bytes) -> tuple[int, bytes]:
        self._place()
        found = super().answer(request, target, body)
        self._place()
        return found

    def _place(self) -> None:
        self.places += 1
        if self.places == self.at:
            raise Died


@dataclass
class Dead:
    """A bot that died with lots and resting takes."""

    whole: Whole
    lots: dict[str, Decimal]

    def client(self, net: Net) -> TradingClient:
        venue, settings = registry.load(), self.whole.settings
        where = venue.where(settings)
        access: Any = Access(where, venue.load_key(settings, where, may_wait=True), net, self.whole.clock, Rng(9))  # type: ignore[arg-type]
        return venue.kill_client(access)

    def sell(self, at: int = 0, bend: Callable[..., Any] | None = None) -> tuple[Sold, MortalNet]:
        net = MortalNet(self.whole, at)
        net.bend = bend or net.bend
        settings, venue = self.whole.settings, registry.load()
        work = flatten(self.client(net), ids_of(venue, settings), 100, settings, self.whole.clock, Rng(9))
        return self.whole.loop.run_until_complete(work), net

    before: dict[str, Decimal] = field(default_factory=dict)

    def sold(self) -> dict[str, Decimal]:
        """Product → base units that own sales took at the exchange since the bot died."""
        since_ms = round(self.whole.clock.utc().timestamp() * 1000) - 86_400_000
        orders = self.whole.loop.run_until_complete(self.client(Net(self.whole)).orders_since(since_ms))
        found: dict[str, Decimal] = {}
        for order in orders:
            if order.side.value == "SELL" and order.client_order_id.startswith("ct-"):
                found[order.product_id] = found.get(order.product_id, Decimal(0)) + order.filled_size
        return {product: more for product, size in found.items() if (more := size - self.before.get(product, 0))}

    @property
    def held(self) -> dict[str, Decimal]:
        """Product → base units of all lots."""
        found: dict[str, Decimal] = {}
        for _, product, size in rows(self.whole, OPEN):
            found[product] = found.get(product, Decimal(0)) + Decimal(size)
        return found


def made(folder: Path, patch: pytest.MonkeyPatch, **more: Any) -> Dead:
    terms = {"take_profit_pct": 30.0, "stop_loss_pct": 20.0, "sentinel": "flatten", "pyramid_min_adverse_pct": 0.0,
             "pyramid_decay_min_pct": 0.0}  # fmt: skip
    whole = Whole(folder / "data", patch, **(terms | more))
    whole.begin()
    whole.trades()
    whole.until(lambda: len(rows(whole, OPEN)) >= 2, 600, "two lots")
    whole.drive(5)
    send_command(whole.paths, Cmd.PAUSE, by="operator", now=whole.clock.utc())
    whole.drive(5)
    whole.die()
    dead = Dead(whole, {lot: Decimal(size) for lot, _, size in rows(whole, OPEN)})
    dead.before = dead.sold()
    whole.drive(30)
    return dead


@pytest.fixture
def dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dead]:
    found = made(tmp_path, monkeypatch)
    yield found
    found.whole.close()


def comes_back(dead: Dead) -> None:
    """The next run has every lot closed as flattened, by fills that the exchange has, and nothing is in doubt."""
    whole = dead.whole
    whole.begin()
    whole.trades()
    whole.drive(20)
    assert rows(whole, OPEN) == []
    closed = {lot: (reason, left) for lot, reason, _, left, _ in rows(whole, CLOSED) if lot in dead.lots}
    assert closed == dict.fromkeys(dead.lots, ("flatten", "0"))
    assert whole.bot.engine is not None and whole.bot.engine.view.control.ready
    assert facts(whole).get("differences", "") == "" and not whole.bot.engine.view.control.entries_latched
    assert {v.name: v.findings for v in verify(open_reader(whole.paths.ledger)) if v.findings} == {}
    note = decode_sales(whole.paths.sentinel_sales.read_bytes())
    assert facts(whole)["sentinel_sales"] == str(note.since_ms)
    assert len(rows(whole, "SELECT 1 FROM orders WHERE purpose = 'flatten'")) == len(note.client_order_ids)


def test_every_lot_is_sold_after_its_take_was_cancelled_and_the_next_run_knows(dead: Dead) -> None:
    held = dead.held
    sold, _ = dead.sell()
    assert sold.done and sold.lots == len(dead.lots) and sold.takes_cancelled == len(dead.lots), sold
    assert sold.sizes == held == dead.sold()
    again, net = dead.sell()
    assert again.done and dead.sold() == held and "POST /orders" not in net.seen, "a second one finds nothing to do"
    comes_back(dead)
    assert dead.sold() == held, "and the bot sells nothing of it again"


@pytest.mark.slow
def test_death_at_any_request_sells_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(tmp_path / "whole", monkeypatch)
    _, net = first.sell()
    places = net.places
    first.whole.close()
    assert places > 20
    # Every third place: those before and after a request alternate, so both are met, each at different requests.
    for at in range(1, places + 1, 3):
        (tmp_path / str(at)).mkdir()
        dead = made(tmp_path / str(at), monkeypatch)
        held = dead.held
        with pytest.raises(Died):
            dead.sell(at)
        dead.whole.drive(1)
        if at % 2 == 0:  # twice in a row
            with pytest.raises(Died):
                dead.sell(min(at, 5))
        sold, _ = dead.sell()
        assert sold.done and dead.sold() == held, (at, sold)
        if at % 5 == 0:
            comes_back(dead)
            assert dead.sold() == held, at
        dead.whole.close()


def test_a_sale_without_an_answer_is_looked_for_and_not_sent_again(dead: Dead) -> None:
    lost = []

    def bend(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if (method, path) == ("POST", "/orders") and not lost:
            lost.append(body)
            return 504, b"gateway"
        return status, body

    held = dead.held
    sold, net = dead.sell(bend=bend)
    assert lost and sold.done and dead.sold() == held
    assert net.seen.count("POST /orders") == len(dead.lots)


def test_takes_that_were_filled_while_the_bot_was_dead_are_not_sold_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = made(tmp_path, monkeypatch, market="range", take_profit_pct=0.02, runner_tp_mult=60.0, scalp_tp_min_pct=0.02,
                sim_taker_fee_pct=0.02, sim_maker_fee_pct=0.01)  # fmt: skip
    held = dead.held
    for _ in range(150):
        dead.whole.drive(20)
        if taken := dead.sold():
            break
    sold, _ = dead.sell()
    assert sold.done and dead.sold() == held and taken != held, (taken, held)
    dead.whole.begin()
    dead.whole.trades()
    dead.whole.drive(20)
    assert rows(dead.whole, OPEN) == [] and dead.sold() == held
    reasons = {reason for lot, reason, *_ in rows(dead.whole, CLOSED) if lot in dead.lots}
    assert reasons <= {"take", "flatten"} and "flatten" in reasons
    assert {v.name: v.findings for v in verify(open_reader(dead.whole.paths.ledger)) if v.findings} == {}
    dead.whole.close()


def test_coins_that_are_not_there_are_not_sold_and_it_is_said(dead: Dead) -> None:
    def bend(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "accounts" in path:
            for coin in (b"BTC", b"ETH"):
                body = body.replace(b'"currency":"' + coin, b'"currency":"X' + coin)
        return status, body

    sold, net = dead.sell(bend=bend)
    assert not sold.done and all("are there" in why for why in sold.left.values())
    assert "POST /orders" not in net.seen


def test_what_forbids_a_sale(dead: Dead) -> None:
    settings, paths = dead.whole.settings, dead.whole.paths
    assert forbidden(settings) is None
    assert forbidden(replace(settings, coin_mode=Mode.LIVE, dry_run=True)) == "DRY_RUN is on"
    paths.kill.touch()
    assert forbidden(settings) == "the bot is killed"
    paths.kill.unlink()
    send_command(paths, Cmd.STOP, by="operator", now=dead.whole.clock.utc())
    assert forbidden(settings) == "the bot is to stop"
    paths.control.write_bytes(b"{")
    assert "nobody knows what is wanted" in (forbidden(settings) or "")
    paths.control.unlink()
    assert forbidden(settings) is None, "the ledger remembers what was wanted: pause, which lets exits go on"
    text = paths.state.read_bytes()
    paths.state.write_bytes(
        text.replace(b'"status":"paused"', b'"status":"safe"').replace(b'"phase":"trading"', b'"phase":"stopped"')
    )
    assert forbidden(settings) == "the bot was safe"
    paths.state.unlink()
    assert "not known" in (forbidden(settings) or "")


def test_a_kill_latch_in_the_ledger_and_a_damaged_note_forbid_it_too(dead: Dead) -> None:
    dead.whole.paths.sentinel_sales.write_bytes(b"{")
    sold, net = dead.sell()
    assert sold.problem and "what was sold before is not known" in sold.problem and not net.seen
    dead.whole.paths.sentinel_sales.unlink()
    dead.whole.begin()
    dead.whole.trades()
    send_command(dead.whole.paths, Cmd.KILL, by="operator", now=dead.whole.clock.utc())
    dead.whole.drive(10)
    dead.whole.die()
    sold, net = dead.sell()
    assert sold.problem == "the bot is killed" and not net.seen
