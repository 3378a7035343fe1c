"""The live lock: the permission's bounds as a table, and a bot in live mode against COIN-SIM on loopback.

No live address is ever spoken to: the bot's addresses are replaced by the simulator's before it starts.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.coinbase.endpoints import Endpoints
from bot.coinbase.net import SystemNet
from bot.core.intents import PlaceOrder
from bot.core.model import Kind, OrderSpec, Purpose, Side
from bot.runtime.offload import ThreadOffload
from bot.runtime.process import Machine, Process
from bot.runtime.report import state
from cli import enable_live, live_checks
from shared import files, live_permission
from shared.documents import GateVerdict, Phase
from shared.live_permission import DAY_MS, grant, limits_hash, problem
from shared.seams import SystemClock, SystemFs, SystemRng
from shared.settings import Mode, Profile, Secret, Settings
from tests.simulator.conftest import Sim

NOW = 1_800_000_000_000
KEY, SECRET = "organizations/o/apiKeys/k", Secret("-----BEGIN EC PRIVATE KEY-----")
SETTINGS = Settings(coin_mode=Mode.LIVE, profile=Profile.PROD, dry_run=False, coinbase_key_file="/nowhere")


def made(**changes: Any) -> bytes:
    return grant(replace(SETTINGS, **changes), KEY, SECRET, NOW, "a person")


@pytest.mark.parametrize(
    ("data", "now_ms", "expected"),
    [
        (made(), NOW, None),
        (made(), NOW + 7 * DAY_MS - 1, None),
        (made(), NOW + 7 * DAY_MS, "the permission ended 2027-01-22T08:00:00Z"),
        (made(live_permission_days=0.5), NOW + DAY_MS // 2, "the permission ended"),
        (None, NOW, "no permission"),
        (b"", NOW, "the file is empty"),
        (b"{}", NOW, "not a live permission"),
        (b"[1]", NOW, "a JSON list"),
        (made().replace(b'"by": "a person"', b'"by": "another"'), NOW, "the permission was not made with this key"),
        (made().replace(b"1800604800000", b"1900604800000"), NOW, "the permission was not made with this key"),
        (grant(SETTINGS, KEY, Secret("other"), NOW, "x"), NOW, "the permission was not made with this key"),
        (grant(SETTINGS, "other key", SECRET, NOW, "x"), NOW, "the permission is for another key or bot"),
        (made(bot_name="other"), NOW, "the permission is for another key or bot"),
        (made(max_order_usd=50.0), NOW, "limits changed since the permission"),
        (made(daily_breaker_mark_to_market=False), NOW, "limits changed since the permission"),
        (made(strategy_options={"STRATEGY_X_Y": "1"}), NOW, "limits changed since the permission"),
        (made(), NOW - 2 * DAY_MS, "the permission is from the future"),
    ],
)
def test_what_the_permission_allows(data: bytes | None, now_ms: int, expected: str | None) -> None:
    found = problem(data, SETTINGS, KEY, SECRET, now_ms)
    assert found is None if expected is None else found is not None and found.startswith(expected)


@pytest.mark.parametrize("key", live_permission.LIMIT_KEYS)
def test_every_limit_is_bound(key: str) -> None:
    """A change of any limit changes the hash."""
    value = getattr(SETTINGS, key.lower())
    other = {bool: lambda: not value, float: lambda: value + 1, int: lambda: value + 1, str: lambda: value + "x"}
    change = ("X-USD",) if isinstance(value, tuple) else other.get(type(value), lambda: Profile.CANARY)()
    assert limits_hash(replace(SETTINGS, **{key.lower(): change})) != limits_hash(SETTINGS)


def test_a_permission_that_ended_still_lets_own_lots_be_sold() -> None:
    late = NOW + 30 * DAY_MS
    assert problem(made(), SETTINGS, KEY, SECRET, late) is not None
    assert problem(made(), SETTINGS, KEY, SECRET, late, reducing=True) is None
    assert problem(None, SETTINGS, KEY, SECRET, NOW, reducing=True) == "no permission"
    assert problem(made(), SETTINGS, KEY, Secret("other"), NOW, reducing=True) is not None


# Against COIN-SIM.


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    found = Sim(tmp_path_factory.mktemp("sim")).start()
    yield found
    found.stop(signal.SIGKILL)


def where(sim: Sim) -> Endpoints:
    folder = sim.folder / "sim"
    return Endpoints(sim.host, f"wss://{sim.host}", f"wss://{sim.host}", folder / "ca.pem", folder / "key.json")


def live_settings(folder: Path, sim: Sim, **changes: Any) -> Settings:
    terms: dict[str, Any] = {
        "coin_mode": Mode.LIVE, "profile": Profile.PROD, "dry_run": False, "data_dir": folder, "products": ("BTC-USD",),
        "coinbase_key_file": str(sim.folder / "sim" / "key.json"), "max_order_usd": 100.0, "max_total_usd": 500.0,
        "strategy": "sma_cross",
    }  # fmt: skip
    return Settings(**(terms | changes))


@pytest.fixture
async def bot(sim: Sim, tmp_path: Path) -> AsyncIterator[Process]:
    """A bot in live mode whose only addresses are the simulator's."""
    settings = live_settings(tmp_path / "live", sim)
    settings.paths.prepare()
    pools, net = (ThreadOffload("files"), ThreadOffload("market")), SystemNet()
    process = Process(settings, [], Machine(SystemClock(), SystemRng(), SystemFs(), net, *pools))
    process.bot.endpoints = where(sim)
    assert all(
        address.endswith(sim.host) for address in (process.bot.endpoints.rest_host, process.bot.endpoints.market_ws)
    )
    run = asyncio.get_running_loop().create_task(process.run())
    for _ in range(300):
        await asyncio.sleep(0.05)
        world = process.bot.engine.world if process.bot.engine else None
        fresh = world is not None and world.ready and world.markets["BTC-USD"].ask is not None
        if run.done() or (fresh and process.bot.boot.phase is Phase.TRADING):
            break
    assert not run.done(), process.bot.error
    yield process
    process.stop.set()
    assert await asyncio.wait_for(run, 20) == 0
    for pool in pools:
        pool.close()
    net.close()


