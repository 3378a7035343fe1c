"""Settings as a form: who may change which, what is written, what is refused at its field, undo and the history."""

import fcntl
import os
import stat
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboard import settings_backtest, settings_change
from dashboard import settings_history as history
from dashboard.lab_desk import LabDesk
from dashboard.pages.settings import view
from dashboard.views import format as f
from shared import env_file, live_permission, setting_change
from shared.control import decode_control
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.lab import LabCurve, LabOutcome, LabTried, LabTry
from shared.files import write_whole
from shared.lab_verdicts import LabStanding
from shared.setting_change import FORM_SETTINGS, SettingEdit, SettingRefused
from shared.setting_table import RULES
from shared.settings import Secret, config_hash, is_secret, load
from shared.times import parse_time
from tests.dashboard.conftest import Dash
from tests.dashboard.test_access import age
from tests.dashboard.test_alerts import text_of
from tests.dashboard.test_strategy_page import up

OWN = "# my own limits\nMAX_ORDER_USD=250   # not more\n\nDASHBOARD_PORT=8080\n"
LIVE = {"COIN_MODE": "live", "PROFILE": "prod", "COINBASE_KEY_FILE": "/nowhere"}
BY_HAND = frozenset(
    {"DRY_RUN", "COIN_MODE", "PROFILE", "DATA_DIR", "STATE_FILE", "LEDGER_URL", "COINBASE_KEY_FILE", "BOT_NAME",
     "COINBASE_API_KEY_NAME", "COINBASE_API_PRIVATE_KEY", "LIVE_PERMISSION_DAYS", "STRATEGY", "STRATEGIES",
     "REGIME_STRATEGIES", "SIM_UPSTREAM", "SIM_UPSTREAM_CA", "ALERT_PUSH_HOSTS", "CHAT_USERS"}
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (*RULES, "COIN_MODE"):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def own(dash: Dash) -> Dash:
    """With a file of settings that a person wrote, and a bot that runs with it."""
    dash.loaded.env_file.write_text(OWN)
    dash.hub.loaded = load(dash.loaded.env_file, {})
    runs_with(dash)
    return dash


def runs_with(dash: Dash, mark: str = "") -> None:
    """The bot says that it runs with these settings; "" = with what `.env` says now."""
    mark = mark or config_hash(load(dash.loaded.env_file, {}).settings)
    before = dash.hub.reader.snapshot

    def snapshot() -> Any:
        s = before()
        assert s.state is not None
        return replace(s, state=replace(s.state, config_hash=mark))

    dash.hub.reader.snapshot = snapshot  # type: ignore[method-assign]


async def applied(client: httpx.AsyncClient, was: dict[str, str] | None = None, **values: str) -> httpx.Response:
    fields = {f"s.{key}": text for key, text in values.items()} | {f"w.{k}": v for k, v in (was or {}).items()}
    return await client.post("/settings/apply", data=fields)


async def undone(client: httpx.AsyncClient, change_id: str) -> httpx.Response:
    return await client.post("/settings/undo", data={"undo": change_id})


def text(dash: Dash) -> str:
    return dash.loaded.env_file.read_text()


def field(page: str, key: str) -> str:
    return page[page.index(f'id="set-{key}"') :].partition("</li>")[0]


# ---- which, by default none ----


def test_what_may_be_changed_is_said_setting_by_setting_and_no_other_may() -> None:
    secrets = {key for key in RULES if is_secret(key)}
    places = {key for key in RULES if key.startswith(("DASHBOARD_", "SIM_", "COINBASE_", "ALERT_", "BACKUP_"))}
    assert not FORM_SETTINGS & (BY_HAND | secrets | places)
    assert {"TAKE_PROFIT_PCT", "MAX_ORDER_USD", "PRODUCTS"} <= FORM_SETTINGS and len(FORM_SETTINGS) > 90


async def test_nothing_else_can_be_posted(own: Dash) -> None:
    async with await own.browser() as client:
        for key in [*sorted(RULES.keys() - FORM_SETTINGS), "STRATEGY_DIP_N", "PATH", "", "COIN_PYTHON"]:
            with pytest.raises(SettingRefused):
                setting_change.effect(own.hub.loaded, {key: "1", "TAKE_PROFIT_PCT": "2.8"}, {})
        for key in ("DRY_RUN", "COIN_MODE", "SLACK_WEBHOOK", "DASHBOARD_HOST", "PATH"):
            sent = {f"s.{key}": "1", "s.TAKE_PROFIT_PCT": "2.8"}
            assert (await client.post("/settings/apply", data=sent)).status_code == 422
    assert text(own) == OWN and "settings_changed" not in own.paths.audit.read_text()


# ---- written ----


async def test_a_change_is_written_whole_told_to_the_trail_and_shown_until_the_bot_runs_with_it(own: Dash) -> None:
    asked = up(own)
    async with await own.browser() as client:
        piece = text_of((await client.get("/settings/effect?s.MAX_ORDER_USD=300&s.ORDER_MIN_USD=7")).text)
        assert "Max order 250 USD 300 USD" in " ".join(piece.replace(f.NBSP, " ").split())
        assert "LOW_FUNDS part to retry" in piece and "Reload, no restart" in piece and "Apply" in piece
        assert (await client.post("/commands", data={"cmd": "restart_process"})).status_code == 409
        exit_too = text_of((await client.get("/settings/effect?s.MAX_ORDER_USD=300&s.TAKE_PROFIT_PCT=2.8")).text)
        assert "A restart takes it up. TAKE_PROFIT_PCT cannot change while it runs." in exit_too
        done = await applied(client, {"MAX_ORDER_USD": "250"}, MAX_ORDER_USD="300", TAKE_PROFIT_PCT="2.80")
        assert (done.status_code, done.headers["location"]) == (303, "/settings#se-receipt")
        assert text(own) == OWN.replace("250", "300") + "TAKE_PROFIT_PCT=2.80\n"
        assert stat.S_IMODE(os.stat(own.loaded.env_file).st_mode) == 0o600
        page = unescape((await client.get("/settings")).text)
        receipt = text_of(page[page.index('id="se-receipt"') : page.index('class="stb"')])
        assert "Max order 250 to 300" in receipt.replace(f.NBSP, " ") and "until a restart" in receipt
        assert "Restart COIN-BOT" in receipt and "Undo" in receipt
        trail = text_of(page[page.index('id="se-hist"') :])
        assert "Take profit" in trail and "operator" in trail and "TAKE_PROFIT_PCT" in trail
        assert "Settings changed" in text_of((await client.get("/events")).text)
        assert (await client.post("/commands", data={"cmd": "restart_process"})).status_code == 303
        runs_with(own)
        assert "The bot runs with it." in text_of((await client.get("/settings")).text)
        assert (await client.post("/commands", data={"cmd": "restart_process"})).status_code == 409
    assert asked.told == ["COIN-BOT"]
    assert own.hub.loaded.settings.max_order_usd == 300, "other pages show it as well"


async def test_a_limit_is_reloaded_and_what_the_bot_says_of_it_is_shown(own: Dash) -> None:
    async with await own.browser() as client:
        assert (await applied(client, MAX_ORDER_USD="300")).status_code == 303
        sent = decode_control(own.paths.control.read_bytes()).commands[-1]
        assert (sent.cmd, sent.args) == ("reload", {})
        s, rows = own.hub.reader.snapshot(), history.changes(own.paths)
        assert s.state is not None and rows[0].how == "reload"
        waits = settings_change.standing(own.hub.loaded, s, rows)
        at_ms = int(parse_time(rows[0].at).timestamp() * 1000)

        def said(**answer: Any) -> view.SettingsReceipt:
            made = {"id": "r", "cmd": "reload", "by": "o", "sent_ms": at_ms, "seen_ms": at_ms + 20}
            receipts = [ReceiptDoc(**made, **answer)] if answer else []
            told = replace(s, state=replace(s.state, receipts=receipts)) if s.state is not None else s
            found = view.receipt(told, rows, waits, {"MAX_ORDER_USD": "300"}, "operator")
            assert found is not None
            return found

        assert "has not read it yet" in said().say and not said().restart
        done = said(state=ReceiptState.DONE, done_ms=at_ms + 25, reason="in force")
        assert [step.word for step in done.steps] == ["written", "seen", "in force"]
        refused = said(state=ReceiptState.REJECTED, done_ms=at_ms + 25, reason="a restart is needed for MA_FAST")
        assert "did not take it up: a restart is needed for MA_FAST" in refused.say
        assert refused.steps[2].word == "refused"
        # A reload takes up all of `.env` or nothing, so this one has to wait as well.
        piece = text_of((await client.get("/settings/effect?s.REDUCE_ONLY=true")).text)
        assert "other changes that the bot does not run with yet" in piece


async def test_the_past_with_the_old_and_the_new_values_and_what_was_shown_is_kept_with_the_change(
    own: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []

    async def tried(_desk: LabDesk, one: LabTry) -> LabTried:
        asked.append(one.question.settings)
        better = len(asked) % 2 == 0
        figures = {"total_return": 0.03 if better else -0.05, "buy_and_hold": 0.14, "max_drawdown": 0.2, "lots": 3.0}
        curve = LabCurve(times_s=[0, 60], equity=[1.0, 2.0], holding=[1.0, 3.0], cash=1.0)
        made = LabOutcome(sentence="", proof="", luck="", figures=figures, curve=curve, bars=2, currency="USD",
                          strategy="sma_cross")  # fmt: skip
        return LabTried(page=one.page, seq=one.seq, outcome=made)

    monkeypatch.setattr(settings_backtest, "tried", tried)
    monkeypatch.setattr(settings_backtest, "sets_of", lambda *_: ("btc",))
    fields = {"s.TAKE_PROFIT_PCT": "2.8", "s.SAFE_STARTS": "3", "data": "btc"}
    async with await own.browser() as client:
        page = " ".join(
            text_of((await client.post("/settings/backtest", data=fields)).text).replace(f.NBSP, " ").split()
        )
        assert asked == [{"TAKE_PROFIT_PCT": "1.9"}, {"TAKE_PROFIT_PCT": "2.8"}]
        assert "Return −5.00 % +3.00 %" in page and "Both lose to holding." in page and "Open — —" in page
        assert "Not checked for look-ahead." in page and "Not in it: Safe starts." in page
        nothing = text_of((await client.post("/settings/backtest", data=fields | {"data": "x"})).text)
        assert "There is no such candle set." in nothing
        await applied(client, TAKE_PROFIT_PCT="2.8", SAFE_STARTS="3")
        assert history.changes(own.paths)[0].rests_on == "btc: return −5.00 % to +3.00 %, holding +14.00 %"
        await applied(client, TAKE_PROFIT_PCT="2.9")
        assert history.changes(own.paths)[0].rests_on == "", "another value was not looked at"
    async with await own.browser("viewer") as client:
        assert (await client.post("/settings/backtest", data=fields)).status_code == 403


async def test_an_empty_field_takes_the_line_out_and_what_is_as_it_was_is_no_change(own: Dash) -> None:
    async with await own.browser() as client:
        assert (await applied(client, MAX_ORDER_USD="250.0", TAKE_PROFIT_PCT="1.9")).status_code == 303
        assert text(own) == OWN and history.changes(own.paths) == []
        assert (await applied(client, MAX_ORDER_USD="")).status_code == 303
    assert "MAX_ORDER_USD" not in text(own) and text(own).startswith("# my own limits\n")


# ---- refused ----


@pytest.mark.parametrize(
    ("key", "typed", "says"),
    [
        ("TAKE_PROFIT_PCT", "none", "a number from 0.01 to 1000"),
        ("MAX_ORDER_USD", "2", "ORDER_MIN_USD=5 is above MAX_ORDER_USD=2"),
        ("MA_FAST", "400", "MA_FAST=400 must be below MA_SLOW=30"),
        ("SIZING", "all in", "one of percent, fixed"),
        ("PRODUCTS", "BTC-USD,ETH-EUR", "PRODUCTS mixes EUR and USD"),
        ("MAX_BASE", "BTC:1\nDRY_RUN=false", "a character that .env does not take"),
        ("MAX_BASE", "x" * 500, "More than 400 characters"),
    ],
)
async def test_what_nothing_would_start_with_is_said_at_its_field_and_not_written(
    own: Dash, key: str, typed: str, says: str
) -> None:
    async with await own.browser() as client:
        answer = await client.post("/settings/apply", data={f"s.{key}": typed})
        assert answer.status_code == 422 and says in unescape(answer.text)
        if "character" not in says:
            assert says in unescape(field(answer.text, key)) and 'aria-invalid="true"' in answer.text
        assert "the old values hold" in answer.text
    assert text(own) == OWN and list(Path(own.loaded.env_file).parent.glob("*.tmp")) == []


async def test_what_changed_meanwhile_is_not_overwritten(own: Dash) -> None:
    async with await own.browser() as client:
        answer = await applied(client, {"MAX_ORDER_USD": "100"}, MAX_ORDER_USD="300")
        assert answer.status_code == 422 and "It is 250 by now, not 100" in answer.text
    assert text(own) == OWN


async def test_a_setting_of_the_environment_and_one_held_by_another_writer_are_not_written(
    own: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await own.browser() as client:
        monkeypatch.setenv("TAKE_PROFIT_PCT", "3")
        answer = await applied(client, TAKE_PROFIT_PCT="2.8")
        assert answer.status_code == 422 and "set in the environment" in answer.text
        monkeypatch.delenv("TAKE_PROFIT_PCT")
        monkeypatch.setattr(env_file, "LOCK_S", 0.05)
        with own.loaded.env_file.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            held = await applied(client, TAKE_PROFIT_PCT="2.8")
        assert held.status_code == 409 and "another program is changing" in held.text
        assert "settings_not_written" in own.paths.audit.read_text()
        page = text_of((await client.get("/settings")).text)
        assert "Nothing was changed here yet" in page, "a change that failed is none"
    assert text(own) == OWN


async def test_without_an_audit_line_nothing_is_changed(own: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    async with await own.browser() as client:
        monkeypatch.setattr(own.hub.audit, "write", full)
        answer = await applied(client, TAKE_PROFIT_PCT="2.8")
        assert answer.status_code == 409 and "The audit trail cannot be written" in answer.text
    assert text(own) == OWN


# ---- who ----


async def test_a_viewer_a_token_and_a_foreign_page_change_nothing(own: Dash) -> None:
    async with await own.browser("viewer") as client:
        assert (await applied(client, TAKE_PROFIT_PCT="2.8")).status_code == 403
        page = (await client.get("/settings?s.TAKE_PROFIT_PCT=2.8")).text
        assert "disabled" in field(page, "TAKE_PROFIT_PCT") and ">Apply<" not in page
    async with own.machine() as client:
        assert (await applied(client, TAKE_PROFIT_PCT="2.8")).status_code == 403
    async with await own.browser() as client:
        del client.headers["x-csrf-token"]
        assert (await applied(client, TAKE_PROFIT_PCT="2.8")).status_code == 403
        assert (await undone(client, "0")).status_code == 403
    assert text(own) == OWN


async def test_with_real_money_an_old_sign_in_is_confirmed_first_and_what_ends_is_named(make_dash: Any) -> None:
    live: Dash = make_dash(env=LIVE)
    live.beat()
    at = live_permission.terms(live.loaded.settings, "f" * 32)
    lab = LabStanding("NO-GO", "the lab said so", "d")
    data = live_permission.grant(at, 7.0, "k", Secret("s"), 1_800_000_000_000, "a person", lab, "a reason")
    write_whole(live.paths.live_permission, data, durable=True)
    before = text(live)
    async with await live.browser() as client:
        piece = text_of((await client.get("/settings/effect?s.MAX_ORDER_USD=50")).text)
        assert "Ends the live permission" in piece and "MAX_ORDER_USD 0.0 → 50.0" in piece
        age(live, client)
        page = (await client.get("/settings?s.MAX_ORDER_USD=50")).text
        assert "Confirm your sign-in" in page and ">Apply<" not in page
        answer = await applied(client, MAX_ORDER_USD="50")
        assert answer.headers["location"] == "/confirm?back=%2Fsettings%3Fs.MAX_ORDER_USD%3D50"
        assert text(live) == before
    async with await live.browser() as client:
        assert (await applied(client, MAX_ORDER_USD="50")).headers["location"] == "/settings#se-receipt"
    assert text(live) == before + "MAX_ORDER_USD=50\n"


# ---- undo ----


async def test_undo_puts_back_what_the_file_said_until_something_newer_touches_it(own: Dash) -> None:
    async with await own.browser() as client:
        await applied(client, MAX_ORDER_USD="300", TAKE_PROFIT_PCT="2.8")
        first = history.changes(own.paths)[0]
        assert [(edit.before, edit.written) for edit in first.edits] == [("250", "300"), ("", "2.8")]
        assert (await undone(client, first.id)).status_code == 303
        assert text(own) == OWN, "byte for byte, as before"
        assert (await undone(client, first.id)).status_code == 409
        assert "It was undone." in (await undone(client, first.id)).text
        await applied(client, MAX_ORDER_USD="400")
        older = history.changes(own.paths)[0]
        await applied(client, MAX_ORDER_USD="500")
        refused = await undone(client, older.id)
        assert refused.status_code == 409 and "MAX_ORDER_USD was changed again since" in refused.text
        own.loaded.env_file.write_text(OWN)
        by_hand = await undone(client, history.changes(own.paths)[0].id)
        assert "MAX_ORDER_USD was changed by hand since" in by_hand.text
    assert text(own) == OWN


def test_a_bot_that_runs_with_an_older_file_is_found_and_one_by_hand_is_not(own: Dash) -> None:
    made = [row(3, "b", "c"), row(2, "a", "b"), row(1, "0", "a")]
    assert history.since(made, "a") == made[:2] and history.since(made, "c") is None
    assert history.since([made[0], made[2]], "0") is None, "a change by hand lies between"
    found, s = load(own.loaded.env_file, {}), own.hub.reader.snapshot()
    assert settings_change.standing(found, s, []) == "in force"
    other = replace(s, state=replace(s.state, config_hash="x" * 16)) if s.state else s
    assert settings_change.standing(found, other, []) == "differs"
    assert settings_change.standing(found, replace(s, state=None), []) == "unknown"


def row(number: int, before: str, after: str) -> history.SettingsChange:
    edit = SettingEdit("TAKE_PROFIT_PCT", "1", "2", "", "2")
    return history.SettingsChange(str(number), "", "operator", (edit,), before, after, "restart", "", "")


def test_lines_that_were_made_up_are_no_changes(own: Dash) -> None:
    for edits in ([["DRY_RUN", "true", "false", "", "false"]], [["TAKE_PROFIT_PCT", "1"]], "x", None, []):
        own.hub.audit.note(
            "settings_changed", by="x", role="operator", address="", facts={"change": "1", "edits": edits}
        )
    assert history.changes(own.paths) == []


# ---- looks ----


async def test_every_setting_stands_there_with_value_source_and_default_and_no_secret(make_dash: Any) -> None:
    made: Dash = make_dash(env={"LEDGER_URL": "postgresql://u:hush@h/d", "TAKE_PROFIT_PCT": "2.4"})
    made.beat()
    async with await made.browser() as client:
        page = (await client.get("/settings")).text
        assert all(f'id="set-{key}"' in page for key in RULES) and "hush" not in page
        take = text_of(field(page, "TAKE_PROFIT_PCT"))
        assert ".env, default 1.9" in take and "RUNNER_TP_MULT depends on it." in take
        assert "No effect now: SIZING is percent." in text_of(field(page, "FIXED_ORDER_USD"))
        assert "by hand in .env" in text_of(field(page, "DRY_RUN"))
        assert 'href="/strategy"' in field(page, "STRATEGY") and 'href="/alerts/sinks"' in field(page, "SLACK_WEBHOOK")
        found = (await client.get("/settings?q=trailing")).text
        assert " hidden" not in field(found, "TRAIL_DISTANCE_PCT").partition(">")[0]
        assert '<li hidden class="stg" id="set-MA_FAST"' in found


async def test_a_broken_file_is_said_and_nothing_can_be_changed(own: Dash) -> None:
    own.loaded.env_file.write_text("MAX_ORDER_USD=many\n")
    async with await own.browser() as client:
        page = (await client.get("/settings")).text
        assert ".env cannot be used" in page and "disabled" in field(page, "TAKE_PROFIT_PCT")
        assert (await applied(client, TAKE_PROFIT_PCT="2.8")).status_code == 409
    assert text(own) == "MAX_ORDER_USD=many\n"
