"""`control.json` as it is written: the ring, levels, kill on every disk, and many writers at once."""

import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from shared import control, files
from shared.command_table import COMMANDS, Cmd
from shared.control import (
    LEVEL_OF,
    RING_MAX,
    Command,
    ControlFile,
    NotSent,
    TradingState,
    decode_control,
    is_expired,
    refusal,
    send,
    send_command,
)
from shared.control_json import BadControl
from shared.documents.status import Status
from shared.files import Unreadable
from shared.paths import DataPaths

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> DataPaths:
    return DataPaths(tmp_path)


def read(paths: DataPaths) -> ControlFile:
    return decode_control(paths.control.read_bytes())


@pytest.mark.parametrize(
    ("document", "level"),
    [
        ({}, TradingState.RUN),
        ({"command": None}, TradingState.RUN),
        ({"command": "start"}, TradingState.RUN),
        ({"command": "pause"}, TradingState.PAUSE),
        ({"command": "stop"}, TradingState.STOP),
        ({"command": "kill"}, TradingState.KILL),
        ({"command": "start", "kill_switch": True}, TradingState.KILL),
        ({"command": "stop", "kill_switch": True}, TradingState.KILL),
        ({"command": "pause", "kill_switch": False}, TradingState.PAUSE),
        ({"command": "pause", "something": "unknown"}, TradingState.PAUSE),
    ],
)
def test_the_level_of_a_document(document: dict[str, Any], level: TradingState) -> None:
    assert decode_control(json.dumps(document).encode()).level is level


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "JSON"),
        (b"[]", "list"),
        (b'"stop"', "str"),
        (b"null", "NoneType"),
        (b'{"command": "go"}', "'go'"),
        (b'{"command": "STOP"}', "'STOP'"),
        (b'{"command": ["stop"]}', "stop"),
        (b'{"command": 1}', "1"),
        (b'{"command": true}', "True"),
        (b'{"kill_switch": "yes"}', "kill_switch"),
        (b'{"kill_switch": 1}', "kill_switch"),
        (b'{"kill_switch": null}', "kill_switch"),
        (b'{"version": 2}', "version"),
        (b'{"version": "1"}', "version"),
        (b'{"commands": {}}', "commands"),
        (b'{"commands": [1]}', "commands"),
        (b'{"commands": [{"id": "a"}]}', "seq"),
        (b'{"seq": -0.5}', "seq"),
        (b"\xff\xfe\x00", "JSON"),
        (b"{" * 10_000, "JSON"),
        (json.dumps({"commands": [{"seq": 1, "id": "a", "cmd": "stop", "at": ""}] * 129}).encode(), "129"),
    ],
)
def test_what_does_not_hold_is_refused_whole_and_in_words(data: bytes, word: str) -> None:
    with pytest.raises(Unreadable) as error:
        decode_control(data)
    assert word in str(error.value)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.sampled_from(["command", "kill_switch", "commands", "seq", "version", "x"]), c), max_leaves=8).map(lambda v: json.dumps(v).encode()))  # fmt: skip  # noqa: E501
def test_any_bytes_are_a_document_or_unreadable(data: bytes) -> None:
    try:
        found = decode_control(data)
    except Unreadable:
        return
    assert found.command is None or found.command in LEVEL_OF


@pytest.mark.parametrize("cmd", ["start", "pause", "stop"])
def test_a_level_is_set_and_asks_for_a_receipt(paths: DataPaths, cmd: str) -> None:
    sent = send_command(paths, Cmd(cmd), by="operator", now=NOW)
    found = read(paths)
    assert (found.command, found.kill_switch, found.seq) == (cmd, False, 1)
    assert found.commands == [sent]
    assert paths.control.stat().st_mode & 0o777 == 0o600
    assert not list(paths.root.glob("*.tmp"))