def entry(process: Process, name: str) -> OrderSpec:
    assert process.bot.engine is not None
    market = process.bot.engine.world.markets["BTC-USD"]
    assert market.mark is not None
    return OrderSpec(
        client_order_id=f"ct-main-{name:0>32}", product_id="BTC-USD", side=Side.BUY, kind=Kind.MARKET,
        purpose=Purpose.ENTRY, base_size=None, quote_size=Decimal(10), limit_price=None, post_only=False, end_ms=None,
        expected_price=market.mark,
    )  # fmt: skip


async def there(process: Process, spec: OrderSpec) -> bool:
    """Send it the way the engine's orders go; whether the exchange got it."""
    assert process.bot.desk is not None and process.bot.rest is not None
    process.bot.desk.carry_out(PlaceOrder(spec))
    await asyncio.sleep(0.5)
    found = await process.bot.rest.orders_since(0, "BTC-USD")
    return any(order.client_order_id == spec.client_order_id for order in found)


async def test_live_orders_need_the_permission_and_end_with_it(bot: Process, sim: Sim) -> None:
    settings, key = bot.bot.settings, bot.bot.key
    assert key is not None
    path = settings.paths.live_permission
    assert not await there(bot, entry(bot, "a1")), "without a permission nothing is sent"
    shown = state(bot.bot)
    assert shown.live_lock == "locked: no permission; ./coin enable-live" and not shown.dry_run
    await asyncio.sleep(1.2)
    gate = next(g for g in (state(bot.bot).gates or shown.gates).products[0].gates if g.name == "live_lock")  # type: ignore[union-attr]
    assert (gate.verdict, gate.value, gate.opens) == (GateVerdict.SHUT, "no permission", "./coin enable-live")

    now_ms = round(SystemClock().utc().timestamp() * 1000)
    files.write_whole(path, grant(settings, key.name, key.secret, now_ms, "test"), durable=False)
    assert (os.stat(path).st_mode & 0o777) == 0o600
    assert await there(bot, entry(bot, "a2"))
    assert (state(bot.bot).live_lock or "").startswith("open until ")

    files.write_whole(path, grant(settings, key.name, key.secret, now_ms - 8 * DAY_MS, "test"), durable=False)
    assert not await there(bot, entry(bot, "a3")), "it ended"
    wider = replace(settings, max_order_usd=1000.0)
    files.write_whole(path, grant(wider, key.name, key.secret, now_ms, "test"), durable=False)
    assert not await there(bot, entry(bot, "a4")), "other limits"
    path.unlink()
    assert not await there(bot, entry(bot, "a5")), "taken back, at once"


