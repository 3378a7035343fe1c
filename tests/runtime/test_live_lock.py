"""The live lock: the permission's bounds as a table, and a bot in live mode against COIN-SIM on loopback.

No live address is ever spoken to: the bot's addresses are replaced by the simulator's before it starts.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer

from bot.app.folder import Folder
from bot.app.live_lock import LiveLock
from bot.app.order_gate import OrderGate
from bot.app.process import Process
from bot.app.state_documents import state
from bot.venues.port import ApiKey
from cli import enable_live, live_checks
from shared import files, folder_identity, lab_verdicts, live_permission
from shared.artifacts import digests
from shared.documents.risk import GateVerdict
from shared.lab_verdicts import LabStanding
from shared.ledger import schema as t
from shared.ledger.open import open_writer
from shared.live_permission import DAY_MS, HARMLESS, PermissionTerms, grant, problem, terms
from shared.ports import SystemClock, SystemFs
from shared.settings import Mode, Profile, Secret, Settings
from shared.settings import keys as settings_keys
from shared.times import epoch_ms
from tests.ledger_rows import put
from tests.runtime.live_rig import LAB, entry, live_settings, running, there, where
from tests.simulator.conftest import Sim

NOW = 1_800_000_000_000
KEY, SECRET = "organizations/o/apiKeys/k", Secret("-----BEGIN EC PRIVATE KEY-----")
SETTINGS = Settings(coin_mode=Mode.LIVE, profile=Profile.PROD, dry_run=False, coinbase_key_file="/nowhere")


FOLDER = "f" * 32


def at(settings: Settings = SETTINGS, folder: str = FOLDER) -> PermissionTerms:
    return terms(settings, folder)


def made(folder: str = FOLDER, secret: Secret = SECRET, key: str = KEY, **changes: Any) -> bytes:
    settings = replace(SETTINGS, **changes)
    return grant(at(settings, folder), settings.live_permission_days, key, secret, NOW, "a person", LAB)


def without(data: bytes, key: str) -> bytes:
    """As an earlier program, which did not know this setting, would have made it."""
    agreed = terms(SETTINGS, FOLDER)
    values = {name: value for name, value in agreed.settings.items() if name != key}
    return grant(replace(agreed, settings=values), 7.0, KEY, SECRET, NOW, "a person", LAB)


class Removed(SystemFs):
    """The permission is there at the first look, and gone at the next."""

    def __init__(self, data: bytes) -> None:
        self._left = [data]

    def read_bytes(self, path: Path) -> bytes:
        if not self._left:
            raise FileNotFoundError(path)
        return self._left.pop()


def test_a_permission_that_is_removed_while_its_end_is_told_ends_no_bot() -> None:
    clock = SystemClock()
    granted = grant(at(), 7.0, KEY, SECRET, epoch_ms(clock.utc()), "a person", LAB)
    lock = LiveLock(SETTINGS, clock, Removed(granted), lambda: ApiKey(KEY, SECRET))
    lock.judged(Folder(FOLDER, None))
    assert (lock.text(1) or "").startswith("open until")
    assert lock.text(1) == "entries locked: no permission; exits of 1 open lot go on; ./coin enable-live"


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
        (made(secret=Secret("other")), NOW, "the permission was not made with this key"),
        (made(key="other key"), NOW, "the permission is for another key or bot"),
        (made(folder="e" * 32), NOW, "the permission belongs to another data folder"),
        (b'{"version": 1, "bot": "main", "limits": "ab"}', NOW, "the permission was made by an earlier version"),
        (made().replace(b'"version": 3', b'"version": 2'), NOW, "the permission was made by an earlier version"),
        (made().replace(b'"version": 3', b'"version": 4'), NOW, "a permission of version 4"),
        (without(made(), "MAX_ORDER_USD"), NOW, "changed since the permission: MAX_ORDER_USD not there → 0.0"),
        (made(bot_name="other"), NOW, "the permission is for another key or bot"),
        (made(max_order_usd=50.0), NOW, "changed since the permission: MAX_ORDER_USD 50.0 → 0.0"),
        (made(reduce_only=True), NOW, "changed since the permission: REDUCE_ONLY True → False"),
        (made(daily_breaker_mark_to_market=False), NOW, "changed since the permission: DAILY_BREAKER_MARK_TO_MARKET"),
        (made(strategy_options={"STRATEGY_X_Y": "1"}), NOW, "changed since the permission: STRATEGY_X_Y 1 → not there"),
        (
            made(by_hand=frozenset({"TRAIL_ACTIVATE_PCT"})),
            NOW,
            "changed since the permission: TRAIL_ACTIVATE_PCT 1.9 →",
        ),
        (
            made(ma_fast=2, ma_slow=9, granularity="ONE_HOUR", kill_flatten=True),
            NOW,
            "changed since the permission: GRANULARITY ONE_HOUR → ONE_MINUTE, KILL_FLATTEN True → False, "
            "MA_FAST 2 → 10 and 1 more",
        ),
        (made(), NOW - 2 * DAY_MS, "the permission is dated in the future"),
    ],
)
def test_what_the_permission_allows(data: bytes | None, now_ms: int, expected: str | None) -> None:
    found = problem(data, at(), KEY, SECRET, now_ms)
    assert found is None if expected is None else found is not None and found.startswith(expected), found


def other_value(key: str) -> Any:
    """Another value of the setting's type."""
    value = getattr(SETTINGS, key.lower())
    if isinstance(value, Secret):
        return Secret("another")
    if isinstance(value, tuple):
        return ("X-USD",)
    if isinstance(value, Path):
        return value / "x"
    if isinstance(value, StrEnum):
        return next(one for one in type(value) if one is not value)
    return (not value) if isinstance(value, bool) else value + ("x" if isinstance(value, str) else 1)


