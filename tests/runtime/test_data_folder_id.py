"""The data folder's identity: what a copy cannot carry, and what a live bot does in a folder that is not adopted."""

import fcntl
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import typer

from bot.app.folder import claim
from bot.app.ledger import LedgerWriter
from bot.app.process import Process
from bot.app.state_documents import state
from bot.domain.kinds import Purpose, Side
from cli import data_folder
from shared import folder_identity
from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from shared.documents.events import FOLDER_NOT_OWN
from shared.folder_identity import FACT, Seen
from shared.ledger.db import LedgerUnavailable
from shared.ledger.folder import ledger_binding
from shared.ledger.location import ledger_location
from shared.ledger.open import open_writer
from shared.paths import DataPaths
from shared.ports import SystemClock, SystemRng
from shared.settings import Loaded, Mode, Profile, Settings
from tests.runtime.ledger_story import Story
from tests.runtime.live_rig import (
    buys,
    commanded,
    entry,
    live_settings,
    made,
    open_at_exchange,
    permit,
    running,
    there,
    until,
)
from tests.runtime.live_rig import end as end_parts
from tests.simulator.conftest import Sim

ID = "a" * 32


def folder(tmp_path: Path, name: str = "one") -> DataPaths:
    paths = DataPaths(tmp_path / name)
    paths.prepare()
    return paths


def with_id(tmp_path: Path) -> DataPaths:
    paths = folder(tmp_path)
    folder_identity.make(paths, ID, "2026-11-20T12:00:00Z")
    return paths


# What a copy cannot carry.


def test_a_folder_knows_itself_also_after_a_move(tmp_path: Path) -> None:
    paths = with_id(tmp_path)
    assert (paths.folder_id.stat().st_mode & 0o777) == 0o600
    assert folder_identity.look(paths) == Seen(ID)
    paths.root.rename(tmp_path / "moved")
    assert folder_identity.look(DataPaths(tmp_path / "moved")) == Seen(ID)
    os.chmod(tmp_path / "moved" / "folder_id.json", 0o400)
    os.utime(tmp_path / "moved" / "folder_id.json")
    assert folder_identity.look(DataPaths(tmp_path / "moved")) == Seen(ID), "neither mode nor time counts"


@pytest.mark.parametrize("how", ["cp -a", "cp -a and the first one gone", "tar", "shutil"])
def test_a_copy_is_told(tmp_path: Path, how: str) -> None:
    paths, other = with_id(tmp_path), tmp_path / "two"
    if how == "tar":
        other.mkdir()
        packed = subprocess.run(["tar", "-C", str(paths.root), "-cpf", "-", "."], check=True, capture_output=True)
        subprocess.run(["tar", "-C", str(other), "-xpf", "-"], input=packed.stdout, check=True)
    elif how == "shutil":
        shutil.copytree(paths.root, other)
    else:
        subprocess.run(["cp", "-a", str(paths.root), str(other)], check=True)
    if how.endswith("gone"):
        shutil.rmtree(paths.root)
        other.rename(paths.root)
        other = paths.root
    seen = folder_identity.look(DataPaths(other))
    assert seen.folder == ID and seen.problem is not None and "copy" in seen.problem


def test_another_machine_is_told_and_one_without_an_id_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = tmp_path / "machine-id"
    machine.write_text("1" * 32 + "\n")
    monkeypatch.setattr(folder_identity, "MACHINE_ID", machine)
    paths = with_id(tmp_path)
    assert "1" * 32 not in paths.folder_id.read_text(), "the machine's id is confidential"
    machine.write_text("2" * 32 + "\n")
    assert folder_identity.look(paths).problem == "it comes from another machine"
    for text in ("", "uninitialized\n"):
        machine.write_text(text)
        assert folder_identity.look(paths) == Seen(ID)
    machine.unlink()
    assert folder_identity.look(paths) == Seen(ID)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"version": 2, "folder": "x", "made_at": "", "marks": {}}'])
def test_what_cannot_be_read_is_a_problem(tmp_path: Path, text: bytes) -> None:
    paths = folder(tmp_path)
    paths.folder_id.write_bytes(text)
    assert (folder_identity.look(paths).problem or "").startswith("folder_id.json cannot be read")


@pytest.mark.parametrize(
    ("seen", "ledger", "has_orders", "restored", "own"),
    [
        (Seen(), None, False, False, True),  # a first start
        (Seen(), None, True, False, True),  # of a version before there were ids
        (Seen(), None, True, True, False),  # the same, restored from a backup
        (Seen(ID), None, False, False, True),  # the ledger is still to come
        (Seen(ID), None, True, False, False),  # another ledger was put in place
        (Seen(ID), ID, True, True, True),  # restored in place
        (Seen(ID), "b" * 32, True, False, False),
        (Seen(), ID, False, False, False),  # the file is gone
        (Seen(ID, "a copy"), ID, True, False, False),
    ],
)
def test_when_a_folder_is_its_own(seen: Seen, ledger: str | None, has_orders: bool, restored: bool, own: bool) -> None:
    found = folder_identity.problem(seen, ledger, has_orders=has_orders, restored=restored)
    assert (found is None) is own