def test_kill_sets_all_three_and_only_reset_takes_them_back(paths: DataPaths) -> None:
    send_command(paths, Cmd.KILL, by="operator")
    assert read(paths).kill_switch and read(paths).command == "kill" and paths.kill.exists()
    for overtakes in (Cmd.START, Cmd.PAUSE, Cmd.STOP, Cmd.FLATTEN):
        send_command(paths, overtakes, by="operator")
        assert read(paths).level is TradingState.KILL, f"{overtakes} must not undo a kill that was not read yet"
        assert paths.kill.exists()
    send_command(paths, Cmd.RESET_KILL, {"latch_id": "kill-1"}, by="operator")
    assert read(paths).level is TradingState.STOP and not paths.kill.exists()


@pytest.mark.parametrize("killed_by", ["the file KILL", "a switch by hand", "the ring", "a damaged file"])
def test_a_reset_leads_to_stop_whatever_killed(paths: DataPaths, killed_by: str) -> None:
    send_command(paths, Cmd.START, by="operator")
    if killed_by == "the file KILL":
        paths.kill.touch()
    else:
        switch = '{"command":"start","kill_switch":true}'
        ring = '{"command":"start","commands":[' + RING % ("k", "kill") + "]}"
        by_hand = {"a switch by hand": switch, "the ring": ring, "a damaged file": switch[:-1]}
        paths.control.write_text(by_hand[killed_by])
    send_command(paths, Cmd.RESET_KILL, {"latch_id": "kill-1"}, by="operator")
    assert (read(paths).command, read(paths).kill_switch) == ("stop", False) and not paths.kill.exists()


@pytest.mark.parametrize("wish", [Cmd.START, Cmd.PAUSE, Cmd.STOP])
def test_a_reset_without_a_kill_leaves_the_level(paths: DataPaths, wish: Cmd) -> None:
    send_command(paths, Cmd.KILL, by="operator")
    send_command(paths, Cmd.RESET_KILL, {"latch_id": "kill-1"}, by="operator")
    send_command(paths, wish, by="operator")
    again = send_command(paths, Cmd.RESET_KILL, {"latch_id": "kill-1"}, by="operator")
    assert (read(paths).command, read(paths).kill_switch) == (wish.value, False)
    assert read(paths).commands[-1] == again, "the bot still answers it"


def test_flatten_also_stops_but_never_softens(paths: DataPaths) -> None:
    send_command(paths, Cmd.START, by="a")
    send_command(paths, Cmd.FLATTEN, by="a")
    assert read(paths).level is TradingState.STOP


def test_the_ring_drops_what_the_bot_has_seen(paths: DataPaths) -> None:
    sent = [send_command(paths, Cmd.DRILL, by="a") for _ in range(5)]
    last = send_command(paths, Cmd.DRILL, by="a", seen_ids=[c.id for c in sent[:4]])
    assert [c.id for c in read(paths).commands] == [sent[4].id, last.id]
    assert read(paths).seq == 6


def test_a_full_ring_refuses_what_can_wait_and_never_a_level(paths: DataPaths) -> None:
    for _ in range(RING_MAX):
        send_command(paths, Cmd.DRILL, by="a")
    with pytest.raises(NotSent, match="is the bot running") as error:
        send_command(paths, Cmd.FLATTEN, by="a")
    assert error.value.status == 503
    for cmd in (Cmd.PAUSE, Cmd.STOP, Cmd.KILL):
        send_command(paths, cmd, by="a")
        assert read(paths).commands[-1].cmd == cmd
        assert len(read(paths).commands) == RING_MAX
    assert read(paths).level is TradingState.KILL


