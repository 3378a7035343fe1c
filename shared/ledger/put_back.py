"""An older ledger takes the place of the one that is there, and no brake gets looser by it.

What holds is read from the ledger that is replaced; where it cannot be read, from the files beside it; where nothing
can be known, the bot comes up paused. First the files say the stricter state, then the ledger is swapped in one step:
whoever is interrupted in between has the old ledger, or the new one with everything in it.
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from shared import control, files
from shared.control import ControlFile, TradingState
from shared.documents.state import BotState, decode_state
from shared.documents.status import Status
from shared.files import Unreadable
from shared.ledger import carry
from shared.ledger.connect import connect_writer
from shared.ledger.event_encoder import EventEncoder
from shared.ledger.events import Row
from shared.ledger.export import copy_ledger
from shared.ledger.journal_writer import JournalWriter, write
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_reader, open_writer
from shared.ledger.restore_mark import LACKS_SINCE, mark
from shared.ledger.summary import WITH_WAL, LedgerSummary, UnreadableLedger, read_summary, summary_of
from shared.ledger.unit_of_work import UnitOfWork
from shared.paths import DataPaths
from shared.times import epoch_ms, iso_seconds, parse_time

WRITER = "restore"


class BotRuns(Exception):
    """The data folder is in use."""


@dataclass(slots=True)
class RestoreReport:
    """What a restore did, for a person."""

    kept: list[str] = field(default_factory=list)  # brakes that went over, a line each
    missing: int | None = None  # orders since the backup that the replaced ledger knew; None = it could not be read
    level: TradingState = TradingState.RUN
    killed: bool = False
    why_not_known: str | None = None  # why the replaced ledger could not be read
    schema: str | None = None  # where the server's ledger of before is kept


@dataclass(frozen=True, slots=True)
class Files:
    """What the files beside a ledger tell of the last run."""

    latch: Row | None
    level: TradingState | None
    safe: bool
    tripped_day: dict[str, Any] | None  # the day whose loss limit tripped, as the state file shows it
    tripped_ms: int = 0


@contextmanager
def no_bot(paths: DataPaths) -> Iterator[None]:
    """Hold the bot's lock, so that none starts meanwhile. Raises BotRuns, OSError."""
    handle = os.open(paths.bot_lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BotRuns(os.read(handle, 32).decode(errors="replace").strip()) from error
        yield
    finally:
        os.close(handle)


def put_back(
    paths: DataPaths, location: LedgerLocation, folder: Path, name: str, now: datetime, aside: Path
) -> RestoreReport:
    """Put the ledger and the documents in `folder` in place; what was there is kept in the new folder `aside`.

    The caller holds `no_bot`, and gives the backup's files away: they are changed and moved. `name` is the backup's,
    for people. Raises LedgerError, DamagedLedger, OSError, TimeoutError, with the ledger as it was.
    """
    ledger, report = folder / paths.ledger.name, RestoreReport()
    engine = open_writer(ledger)
    try:
        older = read_summary(engine, ledger.name)
        newer = _newer(location, folder / ".present", older, report)
        told = _files(paths, older.key_values.get("mode"))
        level, killed = _desired_state(paths, folder, newer, older, told)
        latch, since_ms = (newer or told).latch, older.last_ms
        if older.key_values.get(LACKS_SINCE):
            since_ms = min(since_ms, int(older.key_values[LACKS_SINCE]))
        text = f"the ledger was restored from {name} on {iso_seconds(now)}: what happened since is not in it"

        def describe(unit: UnitOfWork) -> None:
            encoder = EventEncoder(unit)
            report.kept = _carried(encoder, unit, newer, older, told, latch, epoch_ms(now))
            carry.desired_state(encoder, level)
            mark(encoder, text, since_ms, report.missing, report.kept)
            encoder.close()

        write(engine, WRITER, epoch_ms(now), describe)
        head = JournalWriter(engine, WRITER).head()
    finally:
        engine.dispose()
    held = latch if latch is not None else older.latch
    if held is not None and held is older.latch:
        report.kept.append(f"the kill latch {held['latch_id']} of the backup holds")
    _keep_aside(paths, location, aside)
    _documents(paths, folder, head, held, level)
    report.level, report.killed = control.keep_desired_state(
        paths, _said(folder), level, kill=killed or held is not None, now=now
    )
    report.schema = _swap(paths, location, ledger, now)
    _say_level(report, level)
    return report


def _newer(location: LedgerLocation, work: Path, older: LedgerSummary, report: RestoreReport) -> LedgerSummary | None:
    """The ledger that is replaced; None = the files have to tell."""
    try:
        newer = summary_of(location, work, older.head[0])
    except UnreadableLedger as error:
        report.why_not_known = str(error)
        return None
    report.missing = len(newer.orders - older.orders)
    return newer


def _files(paths: DataPaths, mode: str | None) -> Files:
    """What positions.json and bot_state.json tell; what cannot be read, or is of another mode, tells nothing."""
    latch, level, state = None, None, None
    with contextlib.suppress(OSError, Unreadable):
        positions = files.parse_object(files.read_bytes(paths.positions))
        if positions.get("mode") == mode:
            latch, level = _latch(positions.get("latch")), carry.level_of(str(positions.get("wish") or ""))
    with contextlib.suppress(OSError, Unreadable):
        state = decode_state(files.read_bytes(paths.state))
    if state is None or state.mode != mode:
        return Files(latch, level, safe=False, tripped_day=None)
    kill = state.kill
    if latch is None and kill is not None:
        latch = _latch({"latch_id": kill.latch_id, "at_ms": kill.at_ms, "source": kill.source})
    shown = [known for known in (level, carry.level_of(state.control.level)) if known is not None]
    level = max(shown, default=None)
    return Files(latch, level, state.status is Status.SAFE, *_tripped(state))


def _latch(raw: object) -> Row | None:
    """A latch as positions.json tells of it."""
    if not isinstance(raw, dict) or not isinstance(raw.get("latch_id"), str) or not isinstance(raw.get("at_ms"), int):
        return None
    source = str(raw.get("source") or "not known")[:80]
    return {"latch_id": raw["latch_id"][:80], "kind": "kill", "at_ms": raw["at_ms"], "source": source, "note": None}


def _tripped(state: BotState) -> tuple[dict[str, Any] | None, int]:
    limits = state.risk.limits if state.risk is not None else []
    trip = next((limit for limit in limits if limit.name == "day_loss" and limit.state == "tripped"), None)
    if trip is None or state.account is None:
        return None, 0
    account = state.account
    day = {"day": account.day, "start_equity": account.day_start_equity, "peak_equity": account.day_peak_equity}
    at_ms = epoch_ms(parse_time(trip.tripped_at)) if trip.tripped_at else state.ts_ms
    return {**day, "transfers": account.day_transfers}, at_ms


def _desired_state(
    paths: DataPaths, folder: Path, newer: LedgerSummary | None, older: LedgerSummary, told: Files
) -> tuple[TradingState, bool]:
    """(the strictest level that anybody knew of, whether somebody asks for a kill)."""
    levels = [carry.level_of(older.key_values.get("wish"))]
    if newer is not None:
        levels += [carry.level_of(newer.key_values.get("wish")), TradingState.STOP if newer.latch is not None else None]
    else:
        levels += [told.level, TradingState.PAUSE]  # a limit may have tripped, and nobody can tell
    if told.safe:
        levels.append(TradingState.STOP)  # as shut as SAFE, and left like it: by Start
    levels += [said.level for said in (*_said(folder), *_said(paths.root))]
    level = max((known for known in levels if known is not None), default=TradingState.RUN)
    asked = level is TradingState.KILL or paths.kill.exists() or (folder / "KILL").exists()
    # What is killed comes up stopped: a ledger that said less would take that for a change by hand.
    stopped = asked or any(past is not None and past.latch is not None for past in (newer, older, told))
    return TradingState.STOP if stopped else min(level, TradingState.STOP), asked


def _carried(
    encoder: EventEncoder,
    unit: UnitOfWork,
    newer: LedgerSummary | None,
    older: LedgerSummary,
    told: Files,
    latch: Row | None,
    at_ms: int,
) -> list[str]:
    kept: list[str] = []
    if latch is not None:
        line = carry.latch(encoder, unit, latch, older, f"restore: {latch['latch_id']} holds", at_ms)
        kept.append(line or f"the kill latch {latch['latch_id']} holds, as in the backup")
    if told.safe:
        kept.append("SAFE: the bot comes up stopped")
    carry.commands(encoder, older, at_ms)
    if newer is not None:
        carry.boots(encoder, newer, older)
        kept += carry.key_values(encoder, newer, older)
        kept += carry.day(encoder, newer, older)
    elif told.tripped_day is not None:
        kept += carry.day_as_shown(encoder, told.tripped_day, older, told.tripped_ms)
    return kept


def _said(folder: Path) -> list[ControlFile]:
    """The backup's own control.json, where it holds."""
    try:
        return [control.decode_control(files.read_bytes(folder / "control.json"))]
    except FileNotFoundError:
        return []
    except (Unreadable, OSError):
        return [ControlFile(command="pause")]


def _say_level(report: RestoreReport, level: TradingState) -> None:
    if report.why_not_known is not None:
        report.kept.append(f"paused, because the previous state is not known: {report.why_not_known}")
    if report.killed:
        report.kept.append("the kill switch: ./coin reset-kill lifts it")
    if max(report.level, level) is not TradingState.RUN:
        report.kept.append(f"the requested state is {max(report.level, level).word} until Start is pressed")


def _keep_aside(paths: DataPaths, location: LedgerLocation, aside: Path) -> None:
    """Copies of what is there, whole or damaged. audit.jsonl and KILL stay where they are."""
    aside.mkdir(mode=0o700)
    ledger = () if location.on_server else [paths.ledger.name + ending for ending in WITH_WAL]
    for name in (*ledger, "positions.json", "control.json"):
        if (paths.root / name).is_file():
            shutil.copy2(paths.root / name, aside / name)
            (aside / name).chmod(0o600)


def _documents(paths: DataPaths, folder: Path, head: tuple[int, str], latch: Row | None, level: TradingState) -> None:
    """The documents as they go with the restored ledger. The audit trail is only put where there is none."""
    if (folder / "KILL").exists():
        paths.kill.touch(mode=0o600)
    if (folder / "audit.jsonl").exists() and not os.path.lexists(paths.audit):
        files.write_whole(paths.audit, (folder / "audit.jsonl").read_bytes(), durable=True)
    try:
        document = files.parse_object(files.read_bytes(folder / "positions.json"))
    except (OSError, Unreadable):
        paths.positions.unlink(missing_ok=True)  # it tells of another ledger
        return
    held = {name: latch[name] for name in ("latch_id", "at_ms", "source")} if latch is not None else None
    document |= {"ledger": {"seq": head[0], "chain": head[1]}, "latch": held, "wish": level.word}
    data = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    files.write_whole(paths.positions, data, durable=True)


def _swap(paths: DataPaths, location: LedgerLocation, ledger: Path, now: datetime) -> str | None:
    """The one step. On a server: the name of the schema that the ledger of before is kept in."""
    if location.on_server:
        return _swap_on_server(location, ledger, now)
    with ledger.open("rb") as file:
        os.fsync(file.fileno())
    ledger.chmod(0o600)
    with contextlib.suppress(sqlite3.Error):  # a damaged one: its copy is in `aside`
        before = sqlite3.connect(paths.ledger)
        before.execute("PRAGMA journal_mode=DELETE")  # nothing is left in a WAL that goes before its ledger does
        before.close()
    for ending in WITH_WAL[1:]:  # an old WAL beside another ledger would be played into it; it is in `aside`
        paths.ledger.with_name(paths.ledger.name + ending).unlink(missing_ok=True)
    os.replace(ledger, paths.ledger)
    files.sync_folder(paths.root)
    return None


def _swap_on_server(location: LedgerLocation, ledger: Path, now: datetime) -> str | None:
    """A schema beside it is filled first; then both change their names in one transaction."""
    from shared.ledger import postgres  # noqa: PLC0415  its driver is there only where it is asked for

    fresh = LedgerLocation(location.path, location.url, f"{location.schema}_restoring")
    postgres.drop(fresh)
    made = connect_writer(fresh)
    try:
        copy_ledger(open_reader(ledger), made)
    finally:
        made.dispose()
    return postgres.swap(location, fresh, f"{location.schema}_before_{now:%Y%m%dt%H%M%S}")
