"""A live bot that sends nothing, or buys nothing, says so on every page."""

import dataclasses
from datetime import UTC, datetime

import orjson
import pytest

from dashboard.pages.health import view as health
from dashboard.pages.health.view import CheckRow
from dashboard.routes.api import bot_health
from dashboard.rows import DiskLook
from dashboard.state_reader import _locked
from dashboard.views import banner, header
from dashboard.views.snapshot import Snapshot
from shared.documents.events import FOLDER_NOT_OWN, AlertDoc
from shared.documents.state import BotState, decode_state, encode_state
from shared.presence import Presence
from shared.settings import Settings
from tests.dashboard.writer import Writer

WHY = "the data folder is not adopted: it is a copy; ./coin adopt-folder"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> BotState:
    return Writer(tmp_path_factory.mktemp("w"), mode="live").state()


def seen(state: BotState) -> Snapshot:
    now = datetime.now(UTC)
    locked = _locked(state, Settings())
    return Snapshot(now, Presence.FRESH, state, 0.4, 100.0, "live", locked, lost_at=now)


def folder_check(s: Snapshot) -> CheckRow:
    rows = health.checks(s, DiskLook((), None, None), [], "build")
    return next(row for row in rows if row.name == "Data folder")


def test_a_folder_that_is_not_its_own_is_the_first_thing_that_is_said(state: BotState) -> None:
    alert = AlertDoc(code=FOLDER_NOT_OWN, text=f"Nothing is sent, exits included: {WHY}")
    copied = dataclasses.replace(state, live_lock=f"locked: {WHY}", alerts=[alert])
    copied = decode_state(encode_state(copied))
    s = seen(copied)
    note = banner.most_urgent(s)
    assert (
        note is not None
        and note.state == "bad"
        and "not adopted" in note.heading
        and "adopt-folder" in note.rest + note.text
    )
    assert header.band(s).mode == "locked" and "not adopted" in header.band(s).say
    found = bot_health(s)
    assert found["ok"] is False and found["alerts"] == [{"code": FOLDER_NOT_OWN, "text": alert.text}]
    row = folder_check(s)
    assert row.state == "bad" and "adopt-folder" in row.way_out


def test_locked_entries_are_not_called_nothing_is_sent(state: BotState) -> None:
    text = "entries locked: no permission; exits of 6 open lots go on; ./coin enable-live"
    s = seen(dataclasses.replace(state, live_lock=text))
    band = header.band(s)
    assert band.mode == "live" and "exits go on" in band.bold and "No permission" in band.say
    assert bot_health(s)["ok"] is True and folder_check(s).state == "ok"


def test_an_older_state_has_no_alerts(state: BotState) -> None:
    raw = orjson.loads(encode_state(state))
    del raw["alerts"]
    assert decode_state(orjson.dumps(raw)).alerts == []