async def test_dry_run_locks_although_there_is_a_permission(bot: Process) -> None:
    settings, key = bot.bot.settings, bot.bot.key
    assert key is not None
    now_ms = round(SystemClock().utc().timestamp() * 1000)
    files.write_whole(settings.paths.live_permission, grant(settings, key.name, key.secret, now_ms, "t"), durable=False)
    bot.bot.gate._settings = replace(settings, dry_run=True)
    assert bot.bot.gate.refusal(entry(bot, "b1")) == "DRY_RUN is on: live orders are locked"


# The checklist.


def trial(tmp_path: Path, results: list[str]) -> Path:
    """A trial's ledger with lots closed at these results."""
    from sqlalchemy import insert

    from shared.ledger import schema as t
    from shared.ledger.open import open_writer

    folder = tmp_path / "trial"
    folder.mkdir()
    engine = open_writer(folder / "ledger.db")
    zero = Decimal(0)
    with engine.begin() as db:
        db.execute(insert(t.facts).values(key="mode", value="sim"))
        for index, result in enumerate(results):
            db.execute(
                insert(t.lots).values(
                    lot_id=f"l{index}", seq=index, product_id="BTC-USD", kind="runner", opened_ms=1, dust=zero,
                    open_price=Decimal(1), base_bought=Decimal(1), base_left=zero, cost=Decimal(1), entry_fee=zero,
                    tp_pct=Decimal(1), take_price=Decimal(2), trail_active=False, price_increment=Decimal("0.01"),
                    proceeds=zero, exit_fee=zero, closed_ms=2, realized_pnl=Decimal(result),
                )
            )  # fmt: skip
    engine.dispose()
    return folder


def test_the_checklist_asks_key_clock_fees_limits_trial_and_drill(sim: Sim, tmp_path: Path) -> None:
    settings = live_settings(tmp_path / "live", sim)
    found = live_checks.run(settings, where(sim), trial(tmp_path, ["1.5"] * 12))
    marks = {row.name: row.mark for row in found.rows}
    assert {name: marks[name] for name in ("mode", "key", "clock", "fees", "kill drill", "trial")} == {
        "mode": "✓", "key": "✓", "clock": "✓", "fees": "✓", "kill drill": "✓", "trial": "✓",
    }  # fmt: skip


@pytest.mark.parametrize(("results", "mark"), [([], "✗"), (["1"], "!"), (["1"] * 9 + ["-20"], "!"), (["1"] * 10, "✓")])
def test_what_the_trial_proves(results: list[str], mark: str, tmp_path: Path) -> None:
    assert live_checks.trial_result(trial(tmp_path, results)).mark == mark


def test_no_trial_at_all(tmp_path: Path) -> None:
    assert live_checks.trial_result(tmp_path).mark == "✗"


def permit(sim: Sim, settings: Settings, folder: Path, typed: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(typer, "prompt", lambda *_a, **_k: typed)
    try:
        enable_live.permit(settings, where(sim), folder)
    except typer.Exit as end:
        return end.exit_code
    return 0


def test_only_the_typed_word_writes_the_permission(sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = live_settings(tmp_path / "live", sim)
    folder = trial(tmp_path, ["1"] * 10)
    for typed in ("", "yes", "live main", "LIVE MAIN"):
        assert permit(sim, settings, folder, typed, monkeypatch) == 1
        assert not settings.paths.live_permission.exists()
    assert permit(sim, settings, folder, f"live main {limits_hash(settings)[:4]}", monkeypatch) == 0
    path = settings.paths.live_permission
    assert (os.stat(path).st_mode & 0o777) == 0o600
    key = sim.key()
    now_ms = round(SystemClock().utc().timestamp() * 1000)
    assert problem(path.read_bytes(), settings, key["name"], Secret(key["privateKey"]), now_ms) is None
    assert key["privateKey"] not in path.read_text() and key["name"] not in path.read_text()


@pytest.mark.parametrize(
    "changes", [{"coin_mode": Mode.SIM}, {"profile": Profile.DEV}, {"take_profit_pct": 0.1}, {"coinbase_key_file": "x"}]
)
def test_one_bad_row_and_nothing_is_asked(
    changes: dict[str, Any], sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live_settings(tmp_path / "live", sim, **changes)
    address = where(sim)
    if "coinbase_key_file" in changes:
        address = replace(address, key_file=tmp_path / "none.json")
    monkeypatch.setattr(typer, "prompt", lambda *_a, **_k: pytest.fail("asked"))
    with pytest.raises(typer.Exit):
        enable_live.permit(settings, address, trial(tmp_path, ["1"] * 10))
    assert not settings.paths.live_permission.exists()