EVERY = [key for key, _, _ in settings_keys()]


@pytest.mark.parametrize("key", EVERY)
def test_every_setting_is_bound_but_the_harmless_ones(key: str) -> None:
    changed = at(replace(SETTINGS, **{key.lower(): other_value(key)}))
    found = problem(made(), changed, KEY, SECRET, NOW)
    if key in HARMLESS:
        assert found is None and HARMLESS[key]
    elif key == "BOT_NAME":
        assert found == "the permission is for another key or bot"
    else:
        assert found is not None and found.startswith("changed since the permission: ") and key in found


def test_the_harmless_ones_are_settings_and_none_of_them_decides_anything() -> None:
    assert set(HARMLESS) <= set(EVERY)
    told = (
        "DATA_DIR", "STATE_FILE", "LOG_LEVEL", "LOG_FORMAT", "DEPTH_VIEW", "RECORD", "DRY_RUN", "LIVE_PERMISSION_DAYS",
        "BACKTEST_SLEEP_MS", "LEDGER_URL", "SIM_", "DASHBOARD_", "COINBASE_", "SENTINEL", "BACKUP_", "WATCH", "ALERT",
        "REPORT_", "SLACK_", "TEAMS_", "TELEGRAM_", "CHAT_USERS", "HEARTBEAT_URL", "LAB", "PROMETHEUS_PORT",
        "NODE_EXPORTER_PORT",
    )  # fmt: skip
    assert [key for key in HARMLESS if not key.startswith(told)] == []


def test_no_secret_is_in_the_permission() -> None:
    hidden: dict[str, Any] = {"coinbase_api_private_key": Secret("PRIVATE"), "ledger_url": Secret("postgresql://u:PASS@h/d"),
              "dashboard_password_hash": Secret("HASH")}  # fmt: skip
    data = made(**hidden)
    assert not any(word in data for word in (b"PRIVATE", b"PASS", b"HASH", KEY.encode()))


def test_the_strategy_s_file_and_what_it_imports_are_bound(tmp_path: Path) -> None:
    (tmp_path / "strategies").mkdir()
    own, near = tmp_path / "strategies" / "dip.py", tmp_path / "strategies" / "_levels.py"
    own.write_text("from strategies import _levels\n")
    near.write_text("LOW = 1\n")
    agreed = replace(at(), artifacts=digests("dip", root=tmp_path))
    assert set(agreed.artifacts) == {"strategies/dip.py", "strategies/_levels.py"}
    data = grant(agreed, 7.0, KEY, SECRET, NOW, "a person", LAB)
    assert problem(data, agreed, KEY, SECRET, NOW) is None
    near.write_text("LOW = 2\n")
    changed = replace(at(), artifacts=digests("dip", root=tmp_path))
    assert problem(data, changed, KEY, SECRET, NOW) == "changed since the permission: strategies/_levels.py"
    own.unlink()
    gone = replace(at(), artifacts=digests("dip", root=tmp_path))
    assert "strategies/dip.py" in (problem(data, gone, KEY, SECRET, NOW) or "")


