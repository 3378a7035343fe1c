"""Reload: limits, sizes and pauses taken up between two events; what needs a restart changes nothing."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.app import reload
from bot.app.folder import Folder
from bot.app.live_lock import LiveLock
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import PlaceOrder
from bot.venues.port import ApiKey
from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from shared.live_permission import grant, terms
from shared.paths import ROOT
from shared.ports import SystemClock, SystemFs
from shared.setting_table import RULES, FormChange, Settings
from shared.settings import Loaded, Mode, Profile, Secret, SettingsError, config_hash
from shared.times import epoch_ms
from tests.core.harness import D
from tests.runtime.bot_rig import BotRig, send
from tests.runtime.live_rig import LAB

RELOADED = frozenset(key for key, rule in RULES.items() if rule.form is FormChange.RELOAD)


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    return BotRig(tmp_path / "data")


def asked(rig: BotRig, loaded: Loaded | SettingsError) -> Any:
    """The receipt of a reload that finds these settings in `.env`."""

    def load() -> Loaded:
        if isinstance(loaded, SettingsError):
            raise loaded
        return loaded

    rig.bot.commands.load_settings = load
    send(rig, Cmd.START)
    sent = send(rig, Cmd.RELOAD)
    rig.look(2)
    return rig.receipt(sent)


def changed(rig: BotRig, **values: Any) -> Loaded:
    keys = {name.upper() for name in values}
    settings = replace(rig.settings, **values, by_hand=rig.settings.by_hand | keys)
    return Loaded(settings, dict.fromkeys(RULES, "default") | dict.fromkeys(keys, ".env"))


def bought(rig: BotRig) -> list[PlaceOrder]:
    """Orders after a bar on which the strategy says buy."""
    bot, before = rig.bot, len(rig.sent.actions)
    rig.strategy.word = "buy"
    rig.clock.turn(61)
    at_s = int(rig.clock.utc().timestamp()) // 60 * 60 - 60
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(at_s, 100, 100, 100, 100, 1),)))
    rig.clock.turn(2)
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    return [one for one in rig.sent.actions[before:] if isinstance(one, PlaceOrder)]


async def test_a_limit_holds_from_the_next_event_on_and_is_told_to_ledger_and_state(rig: BotRig) -> None:
    rig.begin()
    loaded = changed(rig, reduce_only=True, max_order_usd=77.0)
    receipt = asked(rig, loaded)
    assert (receipt.state, receipt.reason) == (ReceiptState.DONE, "in force")
    assert receipt.result == {"REDUCE_ONLY": "false → true", "MAX_ORDER_USD": "0 → 77"}
    assert bought(rig) == [], "no entry any more"
    assert rig.bot.settings.max_order_usd == 77 and rig.bot.engine is not None
    assert rig.bot.engine.view.settings is rig.bot.settings
    assert rig.state().config_hash == config_hash(loaded.settings)
    told = {"REDUCE_ONLY false → true, by operator", "MAX_ORDER_USD 0 → 77, by operator"}
    assert told <= {event.text for event in rig.state().events if event.kind == "settings"}
    assert asked(rig, loaded).reason == "nothing would change", "twice is harmless"
    back = asked(rig, Loaded(rig.settings, dict.fromkeys(RULES, "default")))
    assert back.state is ReceiptState.DONE and len(bought(rig)) == 1
    rig.begin()
    assert told <= {event.text for event in rig.state().events}, "the ledger remembers it over a restart"


async def test_one_setting_that_needs_a_restart_and_nothing_is_taken_up(rig: BotRig) -> None:
    rig.begin()
    before = rig.bot.settings
    receipt = asked(rig, changed(rig, reduce_only=True, take_profit_pct=9.0, ma_fast=3))
    assert receipt.state is ReceiptState.REJECTED
    assert receipt.reason == "a restart is needed for TAKE_PROFIT_PCT, MA_FAST: nothing was changed"
    assert receipt.result is not None and receipt.result["REDUCE_ONLY"] == "false → true"
    assert rig.bot.settings is before and len(bought(rig)) == 1


async def test_what_cannot_be_read_and_a_bot_that_starts_change_nothing(rig: BotRig) -> None:
    rig.begin()
    receipt = asked(rig, SettingsError(["MAX_ORDER_USD=many: a number from 0 to 1000000000"]))
    assert (receipt.state, receipt.reason) == (
        ReceiptState.FAILED, "MAX_ORDER_USD=many: a number from 0 to 1000000000",
    )  # fmt: skip
    rig.begin(trading=False)
    assert "not while the bot starts" in (asked(rig, changed(rig, reduce_only=True)).reason or "")


async def test_a_cap_for_one_coin_comes_with_its_figure(rig: BotRig) -> None:
    rig.begin()
    caps = changed(rig, max_product_usd=500.0, product_caps={"BTC": 200.0})
    assert asked(rig, caps).result == {"MAX_PRODUCT_USD": "0 → 500,BTC:200"}
    assert rig.bot.settings.product_cap_usd("BTC-USD") == 200


def test_the_live_permission_must_fit_what_was_reloaded(tmp_path: Path) -> None:
    clock, secret = SystemClock(), Secret("s")
    settings = Settings(
        coin_mode=Mode.LIVE, profile=Profile.PROD, dry_run=False, coinbase_key_file="/nowhere", data_dir=tmp_path
    )
    settings.paths.prepare()
    at = epoch_ms(clock.utc())
    settings.paths.live_permission.write_bytes(grant(terms(settings, "f" * 32), 7.0, "k", secret, at, "me", LAB, "why"))
    settings.paths.live_permission.chmod(0o600)
    lock = LiveLock(settings, clock, SystemFs(), lambda: ApiKey("k", secret))
    lock.judged(Folder("f" * 32, None))
    assert lock.reason() is None
    lock.resettled(replace(settings, max_order_usd=50.0))
    assert lock.reason() == "changed since the permission: MAX_ORDER_USD 0.0 → 50.0"
    lock.resettled(settings)
    assert lock.reason() is None


# ---- which settings ----


def test_only_what_is_read_at_each_use_may_change_while_running() -> None:
    """By where it is read: in the engine from its state, or in the shell from the application; never kept aside."""
    kept_aside = ("bot/engine/state/markets.py", "bot/engine/state/account.py", "bot/strategies/", "bot/venues/")
    shell = {"bot/app/scan.py", "bot/app/debug_lines.py"}
    found = set()
    for path in sorted((ROOT / "bot").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or node.attr.upper() not in RELOADED:
                continue
            if not ast.unparse(node.value).endswith(("settings", "s", "terms")):
                continue  # reduce_only of an order
            assert not name.startswith(kept_aside), f"{name}:{node.lineno} {node.attr}"
            assert name.startswith("bot/engine/") or name in shell, f"{name}:{node.lineno} {node.attr}"
            found.add(node.attr.upper())
    assert found == RELOADED - {"MAX_PRODUCT_USD"} | (found & {"MAX_PRODUCT_USD"})
    exits = {"TAKE_PROFIT_PCT", "STOP_LOSS_PCT", "TRAIL_DISTANCE_PCT", "TAKE_PROFIT_ORDER", "SIGNAL_EXITS", "STRATEGY"}
    assert not RELOADED & exits, "open lots keep what they were bought with"


def test_nothing_else_can_be_swapped() -> None:
    with pytest.raises(AssertionError):
        reload.taken_up(Settings(), Settings(), {"TAKE_PROFIT_PCT": ""})
