"""A green sign needs a reason, and what is not known is neither zero nor fine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard import earned
from dashboard.pages.health import view as health
from dashboard.pages.overview import boot
from dashboard.pages.overview import view as overview
from dashboard.pages.risk import view as risk
from dashboard.routes import api, models
from dashboard.rows import DiskLook
from dashboard.views import banner, commands, gates, header, positions
from dashboard.views.snapshot import Beat, Liveness, Snapshot
from shared.documents.events import AlertDoc
from shared.documents.state import BotState
from shared.documents.status import Status
from shared.liveness import LockState
from shared.presence import Presence
from shared.verdict import PartDoc, PartState
from tests.dashboard.conftest import Dash
from tests.dashboard.writer import Writer

TRADES = Liveness(4242, True, LockState.HELD)


def snapshot(state: BotState | None, presence: Presence = Presence.FRESH, age_s: float = 0.4) -> Snapshot:
    return Snapshot(datetime.now(UTC), presence, state, age_s, 100.0, "sim", False, liveness=TRADES)


def silent(tmp_path: Path, seconds: float, rest_s: float) -> BotState:
    """The stream is silent on a socket that is open, and the last request that was answered is so old."""
    writer = Writer(tmp_path)
    writer.blind_since = datetime.now(UTC) - timedelta(seconds=seconds)
    state = writer.state()
    assert state.verdict is not None and state.feeds is not None
    parts = [replace(p, age_ms=round(rest_s * 1000)) if p.name == "rest" else p for p in state.verdict.parts]
    feeds = replace(state.feeds, ws_connected=True, rest_ok=True, clock_ok=True)
    return replace(state, verdict=replace(state.verdict, parts=parts), feeds=feeds)


def checks(s: Snapshot) -> dict[str, health.CheckRow]:
    return {c.name: c for c in health.checks(s, DiskLook((), None, None), [], "build")}


def test_a_silent_exchange_on_an_open_socket_has_no_green_light_breaker_or_check(tmp_path: Path) -> None:
    s = snapshot(silent(tmp_path, 12, 12))
    assert [light.state for light in header.lights(s)[:3]] == ["bad", "unk", "unk"]
    found = {b.name: b.word for b in risk.breakers(s)}
    assert found["Stale feed"] == "Tripped" and found["Exchange REST"] == found["Clock offset"] == "Not known"
    assert checks(s)["Exchange"].state == "bad" and "no heartbeat since" in checks(s)["Exchange"].say
    assert checks(s)["Clock"].state == checks(s)["Account"].state == "unk"
    assert risk.armed(s).state == "warn" and "when the exchange responds" in risk.armed(s).say
    assert positions.held(s).sums == "unknown"
    told = {w.text.split(" ")[0].rstrip(":"): w.state for w in header.source_chips(s)}
    assert told["REST"] == told["Balances"] == told["Clock"] == "unk" and told["Ledger"] == "ok", "as in the lights"
    step = next(step for step in boot.boot(s).steps if step.name == "RUNNING")
    assert (step.state, step.time) == ("stale", "blind"), "nothing below a blind bot is green and says running"


def test_what_still_answers_beside_a_silent_stream_keeps_its_sign(tmp_path: Path) -> None:
    s = snapshot(silent(tmp_path, 60, 2))
    assert [light.state for light in header.lights(s)[:3]] == ["bad", "ok", "ok"]
    assert {b.name: b.word for b in risk.breakers(s)}["Exchange REST"] == "OK"


def test_order_news_that_is_silent_is_no_green_stream(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert state.verdict is not None
    gone = [replace(p, state=PartState.GONE, age_ms=9000) if p.name == "orders" else p for p in state.verdict.parts]
    s = snapshot(replace(state, verdict=replace(state.verdict, word="blind", seconds=9.0, parts=gone)))
    assert (header.lights(s)[0].state, header.lights(s)[0].text) == ("bad", "9.4\u00a0s")
    told = banner.most_urgent(s)
    assert told is not None and "none is guaranteed to be sent until the exchange responds" in told.text, (
        "prices still come"
    )


def test_only_a_bot_that_runs_is_fine(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert state.verdict is not None
    for status in (Status.STARTING, Status.STOPPING, Status.STOPPED, Status.PAUSED, Status.SAFE):
        doc = replace(state, status=status, verdict=replace(state.verdict, word=status.value))
        assert checks(snapshot(doc))["Bot"].state == "warn", status
    assert checks(snapshot(state))["Bot"].state == "ok"
    assert checks(snapshot(state, Presence.OFFLINE, 90.0))["Account"].state == "unk"


@pytest.mark.parametrize("word", ["locked_out", "ledger_gone"])
def test_a_kill_switch_of_a_bot_that_may_not_send_is_not_simply_armed(tmp_path: Path, word: str) -> None:
    state = Writer(tmp_path).state()
    assert state.verdict is not None
    doc = replace(state, verdict=replace(state.verdict, word=word, reason="nothing is sent"))
    found = risk.armed(snapshot(doc))
    assert found.state == "warn" and "Gate open" not in found.say
    assert risk.armed(snapshot(state)).state == "ok"


def test_a_second_writer_is_said_on_every_page(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert state.verdict is not None and state.risk is not None
    why = "BUY BTC-USD, order 7, was made after this start with epoch c0ffee00"
    writer = PartDoc(name="writer", title="Only writer", state=PartState.GONE, text=f"second writer: {why}")
    parts = [*(p for p in state.verdict.parts if p.name != "writer"), writer]
    doc = replace(
        state,
        verdict=replace(state.verdict, word="second_writer", reason=f"{why}: press Start", parts=parts),
        alerts=[AlertDoc(code="second_writer", text="A second bot trades under the name main")],
        risk=replace(state.risk, entries_blocked=f"second writer: {why}"),
    )
    s = snapshot(doc)
    b = header.block(s)
    assert (b.state, b.word) == ("bad", "SECOND WRITER") and "no entries" in b.sub
    assert header.title(s, "Why").startswith("SECOND WRITER") and header.favicon(s) == "bad"
    found = checks(s)
    assert found["Only writer"].state == found["Bot"].state == "bad" and why in found["Only writer"].say
    assert (
        checks(snapshot(replace(state, verdict=replace(state.verdict, parts=parts[:-1]))))["Only writer"].state == "unk"
    )
    told = banner.most_urgent(s)
    assert told is not None and "Another bot" in told.heading and why in told.text
    assert any(why in w.text and w.state == "bad" for w in header.source_chips(s))
    health_doc = api.bot_health(s)
    assert (health_doc["word"].replace(" ", "_"), health_doc["ok"]) == ("second_writer", False)


def test_a_second_in_which_the_bot_did_not_see_is_no_whole_stroke(tmp_path: Path) -> None:
    full, late, _, say = header.pulse((Beat(2, False), Beat(2, False, True)))
    assert (full.count("M"), late.count("M")) == (1, 1)
    assert "1 without data from the exchange" in say
    dash = Dash(tmp_path)
    dash.writer.blind_since = datetime.now(UTC) - timedelta(seconds=60)
    dash.beat(3)
    dash.pass_time(1.0)
    dash.beat(1)
    assert dash.hub.reader.snapshot().beats[-1].blind


def test_lots_without_a_mark_are_worth_nothing_that_could_be_said(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert state.positions
    bare = [replace(p, lots=[replace(lot, value_usd=None) for lot in p.lots]) for p in state.positions]
    s = snapshot(replace(state, positions=bare))
    assert commands.kill_preview(s).stays == "6 lots"
    assert positions.held(s).fees is None, "the exits' fees are of the value"
    unknown = snapshot(replace(state, positions=None))
    row = next(r for r in overview.today(unknown) or [] if r.name == "Open lots")
    assert row.remark == "not known yet"


def test_a_ledger_that_cannot_be_read_counts_no_lots(tmp_path: Path) -> None:
    s = snapshot(Writer(tmp_path).state())
    found = earned.figures(None, "day", s)
    assert found["closed_lots"] is None and found["open_lots"] is None
    models.PerformanceReply(known=False, range="1m", **found)


def test_a_marks_age_goes_on_while_a_write_is_late(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    doc = next(p for p in state.positions or [] if p.mark_age_ms is not None)
    late = positions.position(doc, snapshot(state, age_s=3.0)).mark_age_s
    assert late == pytest.approx((doc.mark_age_ms or 0) / 1000 + 3.0)


def test_gates_of_a_bot_that_is_gone_or_hangs_are_not_open(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert gates.why(snapshot(state)).products
    gone = gates.why(replace(snapshot(state, Presence.OFFLINE, 90.0), liveness=Liveness(4242, False, LockState.FREE)))
    assert not gone.products and "is not running: no entries" in gone.reason
    hangs = gates.why(snapshot(state, Presence.STALE, 20.0))
    assert not hangs.products and "is hung: no entries" in hangs.reason


def test_the_feeds_of_a_bot_that_hangs_are_as_old_as_its_file(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert state.feeds is not None and state.feeds.channels
    hangs = snapshot(state, Presence.STALE, 31.0)
    rows = dict(health.feed_rows(hangs))
    assert (rows["Stream"], rows["REST"]) == ("was connected", "was responding")
    ages = [rows["Last message"].removesuffix(" ago"), *(age for _, _, age in health.channel_rows(hangs))]
    assert all(float(age.split("\u00a0")[0]) >= 31 and age.endswith("s") and "m" not in age for age in ages), ages
    assert (checks(hangs)["Bot"].state, checks(hangs)["Bot"].way_out) == ("bad", "Restart: see the banner above")
    assert float(dict(health.feed_rows(snapshot(state)))["Last message"].split("\u00a0")[0]) < 1


def test_a_peak_that_a_transfer_moved_is_not_said_to_have_been_held(tmp_path: Path) -> None:
    account = Writer(tmp_path).state().account
    assert account is not None
    names = [
        [name for name, _, _ in overview.figures(replace(account, day_transfers=value))] for value in (0.0, 5000.0)
    ]
    assert "Peak today" in names[0] and "Peak today" not in names[1]
    assert "Peak today, time-weighted" in names[1]