def with_past(paths: DataPaths) -> LedgerWriter:
    """A live ledger with an order, of a version before there were ids."""
    writer = LedgerWriter(open_writer(paths.ledger), "boot-1")
    Story(writer).tell()
    assert writer.has_orders() and FACT not in writer.facts()
    return writer


@pytest.mark.parametrize("fails", ["the file", "the ledger"])
def test_a_first_id_that_a_full_disk_interrupts_is_given_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A ledger with lots must not lose its exits to `./coin adopt-folder` because its folder got an id half way."""
    paths = folder(tmp_path)
    settings = Settings(coin_mode=Mode.LIVE, profile=Profile.PROD, data_dir=paths.root)
    writer = with_past(paths)
    told = writer.fact

    def full(key: str, value: str, now_ms: int) -> None:
        if key == FACT:
            raise LedgerUnavailable("database or disk is full")
        told(key, value, now_ms)

    def no_room(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if fails == "the file":
            patch.setattr(folder_identity, "sync_folder", no_room)
        else:
            patch.setattr(writer, "fact", full)
        with pytest.raises((LedgerUnavailable, OSError)):
            claim(settings, writer, writer.facts(), SystemClock(), SystemRng())
    assert data_folder.judge(settings)[2] is None
    found = claim(settings, writer, writer.facts(), SystemClock(), SystemRng())
    assert found.problem is None and writer.facts()[FACT] == found.folder == folder_identity.look(paths).folder
    shutil.copytree(paths.root, tmp_path / "two")
    other = replace(settings, data_dir=tmp_path / "two")
    assert claim(other, writer, writer.facts(), SystemClock(), SystemRng()).problem is not None, "a copy is a copy"


# Live, against COIN-SIM.


@pytest.fixture
def sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    """One for each test: an account of its own."""
    found = Sim(tmp_path_factory.mktemp("sim")).start()
    yield found
    found.stop(signal.SIGKILL)


async def test_an_ended_permission_leaves_no_lot_without_its_exits(sim: Sim, tmp_path: Path) -> None:
    settings = live_settings(tmp_path / "live", sim)
    async with running(settings, sim) as bot:
        permit(bot)
        await buys(bot)
        settings.paths.live_permission.unlink()
        assert not await there(bot, entry(bot, "a1"))
        shown = state(bot.bot)
        assert shown.live_lock == "entries locked: no permission; exits of 1 open lot go on; ./coin enable-live"
        assert [alert.code for alert in shown.alerts] == ["entries_locked"]
        receipt = await commanded(bot, Cmd.FLATTEN)
        assert (receipt.state, receipt.reason) == (ReceiptState.DONE, None)
        assert bot.bot.engine is not None and not bot.bot.engine.view.positions.lots()
        assert not await open_at_exchange(bot)


async def test_a_copied_folder_sends_nothing_while_the_first_one_trades(
    sim: Sim, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = live_settings(tmp_path / "live", sim)
    async with running(settings, sim) as bot:
        permit(bot)
        await buys(bot)
        takes = await open_at_exchange(bot)
        assert takes
        subprocess.run(["cp", "-a", str(tmp_path / "live"), str(tmp_path / "copy")], check=True)
        other = live_settings(tmp_path / "copy", sim, kill_flatten=True)
        with caplog.at_level(logging.ERROR, "folder"):
            async with running(other, sim) as copy:
                await _does_nothing(copy)
        assert "is not adopted" in caplog.text and "adopt-folder" in caplog.text
        assert await open_at_exchange(bot) == takes, "neither commands nor a kill reached the first one's orders"
        assert (await commanded(bot, Cmd.FLATTEN)).state is ReceiptState.DONE


async def _does_nothing(copy: Process) -> None:
    """Entries, exits, commands, cancels and a kill of a copy end before the socket, and the state says so."""
    assert copy.bot.engine is not None
    lot = copy.bot.engine.view.positions.lots()[0]
    spec = entry(copy, "c1")
    sale = entry(copy, "c2")
    assert not await there(copy, spec)
    sale = replace(
        sale, side=Side.SELL, purpose=Purpose.FLATTEN, base_size=lot.base_left, quote_size=None, reduce_only=True
    )
    assert "not adopted" in (copy.bot.gate.refusal(sale) or "") and not await there(copy, sale)
    shown = state(copy.bot)
    assert (shown.live_lock or "").startswith("locked: the data folder is not adopted")
    assert [alert.code for alert in shown.alerts] == [FOLDER_NOT_OWN]
    receipt = await commanded(copy, Cmd.FLATTEN)
    assert receipt.state is ReceiptState.REJECTED and "not adopted" in (receipt.reason or "")
    copy.bot.paths.kill.touch()
    await until(lambda: copy.bot.kill_path.progress.note is not None)
    assert "no order is cancelled" in (copy.bot.kill_path.progress.note or "")


async def test_dry_run_is_refused_while_live_lots_are_open(sim: Sim, tmp_path: Path) -> None:
    settings = live_settings(tmp_path / "live", sim)
    async with running(settings, sim) as bot:
        permit(bot)
        await buys(bot)
    dry = made(live_settings(tmp_path / "live", sim, dry_run=True), sim)
    assert await dry.run() == 78
    shown = orjson.loads(settings.paths.state.read_bytes())
    assert "REDUCE_ONLY=true" in shown["error"] and shown["status"] == "error"
    assert [alert["code"] for alert in shown["alerts"]] == ["dry_run_with_lots"]
    await end_parts(dry)
    async with running(live_settings(tmp_path / "live", sim, reduce_only=True), sim) as bot:
        assert (state(bot.bot).live_lock or "").startswith("entries locked: changed since the permission: REDUCE_ONLY")
        assert (await commanded(bot, Cmd.FLATTEN)).state is ReceiptState.DONE


# Adopting.


def adopted(settings: Settings, typed: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(data_folder, "loaded", lambda: Loaded(settings, {}))
    monkeypatch.setattr(typer, "prompt", lambda *_a, **_k: typed)
    try:
        data_folder.adopt()
    except typer.Exit as end:
        return end.exit_code
    return 0


def test_a_bot_that_began_while_the_word_was_typed_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It judged the folder at its start, and it is the ledger's one writer."""
    paths = with_id(tmp_path)
    with_past(paths)
    settings = Settings(coin_mode=Mode.LIVE, profile=Profile.PROD, data_dir=paths.root)
    assert "comes from elsewhere" in (data_folder.judge(settings)[2] or "")
    handles: list[int] = []

    def typed(*_a: object, **_k: object) -> str:
        handles.append(os.open(paths.bot_lock, os.O_RDWR | os.O_CREAT, 0o600))
        fcntl.flock(handles[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handles[0], b"4711\n")
        return "adopt main"

    monkeypatch.setattr(data_folder, "loaded", lambda: Loaded(settings, {}))
    monkeypatch.setattr(typer, "prompt", typed)
    with pytest.raises(typer.Exit):
        data_folder.adopt()
    os.close(handles[0])
    assert "The bot is running (pid 4711)" in capsys.readouterr().err
    assert folder_identity.look(paths) == Seen(ID) and ledger_binding(ledger_location(settings)).folder is None
    assert adopted(settings, "adopt main", monkeypatch) == 0
    assert ledger_binding(ledger_location(settings)).folder == folder_identity.look(paths).folder != ID


async def test_a_person_adopts_a_copy_and_allows_entries_anew(
    sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live_settings(tmp_path / "live", sim)
    async with running(settings, sim) as bot:
        permit(bot)
        await buys(bot)
    (tmp_path / "live").rename(tmp_path / "gone")
    subprocess.run(["cp", "-a", str(tmp_path / "gone"), str(tmp_path / "live")], check=True)
    before = folder_identity.look(settings.paths).folder
    for typed in ("", "yes", "adopt"):
        assert adopted(settings, typed, monkeypatch) == 1
        assert folder_identity.look(settings.paths).problem is not None and settings.paths.live_permission.exists()
    assert adopted(settings, "adopt main", monkeypatch) == 0
    own = folder_identity.look(settings.paths)
    assert (
        own.problem is None and own.folder != before and ledger_binding(ledger_location(settings)).folder == own.folder
    )
    row = orjson.loads(settings.paths.audit.read_bytes().splitlines()[-1])
    assert (row["what"], row["folder"], row["before"]) == ("adopt_folder", own.folder, before)
    assert adopted(settings, "", monkeypatch) == 0, "its own already"
    async with running(settings, sim) as bot:
        assert not await there(bot, entry(bot, "d1")), "the old permission does not count"
        assert (await commanded(bot, Cmd.FLATTEN)).state is ReceiptState.DONE


async def test_with_play_money_a_copy_becomes_a_folder_of_its_own(sim: Sim, tmp_path: Path) -> None:
    def play(name: str) -> Settings:
        changes = {"coin_mode": Mode.SIM, "profile": Profile.DEV}
        return live_settings(tmp_path / name, sim, **changes)

    async with running(play("one"), sim):
        pass
    first = folder_identity.look(play("one").paths).folder
    subprocess.run(["cp", "-a", str(tmp_path / "one"), str(tmp_path / "two")], check=True)
    async with running(play("two"), sim) as bot:
        assert bot.bot.live_lock.sales() is None and state(bot.bot).alerts == []
    second = folder_identity.look(play("two").paths)
    assert second.problem is None and second.folder not in (None, first)
    assert ledger_binding(ledger_location(play("two"))).folder == second.folder
