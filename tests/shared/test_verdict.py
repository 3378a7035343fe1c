"""One verdict for every reader: the worst of what the bot says and what is seen of it."""

import dataclasses
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.status import EXIT
from shared.disk_room import disk_full
from shared.presence import Presence
from shared.verdict import HUNG_S, Outside, PartDoc, PartState, Verdict, VerdictDoc, judge

OWN = ["starting", "running", "paused", "stopping", "stopped", "killed", "safe", "error"]
ABOVE = ["blind", "second_writer", "ledger_gone", "locked_out"]


def doc(word: str = "running", seconds: float | None = None, figures_ms: int | None = 400) -> VerdictDoc:
    part = PartDoc(name="stream", title="Stream", state=PartState.OK, age_ms=400)
    return VerdictDoc(word=word, seconds=seconds, reason="why", figures_age_ms=figures_ms, parts=[part])


FRESH = Outside(Presence.FRESH, 0.5, alive=True, pm2="online")


@given(
    word=st.sampled_from([*OWN, *ABOVE]),
    status=st.sampled_from(OWN),
    presence=st.sampled_from(list(Presence)),
    age_s=st.none() | st.floats(0, 500),
    alive=st.sampled_from([None, True, False]),
    pm2=st.sampled_from([None, "online", "stopped", "errored"]),
)
def test_running_is_said_only_of_a_bot_that_is_fresh_and_sees(
    word: str, status: str, presence: Presence, age_s: float | None, alive: bool | None, pm2: str | None
) -> None:
    said = judge(doc(word), status, Outside(presence, age_s, alive, pm2)).word
    if said is Verdict.RUNNING:
        assert presence is Presence.FRESH and status == "running" and word not in ABOVE
    if presence is Presence.FRESH and word in ABOVE:
        assert said == word, "what outranks the status is never hidden by it"
    assert said in EXIT and (EXIT[said] == 0) == (said is Verdict.RUNNING)


def test_ages_count_from_the_source_through_the_file() -> None:
    judged = judge(doc("blind", seconds=51.0, figures_ms=51_000), "running", dataclasses.replace(FRESH, age_s=0.5))
    assert (judged.word, judged.seconds, judged.figures_age_s) == (Verdict.BLIND, 51.5, 51.5)
    assert judged.blind
    assert next(p for p in judged.parts if p.name == "stream").age_ms == 900, "0.4 s when it was written, 0.5 s ago"


@pytest.mark.parametrize(
    ("age_s", "alive", "word"),
    [
        (7.0, True, Verdict.STALE),
        (HUNG_S + 1, True, Verdict.HUNG),
        (4000.0, True, Verdict.HUNG),
        (4000.0, None, Verdict.OFFLINE),
        (4000.0, False, Verdict.OFFLINE),
    ],
)
def test_a_process_that_lives_and_writes_nothing_is_hung_not_gone(
    age_s: float, alive: bool | None, word: Verdict
) -> None:
    presence = Presence.STALE if age_s <= 60 else Presence.OFFLINE
    judged = judge(doc(), "running", Outside(presence, age_s, alive, "online"))
    assert (judged.word, judged.seconds) == (word, age_s)


def test_a_file_that_is_gone_is_offline_although_the_process_lives() -> None:
    outside = Outside(Presence.OFFLINE, 3.0, alive=True, missing=True)
    assert judge(doc(), "running", outside).word is Verdict.OFFLINE


def test_a_bot_of_an_older_build_says_no_verdict_and_keeps_its_status() -> None:
    judged = judge(None, "paused", FRESH)
    assert (judged.word, judged.figures_age_s) == (Verdict.PAUSED, None)


def test_a_word_of_a_newer_build_is_not_guessed_at() -> None:
    assert judge(doc("sideways"), "running", FRESH).word is Verdict.RUNNING


def test_a_bot_that_pm2_does_not_keep_is_told() -> None:
    parts = judge(doc(), "running", dataclasses.replace(FRESH, pm2="errored")).parts
    assert next(p for p in parts if p.name == "pm2").state is PartState.WARN


def test_a_full_disk_is_named_where_a_bot_that_lives_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for age_s, word in ((6.0, Verdict.STALE), (20.0, Verdict.HUNG)):
        outside = Outside(Presence.STALE, age_s, alive=True, disk_full=True)
        assert judge(doc(), "running", outside).word is word
        assert "the disk of its folder is full, df -h" in judge(doc(), "running", outside).reason
        assert "disk" not in judge(doc(), "running", Outside(Presence.STALE, age_s, alive=True)).reason

    class Room:
        f_bavail, f_frsize, f_files, f_favail = 100, 4096, 10, 5

    monkeypatch.setattr(os, "statvfs", lambda _: Room)
    assert not disk_full(Path())
    for name, value in (("f_bavail", 15), ("f_favail", 0)):
        with monkeypatch.context() as patch:
            patch.setattr(Room, name, value)
            assert disk_full(Path())
    monkeypatch.undo()
    assert not disk_full(Path("/none/here"))