def test_what_a_start_would_void_is_known_before() -> None:
    assert live_permission.voided_by(made(), SETTINGS) == []
    assert live_permission.voided_by(made(), replace(SETTINGS, log_level="DEBUG", dashboard_port=9000)) == []
    assert live_permission.voided_by(made(), replace(SETTINGS, reduce_only=True)) == ["REDUCE_ONLY False → True"]
    assert live_permission.voided_by(None, SETTINGS) == live_permission.voided_by(b"{", SETTINGS) == []


# Against COIN-SIM.


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    found = Sim(tmp_path_factory.mktemp("sim")).start()
    yield found
    found.stop(signal.SIGKILL)


@pytest.fixture
async def bot(sim: Sim, tmp_path: Path) -> AsyncIterator[Process]:
    async with running(live_settings(tmp_path / "live", sim), sim) as process:
        yield process


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
    now = terms(settings, bot.bot.live_lock.folder.folder)
    files.write_whole(path, grant(now, 7.0, key.name, key.secret, now_ms, "test", LAB), durable=False)
    assert (os.stat(path).st_mode & 0o777) == 0o600
    assert await there(bot, entry(bot, "a2"))
    assert (state(bot.bot).live_lock or "").startswith("open until ")

    files.write_whole(path, grant(now, 7.0, key.name, key.secret, now_ms - 8 * DAY_MS, "test", LAB), durable=False)
    assert not await there(bot, entry(bot, "a3")), "it ended"
    wider = terms(replace(settings, max_order_usd=1000.0), now.folder)
    files.write_whole(path, grant(wider, 7.0, key.name, key.secret, now_ms, "test", LAB), durable=False)
    assert not await there(bot, entry(bot, "a4")), "other limits"
    path.unlink()
    assert not await there(bot, entry(bot, "a5")), "taken back, at once"


async def test_dry_run_locks_although_there_is_a_permission(bot: Process) -> None:
    settings, key = bot.bot.settings, bot.bot.key
    assert key is not None
    now_ms = round(SystemClock().utc().timestamp() * 1000)
    permission = grant(terms(settings, bot.bot.live_lock.folder.folder), 7.0, key.name, key.secret, now_ms, "t", LAB)
    files.write_whole(settings.paths.live_permission, permission, durable=False)
    gate = OrderGate(
        replace(settings, dry_run=True), settings.paths, SystemFs(), lambda _order: None, bot.bot.live_lock.refusal
    )
    assert gate.refusal(entry(bot, "b1")) == "DRY_RUN is on: live orders are locked"


# The checklist.


def trial(tmp_path: Path, results: list[str]) -> Path:
    """A trial's ledger with lots closed at these results."""

    folder = tmp_path / "trial"
    folder.mkdir()
    engine = open_writer(folder / "ledger.db")
    zero = Decimal(0)
    with engine.begin() as db:
        put(db, t.key_values, key="mode", value="sim")
        for index, result in enumerate(results):
            put(db, t.lots, lot_id=f"l{index}", seq=index, product_id="BTC-USD", kind="runner", opened_ms=1, dust=zero,
                    open_price=Decimal(1), base_bought=Decimal(1), base_left=zero, cost=Decimal(1), entry_fee=zero,
                    tp_pct=Decimal(1), take_price=Decimal(2), trail_active=False, price_increment=Decimal("0.01"),
                    proceeds=zero, exit_fee=zero, closed_ms=2, realized_pnl=Decimal(result),)  # fmt: skip
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


WHY = "it is a test on the simulator"


def permit(
    sim: Sim, settings: Settings, folder: Path, typed: str, monkeypatch: pytest.MonkeyPatch, why: str = WHY
) -> int:
    """`typed`: the word; `why`: the reason, which is asked only where there is no GO. The exit code."""
    monkeypatch.setattr(typer, "prompt", lambda text, **_k: why if "nonetheless" in text else typed)
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
    assert permit(sim, settings, folder, f"live main {terms(settings, '').digest[:4]}", monkeypatch) == 0
    path = settings.paths.live_permission
    assert (os.stat(path).st_mode & 0o777) == 0o600
    key = sim.key()
    now_ms = round(SystemClock().utc().timestamp() * 1000)
    own = folder_identity.look(settings.paths).folder
    assert own is not None
    assert problem(path.read_bytes(), terms(settings, own), key["name"], Secret(key["privateKey"]), now_ms) is None
    assert key["privateKey"] not in path.read_text() and key["name"] not in path.read_text()