def test_a_held_lock_is_503(paths: DataPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LOCK_TIMEOUT_S", 0.05)
    with FileLock(paths.control_lock), pytest.raises(NotSent) as error:
        # A lock of another process: FileLock is re-entrant by object, so this one is a new object.
        send_command(paths, Cmd.PAUSE, by="a")
    assert error.value.status == 503


def test_a_full_disk_is_507_and_a_kill_is_made_all_the_same(paths: DataPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    send_command(paths, Cmd.START, by="a")
    before = paths.control.read_bytes()

    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_whole", full)
    with pytest.raises(NotSent, match="No space left") as error:
        send_command(paths, Cmd.PAUSE, by="a")
    assert error.value.status == 507
    sent = send(paths, Cmd.KILL, by="a")
    assert (sent.ways, sent.in_ring) == (("the file KILL",), False)
    assert sent.text == "killed by the file KILL; control.json could not be written (No space left on device)"
    assert paths.control.read_bytes() == before, "the old document is whole"
    assert paths.kill.exists(), "an empty file can be made on a full disk: the kill is there"


def test_a_kill_whose_file_cannot_be_made_goes_by_control_json(
    paths: DataPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_make_kill_file", lambda _path: "the file KILL could not be made (Too many links)")
    sent = send(paths, Cmd.KILL, by="a")
    assert sent.text == "killed by control.json; the file KILL could not be made (Too many links)"
    assert read(paths).kill_switch and sent.in_ring


def test_a_kill_that_no_way_took_says_what_to_do_by_hand(paths: DataPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(
        control, "_make_kill_file", lambda _path: "the file KILL could not be made (Read-only file system)"
    )
    monkeypatch.setattr(files, "write_whole", full)
    with pytest.raises(NotSent, match=r"by hand: \./coin halt") as error:
        send(paths, Cmd.KILL, by="a")
    assert error.value.status == 507
    assert "KILL could not be made" in str(error.value) and "control.json could not be written" in str(error.value)


# What a document says, and what is made of it: a level, "refused" (keeping the last valid level), or "killed".
RING = '{"seq":1,"id":"%s","at":"2026-11-20T12:00:00Z","cmd":"%s"}'
FORMS = [
    ('{"command":"run"}', "run"),
    ('{"command":"start","commands":[' + RING % ("a", "run") + "]}", "run"),
    ('{"command":"start","kill_switch":false}', "run"),
    ('{"command":"pause","reason":"do not kill"}', "pause"),
    ('{"command":"stop","commands":[' + RING % ("a", "reset_kill") + "]}", "stop"),
    ('{"command":"start","commands":[' + RING % ("seen", "kill") + "]}", "run"),
    # A key twice: never the last one that a parser happens to take.
    ('{"command":"stop","command":"start"}', "refused"),
    ('{"kill_switch":false,"kill_switch":false}', "refused"),
    ('{"kill_switch":true,"kill_switch":false}', "killed"),
    ('{"kill_switch":false,"kill_switch":true}', "killed"),
    ('{"command":"kill","command":"start"}', "killed"),
    ('{"command":"start","command":"kill"}', "killed"),
    ('{"commands":[{"seq":1,"id":"a","at":"","cmd":"kill","cmd":"start"}]}', "killed"),
    ('{"commands":[{"seq":1,"id":"a","at":"","cmd":"stop","cmd":"start"}]}', "refused"),
    ('{"commands":[{"seq":1,"id":"a","at":"","cmd":"drill","args":{"x":"1","x":"2"}}]}', "refused"),
    ('{"commands":[],"commands":[' + RING % ("a", "kill") + "]}", "killed"),
    # Words and types that are nearly right.
    ('{"kill_switch":"true"}', "killed"),
    ('{"kill_switch":1}', "killed"),
    ('{"kill_switch":{}}', "killed"),
    ('{"kill_switch":"false"}', "refused"),
    ('{"kill_switch":0}', "refused"),
    ('{"kill_switch":null}', "refused"),
    ('{"command":"Kill"}', "killed"),
    ('{"command":" KILL "}', "killed"),
    ('{"command":"kill now!"}', "killed"),
    ('{"command":["kill"]}', "killed"),
    ('{"command":{"kill":true}}', "killed"),
    ('{"command":"Start"}', "refused"),
    ('{"command ":"kill"}', "killed"),
    ('{"command ":"stop"}', "refused"),
    ('{"Command":"pause"}', "refused"),
    ('{"Kill-Switch":true}', "killed"),
    ('{"KILL_SWITCH":false}', "refused"),
    ('{"kill":true}', "killed"),
    ('{"command":"start","kill":true}', "killed"),
    ('{"control":{"command":"kill"}}', "killed"),
    ('{"commands":["kill"]}', "killed"),
    ('{"commands":[{"cmd":"kill"}]}', "killed"),
    ('{"commands":{"cmd":"kill"}}', "killed"),
    ('{"commands":[' + RING % ("a", "Kill") + "]}", "killed"),
    ('{"commands":[{"id":"seen","cmd":"kill"}]}', "refused"),
    ('{"version":99,"command":"kill"}', "killed"),
    ('{"version":99,"kill_switch":true}', "killed"),
    ('["kill"]', "killed"),
    ('"kill"', "killed"),
    # No JSON.
    ("kill", "killed"),
    ("{'command': 'kill'}", "killed"),
    ('{"kill_switch": True}', "killed"),
    ('{"kill_switch": False}', "refused"),
    ('{"command":"kill",}', "killed"),
    ('{"command":"kill"', "killed"),
    ('{"kill_switch":false,"command":"sta', "refused"),
    ('{"command":"start"}{"command":"kill"}', "killed"),
    ('{"command":"kill"}{"command":"start"}', "killed"),
    ('{"command":"start"}{"command":"start"}', "refused"),
    ('{"command":"start"}\n// kill_switch: true', "killed"),
    ('{"command":"start","commands":[' + RING % ("seen", "kill") + ",", "refused"),
    ('{"command":"stop","commands":[' + RING % ("a", "reset_kill") + ",", "refused"),
    ('\ufeff{"command":"start"}', "refused"),
    ('\ufeff{"command":"kill"}', "killed"),
    ('{"seq":NaN}', "refused"),
    ('{"seq":NaN,"command":"kill"}', "killed"),
    ('{"seq":Infinity}', "refused"),
    ('{"seq":1e999}', "refused"),
    ('{"seq":' + "9" * 5000 + "}", "refused"),
    ('{"seq":' + "9" * 5000 + ',"kill_switch":true}', "killed"),
    ("[" * 100_000, "refused"),
    ('{"kill_switch":true,"x":' + "[" * 100_000, "killed"),
    ('{"commands":[{"seq":1,"id":"x","cmd":"drill","at":"","by":"\\ud800"}]}', "refused"),
    ('{"commands":[{"seq":1,"id":"x\\u0000","cmd":"drill","at":"","args":{}}]}', "refused"),
    ('{"commands":[{"seq":1,"id":"x","cmd":"kill","at":"","by":"\\udfff"}]}', "killed"),
    ('{"\\ud800kill":1}', "killed"),
    (" " * 1_100_000 + '{"command":"start"}', "refused"),
    ('{"kill_switch":true,"x":"' + "y" * 1_100_000 + '"}', "killed"),
]


@pytest.mark.parametrize(("text", "means"), FORMS, ids=[f"{n}-{text[:40]}" for n, (text, _) in enumerate(FORMS)])
def test_garbage_never_means_run_and_a_kill_in_any_form_means_kill(text: str, means: str) -> None:
    try:
        found = decode_control(text.encode(), {"seen"})
    except BadControl as error:
        assert ("killed" if error.kill else "refused") == means
    else:
        assert found.level.word == means


def test_utf_16_is_refused_and_its_kill_is_read() -> None:
    with pytest.raises(BadControl) as error:
        decode_control('{"command":"kill"}'.encode("utf-16"))
    assert error.value.kill


def test_a_writer_that_mends_a_damaged_file_keeps_the_kill_in_it(paths: DataPaths) -> None:
    paths.control.write_text('{"kill_switch":true,"kill_switch":false}')
    send_command(paths, Cmd.START, by="a")
    assert read(paths).level is TradingState.KILL


@given(
    st.sampled_from(
        ['{"command":"kill"', '{"kill_switch":true', '{"commands":[{"id":"a","cmd":"kill"', '{"x":["kill"']
    ),
    st.text(max_size=30),
)
def test_whatever_follows_a_kill_it_stays_one(asked: str, follows: str) -> None:
    try:
        found = decode_control((asked + follows).encode("utf-8", "replace"))
    except BadControl as error:
        assert error.kill
    else:
        assert found.level is TradingState.KILL or any(c.cmd == "kill" for c in found.commands)


def test_a_damaged_file_is_mended_by_the_next_writer(paths: DataPaths) -> None:
    send_command(paths, Cmd.PAUSE, by="a")
    first = read(paths).epoch
    paths.control.write_bytes(b"{torn")
    send_command(paths, Cmd.STOP, by="a")
    assert read(paths).level is TradingState.STOP
    assert read(paths).epoch != first, "made anew, and it says so"


@pytest.mark.parametrize("damage", ["torn", "missing"])
def test_a_lost_wish_never_turns_into_run_by_a_command_that_sets_no_level(paths: DataPaths, damage: str) -> None:
    send_command(paths, Cmd.STOP, by="a")
    if damage == "torn":
        paths.control.write_bytes(b"{torn")
    else:
        paths.control.unlink()
    send_command(paths, Cmd.DRILL, by="a")
    assert read(paths).level is not TradingState.RUN


def test_two_processes_lose_no_command(paths: DataPaths) -> None:
    program = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from shared.command_table import Cmd
        from shared.control import send_command
        from shared.paths import DataPaths
        paths = DataPaths(Path({str(paths.root)!r}))
        for number in range(15):
            send_command(paths, Cmd.DRILL, {{"n": f"{{sys.argv[1]}}-{{number}}"}}, by=sys.argv[1])
    """)
    running = [subprocess.Popen([sys.executable, "-c", program, name]) for name in ("a", "b")]
    for _ in range(300):
        if paths.control.exists():
            read(paths)  # whole at every moment
        if all(process.poll() is not None for process in running):
            break
    assert [process.wait() for process in running] == [0, 0]
    found = read(paths)
    assert found.seq == 30
    assert {c.args["n"] for c in found.commands} == {f"{name}-{n}" for name in "ab" for n in range(15)}
    assert [c.seq for c in found.commands] == list(range(1, 31))


@pytest.mark.parametrize("cmd", list(Cmd))
@pytest.mark.parametrize("age_s", [0, 29, 31, 86_400])
def test_once_commands_expire_and_levels_never(cmd: Cmd, age_s: int) -> None:
    sent = Command(seq=1, id="a", cmd=cmd, at=(NOW - timedelta(seconds=age_s)).isoformat(), args={})
    assert is_expired(sent, NOW) is (cmd.value not in LEVEL_OF and age_s > 30)


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-20", "0001-01-01T00:00:00+09:00"])
def test_a_once_command_without_a_sound_time_is_expired(at: str) -> None:
    assert is_expired(Command(seq=1, id="a", cmd="flatten", at=at), NOW)
    assert not is_expired(Command(seq=1, id="a", cmd="stop", at=at), NOW)


def test_a_sender_cannot_give_itself_a_longer_life() -> None:
    old = (NOW - timedelta(seconds=60)).isoformat()
    assert is_expired(Command(seq=1, id="a", cmd="flatten", at=old, ttl_s=1e9), NOW)


def test_every_command_has_its_rule_and_kill_and_stop_are_always_allowed() -> None:
    assert set(COMMANDS) == set(Cmd)
    for rule in COMMANDS.values():
        assert rule.twice, "why doing it twice is harmless"
    for status in Status:
        assert refusal("kill", {}, status) is None
        if status is not Status.ERROR:
            assert refusal("stop", {}, status) is None and refusal("pause", {}, status) is None
    assert refusal("start", {}, Status.KILLED) is not None
    assert refusal("reset_kill", {"latch_id": "x"}, Status.RUNNING) is not None
    assert refusal("close_lot", {}, Status.RUNNING) == "close_lot needs lot_id"
    assert refusal("dance", {}, Status.RUNNING) == "unknown command 'dance'"


def test_the_file_kill_is_never_made_through_a_link(paths: DataPaths, tmp_path: Path) -> None:
    os.symlink(tmp_path / "elsewhere", paths.kill)
    assert send(paths, Cmd.KILL, by="a").ways == ("the file KILL", "control.json")
    assert not (tmp_path / "elsewhere").exists()
    assert os.path.lexists(paths.kill), "the link itself counts as the file KILL: the bot is killed"
