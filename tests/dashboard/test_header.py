"""What the header may say: above all, that RUNNING is never shown for a bot that isn't."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import render
from dashboard.pages.health import view as health
from dashboard.pages.overview import boot
from dashboard.rows import DiskLook
from dashboard.views import banner, commands, header, positions
from dashboard.views.snapshot import Liveness, PendingCommand, Pm2Look, Snapshot
from shared.command_table import Cmd
from shared.control import ControlFile, TradingState
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from shared.liveness import LockState
from shared.pm2 import Effective, Pm2Process
from shared.presence import Presence, Sighting, judge
from tests.dashboard.writer import Writer

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> BotState:
    return Writer(tmp_path_factory.mktemp("w")).state()


def snapshot(state: BotState | None, presence: Presence, **more: object) -> Snapshot:
    base = Snapshot(NOW, presence, state, 0.4 if state else None, 100.0, "sim", False, lost_at=NOW)
    return dataclasses.replace(base, **more)  # type: ignore[arg-type]


@given(
    age_s=st.none() | st.floats(0, 200),
    error=st.none() | st.just("torn"),
    missing=st.booleans(),
    moved=st.booleans(),
    watched_s=st.floats(0, 200),
    alive=st.sampled_from([None, True, False]),
    status=st.sampled_from(list(Status)),
)
@settings(max_examples=400)
def test_running_is_read_only_for_a_fresh_file_that_says_so(
    state: BotState, age_s: float | None, error: str | None, missing: bool, moved: bool, watched_s: float,
    alive: bool | None, status: Status,
) -> None:  # fmt: skip
    seen = Sighting(age_s, error, missing, moved, watched_s, alive)
    s = snapshot(dataclasses.replace(state, status=status), judge(seen), age_s=age_s, error=error, missing=missing)
    word = header.block(s).word
    living = error is None and not missing and moved and age_s is not None and age_s <= 5 and alive is not False
    assert (word == "RUNNING") == (living and status is Status.RUNNING)
    assert ("RUNNING" in header.title(s, "Overview")) == (word == "RUNNING")
    if not living:
        assert header.block(s).state != "ok"
        assert not any(step.state == "live" for step in boot.boot(s).steps)
        assert all(light.state != "ok" for light in header.lights(s)[:3])


@pytest.mark.parametrize(
    ("status", "phase", "hue"),
    [
        (Status.STARTING, Phase.BACKFILL, "now"),
        (Status.RUNNING, Phase.TRADING, "ok"),
        (Status.PAUSED, Phase.TRADING, "warn"),
        (Status.STOPPED, Phase.STOPPED, "idle"),
        (Status.KILLED, Phase.STOPPED, "bad"),
        (Status.SAFE, Phase.STOPPED, "warn"),
        (Status.ERROR, Phase.ERROR, "bad"),
    ],
)
def test_a_fresh_file_shows_the_bots_own_status(state: BotState, status: Status, phase: Phase, hue: str) -> None:
    block = header.block(snapshot(dataclasses.replace(state, status=status, phase=phase), Presence.FRESH))
    assert (block.word, block.state) == (status.value.upper(), hue)


def test_late_is_a_warning_inside_running(state: BotState) -> None:
    s = snapshot(state, Presence.FRESH, age_s=1.8)
    block = header.block(s)
    assert (block.word, block.age_state) == ("RUNNING", "late")
    assert "late" in block.sub


@pytest.mark.parametrize("presence", [Presence.LOADING, Presence.STALE, Presence.OFFLINE, Presence.UNREADABLE])
def test_every_other_presence_is_said_as_such_and_has_a_note(state: BotState, presence: Presence) -> None:
    s = snapshot(state, presence, age_s=14.2, error="cut short" if presence is Presence.UNREADABLE else None)
    assert header.block(s).word == presence.value.upper()
    note = banner.most_urgent(s)
    assert (note is None) == (presence is Presence.LOADING)
    if presence is Presence.UNREADABLE:
        assert note is not None
        assert "cut short" in note.text


def test_a_dead_bot_with_lots_says_that_nothing_guards_them(state: BotState) -> None:
    s = snapshot(state, Presence.OFFLINE, age_s=250.0, liveness=Liveness(4242, False, LockState.FREE))
    note = banner.most_urgent(s)
    assert note is not None
    assert "6 lots" in note.text
    assert "No stop loss is active" in note.strong
    assert [w.text for w in note.chips][1:3] == ["process 4242 gone", "lock free"]


def test_another_version_of_the_bot_makes_the_page_read_only(state: BotState) -> None:
    s = snapshot(state, Presence.UNREADABLE, foreign_version="2", error="its version is 2")
    for cmd in Cmd:
        refused = commands.why_not(s, cmd, {"lot_id": "x", "product_id": "x", "client_order_id": "x", "latch_id": "x"})
        assert bool(refused) == (cmd is not Cmd.KILL), cmd
    note = banner.most_urgent(s)
    assert note is not None
    assert "read-only" in note.heading
    assert boot.boot(s).remark == "no state file that can be read"


@pytest.mark.parametrize("presence", list(Presence))
@pytest.mark.parametrize("status", list(Status))
def test_every_disabled_button_says_why(state: BotState, presence: Presence, status: Status) -> None:
    s = snapshot(dataclasses.replace(state, status=status), presence)
    for role in ("operator", "viewer"):
        b = commands.buttons(s, role)
        assert b.kill.why == ("Signed in as viewer: read-only." if role == "viewer" else "")
        if presence is not Presence.FRESH and role == "operator":
            assert b.flatten.why == "The bot is not responding."
            assert b.pause.why == ""  # a level holds on disk
        if role == "viewer":
            assert all([b.start.why, b.pause.why, b.stop.why, b.flatten.why, b.drill.why])


def sent(waited_s: float, cmd: str = "pause") -> PendingCommand:
    return PendingCommand("c1", cmd, {}, "operator", int(NOW.timestamp() * 1000), waited_s)


def test_a_command_that_is_not_seen_in_two_seconds_is_said_loudly(state: BotState) -> None:
    on_its_way = commands.receipts(snapshot(state, Presence.FRESH, sent=(sent(1.9),)))[0]
    assert (on_its_way.state, on_its_way.alert) == ("now", False)
    lost = commands.receipts(snapshot(state, Presence.STALE, sent=(sent(2.0),)))[0]
    assert (lost.state, lost.alert) == ("lost", True)
    assert lost.say.startswith("Not delivered.")
    assert [step.word for step in lost.steps] == ["sent", "not seen"]


@pytest.mark.parametrize(
    ("end", "hue", "word"),
    [
        (ReceiptState.DONE, "done", "done"),
        (ReceiptState.FAILED, "fail", "failed"),
        (ReceiptState.REJECTED, "fail", "rejected"),
        (ReceiptState.EXPIRED, "warn", "expired"),
    ],
)
def test_a_receipt_tells_each_step_with_its_time(state: BotState, end: ReceiptState, hue: str, word: str) -> None:
    at = int(NOW.timestamp() * 1000)
    receipt = ReceiptDoc(id="c1", cmd="pause", state=end, by="operator", sent_ms=at, seen_ms=at + 38, done_ms=at + 214)
    paused = dataclasses.replace(state, status=Status.PAUSED, receipts=[receipt])
    strip = commands.receipts(snapshot(paused, Presence.FRESH, sent=(sent(9.0),)))[0]
    assert strip.state == hue
    assert [(x.word, x.time) for x in strip.steps][1:] == [("seen", "38\u00a0ms"), (word, "0.2\u00a0s")]


def test_pm2_that_cannot_be_read_is_said() -> None:
    s = snapshot(None, Presence.OFFLINE, pm2=Pm2Look("no PM2 daemon runs: ./coin start", kind="offline"), missing=True)
    assert header.lights(s)[3].text == "offline"


def test_the_start_button_asks_pm2_only_where_no_process_could_read_the_wish(state: BotState) -> None:
    assert not commands.starts_process(snapshot(state, Presence.FRESH))
    s = snapshot(state, Presence.OFFLINE, age_s=90.0)
    assert not commands.starts_process(s)  # PM2 does not know it


def test_a_boot_that_does_not_move_says_how_long_it_waits() -> None:
    drawn = boot.boot(snapshot(None, Presence.LOADING, watched_s=1.2))
    assert drawn.full
    assert drawn.remark == "waiting for the first state file, 1.2\u00a0s"


# ---- blind ----


def blind(tmp_path_factory: pytest.TempPathFactory, seconds: float, scenario: str = "six") -> BotState:
    writer = Writer(tmp_path_factory.mktemp("b"), scenario)
    writer.blind_since = datetime.now(UTC) - timedelta(seconds=seconds)
    return writer.state()


def test_a_blind_bot_is_not_running_in_block_title_icon_or_note(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = blind(tmp_path_factory, 51)
    s = snapshot(state, Presence.FRESH, liveness=Liveness(4242, True, LockState.HELD))
    block = header.block(s)
    assert (block.word, block.state, block.age_of) == ("BLIND", "bad", "trouble")
    assert block.age_s == pytest.approx(51.4, abs=0.3), "of the last heartbeat, not of the file"
    assert header.title(s, "Overview").startswith("BLIND 51")
    assert header.favicon(s) == "bad"
    told = banner.most_urgent(s)
    assert told is not None and told.state == "bad"
    said = f"{told.heading} 51 s{told.tail}. {told.text}"
    held = sum(lot.value_usd or 0 for p in state.positions or [] for lot in p.lots)
    assert f"6 lots, {held:,.2f} USD, not monitored" in said
    assert "6 take-profit orders rest at the exchange and can still fill" in said
    assert "Stop losses of SOL-USD are managed by the bot" in said
    assert render.figures_age_s(s) > 50
    bot = next(c for c in health.checks(s, DiskLook((), None, None), [], "build") if c.name == "Bot")
    assert (bot.state, bot.say) == ("bad", "blind"), "Health has no green tick for it"


def test_a_heartbeat_that_is_late_is_not_blindness(tmp_path_factory: pytest.TempPathFactory) -> None:
    s = snapshot(blind(tmp_path_factory, 3), Presence.FRESH)
    assert header.block(s).word == "RUNNING"
    assert render.figures_age_s(s) == pytest.approx(3.4, abs=0.3)
    calm = snapshot(blind(tmp_path_factory, 1.5), Presence.FRESH)
    assert 'data-s="fresh" data-age="fed"' in render.fill_age(render.FED.chip, calm), "a heartbeat comes each second"


# ---- a process that hangs ----

BOT = Pm2Process("COIN-BOT", 1, 4242, "online", Effective.ONLINE, "online", 0, None, 0, 0.0, "", None, 0, 8000, "", "")
KNOWN = Pm2Look(None, "7.0.1", (BOT,))


def test_a_hung_process_is_called_hung_without_green_ticks_and_offers_restart(state: BotState) -> None:
    seen = Liveness(4242, True, LockState.HELD, pid_stopped=True)
    for presence, age_s in ((Presence.STALE, 20.0), (Presence.OFFLINE, 300.0)):
        s = snapshot(state, presence, age_s=age_s, liveness=seen, pm2=KNOWN)
        assert header.block(s).word == "HUNG"
        told = banner.most_urgent(s)
        assert told is not None and told.action == "restart"
        assert "is hung" in told.heading and "gone" not in told.heading
        assert not [w.text for w in told.chips if "ok" in (w.state, w.icon)], "no tick beside a bot that hangs"
        assert any("suspended by a signal" in w.text for w in told.chips)
        assert commands.why_not_process(s, restart=True) == ""
        assert commands.why_not_process(s, restart=False) == "COIN-BOT is already running."
    fresh = snapshot(state, Presence.FRESH, liveness=Liveness(4242, True, LockState.HELD), pm2=KNOWN)
    assert commands.why_not_process(fresh, restart=True) == "The bot is responding: there is nothing to restart."


@pytest.mark.parametrize(
    ("level", "says"),
    [
        (TradingState.RUN, None),
        (TradingState.PAUSE, "starts paused"),
        (TradingState.STOP, "starts stopped"),
        (TradingState.KILL, "starts killed"),
    ],
)
def test_a_dead_bots_note_starts_the_process_under_the_wish_on_disk(
    state: BotState, level: TradingState, says: str | None
) -> None:
    gone = Pm2Look(None, "7.0.1", (dataclasses.replace(BOT, pid=0, effective=Effective.STOPPED, label="stopped"),))
    control = ControlFile(
        command=level.word if level is not TradingState.RUN else None, kill_switch=level is TradingState.KILL
    )
    s = snapshot(
        state, Presence.OFFLINE, age_s=90.0, liveness=Liveness(4242, False, LockState.FREE), pm2=gone, control=control
    )
    told = banner.most_urgent(s)
    assert told is not None and told.action == "start"
    assert ("It starts" in told.rest or "starts killed" in told.rest) == (says is not None)
    assert says is None or says in told.rest


# ---- receipts that are past ----


def done(cmd: str, ago_s: float, end: ReceiptState = ReceiptState.DONE) -> tuple[ReceiptDoc, PendingCommand]:
    at = int(NOW.timestamp() * 1000 - 1000 * ago_s)
    receipt = ReceiptDoc(id="c1", cmd=cmd, state=end, by="operator", sent_ms=at - 90, seen_ms=at - 40, done_ms=at)
    return receipt, sent(ago_s + 0.1, cmd)


@pytest.mark.parametrize(
    ("cmd", "status", "ago_s", "end", "shown"),
    [
        ("kill", Status.KILLED, 5, ReceiptState.DONE, True),
        ("kill", Status.STOPPED, 5, ReceiptState.DONE, False),
        ("kill", Status.RUNNING, 5, ReceiptState.DONE, False),
        ("kill", Status.KILLED, 31, ReceiptState.DONE, False),
        ("pause", Status.PAUSED, 5, ReceiptState.DONE, True),
        ("pause", Status.RUNNING, 5, ReceiptState.DONE, False),
        ("flatten", Status.PAUSED, 5, ReceiptState.DONE, True),
        ("flatten", Status.PAUSED, 60, ReceiptState.FAILED, True),
        ("flatten", Status.PAUSED, 121, ReceiptState.FAILED, False),
        ("flatten", Status.PAUSED, 300, ReceiptState.SEEN, True),
    ],
)
def test_a_receipt_is_gone_once_it_is_read_or_no_longer_so(
    state: BotState, cmd: str, status: Status, ago_s: float, end: ReceiptState, shown: bool
) -> None:
    receipt, command = done(cmd, ago_s, end)
    now = dataclasses.replace(state, status=status, receipts=[receipt])
    assert bool(commands.receipts(snapshot(now, Presence.FRESH, sent=(command,)))) is shown


@pytest.mark.parametrize("lively", [True, False])
def test_a_quick_first_entry_is_promised_only_on_the_lively_market(state: BotState, *, lively: bool) -> None:
    assert state.account is not None
    fresh = dataclasses.replace(
        state, status=Status.RUNNING, positions=[], account=dataclasses.replace(state.account, day_lots_opened=0)
    )
    note = banner.most_urgent(snapshot(fresh, Presence.FRESH, lively=lively))
    assert note is not None and note.heading == "No lot yet"
    assert ("within five minutes" in note.text) is lively


def test_stops_that_nobody_watches_are_called_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    s = snapshot(blind(tmp_path_factory, 51), Presence.FRESH)
    nearest = positions.next_exits(s)
    assert {e.unwatched for e in nearest if e.what.startswith("trailing stop")} == {True}
    assert all(e.what.endswith("resting at the exchange") for e in nearest if e.what.startswith("take"))
    seeing = positions.next_exits(snapshot(blind(tmp_path_factory, 0), Presence.FRESH))
    assert not [e for e in seeing if e.unwatched or "not monitored" in e.what]