def judged(folder: Path, held: Settings, answer: str, **changes: Any) -> None:
    """A verdict of the lab in a data folder, as `./coin lab` keeps it."""
    line = {
        "record": "verdict", "at": "2026-11-01T00:00:00Z", "subject": "s", "answer": answer, "sentence": "it is so",
        "strategy": held.strategy, "products": list(held.products), "group": "run-1",
        "settings": {"STRATEGY": held.strategy, "STOP_LOSS_PCT": str(held.stop_loss_pct)},
        "artifacts": digests(held.strategy), "style": "lots", "maker_pct": 0.5, "taker_pct": 0.9,
    } | changes  # fmt: skip
    path = folder / lab_verdicts.REGISTRY
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(orjson.dumps(line) + b"\n")


def allowed(settings: Settings) -> live_permission.Permission:
    return live_permission.read(settings.paths.live_permission.read_bytes())


@pytest.mark.parametrize("answer", ["none", "NO-GO"])
def test_prod_without_a_go_asks_why_and_keeps_it(
    answer: str, sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = live_settings(tmp_path / "live", sim)
    assert settings.profile is Profile.PROD
    folder = trial(tmp_path, ["1"] * 10)
    if answer == "NO-GO":
        judged(folder, settings, "NO-GO")
    word = f"live main {terms(settings, '').digest[:4]}"
    for why in ("", "because", " " * 40, "x" * 301):
        assert permit(sim, settings, folder, word, monkeypatch, why) == 1
        assert not settings.paths.live_permission.exists()
    assert permit(sim, settings, folder, word, monkeypatch, f"  {WHY}  ") == 0
    said = capsys.readouterr()
    assert f"{answer} for {settings.strategy}" in said.out and "./coin lab last" in said.out
    found = allowed(settings)
    assert (found.lab, found.reason) == (answer, WHY)
    first, second = live_permission.lab_lines(settings.paths.live_permission.read_bytes())
    assert first.startswith(f"{answer}: ") and WHY in second and found.by in second
    forged = settings.paths.live_permission.read_bytes().replace(f'"{answer}"'.encode(), b'"GO"')
    key, now_ms = sim.key(), round(SystemClock().utc().timestamp() * 1000)
    own, secret = terms(settings, found.folder), Secret(key["privateKey"])
    assert "was not made with this key" in (problem(forged, own, key["name"], secret, now_ms) or "")


def test_a_go_on_these_settings_needs_no_reason_and_one_on_others_is_none(
    sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live_settings(tmp_path / "live", sim)
    folder, word = trial(tmp_path, ["1"] * 10), f"live main {terms(settings, '').digest[:4]}"
    judged(folder, settings, "GO", settings={"STRATEGY": settings.strategy, "STOP_LOSS_PCT": "7.5"})
    assert permit(sim, settings, folder, word, monkeypatch, "") == 1, "a GO on another stop"
    settings.paths.prepare()
    judged(settings.paths.root, settings, "GO")
    assert permit(sim, settings, folder, word, monkeypatch, "") == 0
    assert (allowed(settings).lab, allowed(settings).reason) == ("GO", "")
    judged(folder, settings, "NO-GO", at="2026-11-02T00:00:00Z")
    assert permit(sim, settings, folder, word, monkeypatch, "") == 1, "the newest counts"


def test_canary_is_told_and_not_asked(sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = live_settings(tmp_path / "live", sim, profile=Profile.CANARY)
    word = f"live main {terms(settings, '').digest[:4]}"
    assert permit(sim, settings, trial(tmp_path, ["1"] * 10), word, monkeypatch, "") == 0
    assert (allowed(settings).lab, allowed(settings).reason) == ("none", "")


def test_a_permission_for_prod_with_neither_go_nor_reason_locks() -> None:
    lab = LabStanding("NO-GO", "it is so", "0")
    for profile, reason, locks in (
        (Profile.PROD, "", True), (Profile.PROD, "why", False), (Profile.CANARY, "", False)
    ):  # fmt: skip
        agreed = at(replace(SETTINGS, profile=profile))
        data = grant(agreed, 7.0, KEY, SECRET, NOW, "a person", lab, reason)
        said = problem(data, agreed, KEY, SECRET, NOW + 1)
        assert (said is not None) == locks and (not locks or "neither a GO" in (said or ""))


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
