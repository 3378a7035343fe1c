"""`control.json`: the desired state (levels) and what happens once (commands), and how both are sent.

Levels are read by value, so a lost write, a second read or a restart does no harm. Once-commands travel in a
ring and end in a receipt. What each command is and may do: `shared.command_table`.
"""

import os
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec
import orjson
from filelock import FileLock

from shared import files
from shared.command_table import COMMANDS, RUN, Cmd
from shared.control_json import BadControl, parse
from shared.documents.status import Status
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.times import iso_ms, parse_time

CONTROL_VERSION = 1
RING_MAX = 32
RING_LIMIT = 4 * RING_MAX  # more than any writer of ours leaves there
LOCK_TIMEOUT_S = 2.0
KILL_WAY, CONTROL_WAY = "the file KILL", "control.json"


class TradingState(IntEnum):
    """The state that a person wants the bot in, in the order of precedence."""

    RUN = 0
    PAUSE = 1
    STOP = 2
    KILL = 3

    @property
    def word(self) -> str:
        return self.name.lower()


LEVEL_OF: Mapping[str, TradingState] = {
    "start": TradingState.RUN,
    "pause": TradingState.PAUSE,
    "stop": TradingState.STOP,
    "kill": TradingState.KILL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One entry of the ring."""

    seq: int
    id: str
    cmd: str
    at: str
    args: dict[str, str] = field(default_factory=dict)
    ttl_s: float | None = None
    by: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFile:
    """The document as it stands in the file. `command` null means start, and so does `run`."""

    command: str | None = None
    kill_switch: bool = False
    updated_at: str | None = None
    version: int = CONTROL_VERSION
    epoch: str | None = None
    seq: int = 0
    commands: list[Command] = field(default_factory=list)

    @property
    def level(self) -> TradingState:
        """The desired state; `kill_switch` outranks `command`."""
        return TradingState.KILL if self.kill_switch else LEVEL_OF[self.command or "start"]


def decode_control(data: bytes, seen_ids: Collection[str] = ()) -> ControlFile:
    """The document in `data`; raises BadControl. Garbage never means run: what does not hold is refused whole.

    A refused document that mentions kill says so in the error: `seen_ids` are the ring's commands that were heard
    before, and are no news.
    """
    raw, kill = parse(data, seen_ids)
    try:
        found = _converted(raw)
    except Unreadable as error:
        raise BadControl(str(error), kill=kill) from error
    ring = [replace(entry, cmd=Cmd.START.value) if entry.cmd == RUN else entry for entry in found.commands]
    found = replace(found, command=Cmd.START.value if found.command == RUN else found.command, commands=ring)
    if kill is not None and found.level is not TradingState.KILL and not any(c.cmd == Cmd.KILL for c in ring):
        raise BadControl("a kill in an unknown form", kill=kill)
    return found


def _converted(raw: dict[str, Any]) -> ControlFile:
    if raw.get("version", CONTROL_VERSION) != CONTROL_VERSION:
        raise Unreadable(f"its version is {raw.get('version')!r}, this program knows {CONTROL_VERSION}")
    command = raw.get("command")
    if command is not None and (not isinstance(command, str) or command not in (RUN, *LEVEL_OF)):
        raise Unreadable(f"command {command!r} is none of null, {RUN}, {', '.join(LEVEL_OF)}")
    ring = raw.get("commands")
    if isinstance(ring, list) and len(ring) > RING_LIMIT:
        raise Unreadable(f"{len(ring)} commands: the ring holds {RING_MAX}")
    try:
        return msgspec.convert(raw, ControlFile)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from error


def command_of(word: str) -> Cmd | None:
    """The command that a word names; None = there is no such command."""
    try:
        return Cmd(word)
    except ValueError:
        return None


def malformed(cmd: str, args: Mapping[str, object]) -> str | None:
    """Why `cmd` is never possible with these arguments, for a person; None = it may be."""
    if command_of(cmd) is None:
        return f"unknown command {cmd!r}"
    missing = [name for name in COMMANDS[Cmd(cmd)].args if not args.get(name)]
    return f"{cmd} needs {', '.join(missing)}" if missing else None


def refusal(cmd: str, args: Mapping[str, object], status: Status) -> str | None:
    """Why `cmd` is not possible now, for a person; None = it is. The one place where this is decided."""
    wrong = malformed(cmd, args)
    if wrong is None and status not in COMMANDS[Cmd(cmd)].allowed:
        return f"{cmd} is not possible while {status}"
    return wrong


def is_expired(command: Command, now: datetime) -> bool:
    """True for a once-command that waited longer than it may. Levels never expire."""
    cmd = command_of(command.cmd)
    rule = COMMANDS[cmd] if cmd is not None else None
    if rule is None or rule.ttl_s is None:
        return False
    ttl_s = min(command.ttl_s, rule.ttl_s) if command.ttl_s is not None else rule.ttl_s
    try:
        return (now - parse_time(command.at)).total_seconds() > ttl_s
    except ValueError:
        return True


class NotSent(Exception):
    """The command reached nobody; `status` is the HTTP status that says so."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that was sent, and how. Only a kill has more than one way; it is sent where one of them works."""

    command: Command
    ways: tuple[str, ...] = (CONTROL_WAY,)
    failed: tuple[str, ...] = ()  # ways that did not work, each with its reason
    in_ring: bool = True  # False = no receipt can name it: the bot hears of it by the file KILL alone

    @property
    def text(self) -> str:
        """For a person: "killed by the file KILL; control.json could not be written (No space left on device)"."""
        by = f"{'killed' if self.command.cmd == Cmd.KILL else 'sent'} by {' and '.join(self.ways)}"
        return "; ".join((by, *self.failed))


BY_HAND = (
    "by hand: ./coin halt ends the bot's process, then ./coin kill cancels its orders; or cancel them at the exchange"
)


def send_command(
    paths: DataPaths,
    cmd: Cmd,
    args: Mapping[str, str] | None = None,
    *,
    by: str,
    seen_ids: Iterable[str] = (),
    now: datetime | None = None,
    command_id: str = "",
) -> Command:
    """`send`, where only the command matters. Raises NotSent."""
    return send(paths, cmd, args, by=by, seen_ids=seen_ids, now=now, command_id=command_id).command


def send(
    paths: DataPaths,
    cmd: Cmd,
    args: Mapping[str, str] | None = None,
    *,
    by: str,
    seen_ids: Iterable[str] = (),
    now: datetime | None = None,
    command_id: str = "",
) -> SentCommand:
    """Put `cmd` into `control.json` under the writers' lock, durably, and say how it was sent.

    `command_id`: the one that the audit trail names it by. `seen_ids` are the receipts that the bot has written: those
    entries leave the ring. Kill is never refused: it makes the file KILL and sets `kill_switch`, and either alone
    kills; reset_kill takes both back (the latch itself is the bot's). Raises NotSent where no way worked (503 ring
    full or lock held, 507 disk).
    """
    now = datetime.now(UTC) if now is None else now
    wanted = _new(cmd, args or {}, by, now, command_id)
    if cmd is not Cmd.KILL:
        return SentCommand(_put(paths, wanted, set(seen_ids), now))
    made = _make_kill_file(paths.kill)
    try:
        command = _put(paths, wanted, set(seen_ids), now)
    except NotSent as error:
        if made is not None:
            raise NotSent(f"{made}; {error}; {BY_HAND}", error.status) from error
        return SentCommand(wanted, (KILL_WAY,), (str(error),), in_ring=False)
    return (
        SentCommand(command, (CONTROL_WAY,), (made,))
        if made is not None
        else SentCommand(command, (KILL_WAY, CONTROL_WAY))
    )


def send_kill_file(path: Path, by: str, why: str) -> SentCommand:
    """A kill by the file KILL alone; `why` control.json is left alone. Raises NotSent."""
    made = _make_kill_file(path)
    if made is not None:
        raise NotSent(f"{made}; {why}; {BY_HAND}", 507)
    return SentCommand(_new(Cmd.KILL, {}, by, datetime.now(UTC)), (KILL_WAY,), (why,), in_ring=False)


def _new(cmd: Cmd, args: Mapping[str, str], by: str, now: datetime, command_id: str = "") -> Command:
    """Not in the ring yet."""
    return Command(
        seq=0, id=command_id or str(uuid.uuid4()), cmd=cmd, args=dict(args), at=iso_ms(now), ttl_s=COMMANDS[cmd].ttl_s,
        by=by,
    )  # fmt: skip


def _put(paths: DataPaths, wanted: Command, seen: set[str], now: datetime) -> Command:
    """The command as it stands in the ring now. Raises NotSent."""
    try:
        by_file = wanted.cmd == Cmd.RESET_KILL and _kill_file_gone(paths.kill)
        with FileLock(paths.control_lock, timeout=LOCK_TIMEOUT_S, mode=0o600):
            before = _read_or_new(paths.control, seen)
            sent = replace(wanted, seq=before.seq + 1)
            after = _appended(before, sent, seen, now, killed=by_file or _asks_for_kill(before, seen))
            files.write_whole(paths.control, orjson.dumps(after), durable=True)
            return sent
    except TimeoutError as error:
        raise NotSent("another writer holds control.lock", 503) from error
    except OSError as error:
        raise NotSent(f"control.json could not be written ({error.strerror or error})", 507) from error


def _asks_for_kill(said: ControlFile, seen: set[str]) -> bool:
    """Whether it does, or its ring does since the last reset there."""
    last = [c.cmd for c in said.commands if c.id not in seen and c.cmd in (Cmd.KILL, Cmd.RESET_KILL)][-1:]
    return said.level is TradingState.KILL or last == [Cmd.KILL]


def _kill_file_gone(path: Path) -> bool:
    """Remove the file KILL; whether it was there. Raises OSError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def ensure_control_file(paths: DataPaths, desired: str | None) -> None:
    """Make `control.json` where there is none; `desired` is what it must say (run, pause, stop). Raises OSError."""
    with FileLock(paths.control_lock, timeout=LOCK_TIMEOUT_S, mode=0o600):
        if paths.control.exists():
            return
        command = desired if desired in ("pause", "stop") else None
        made = ControlFile(command=command, updated_at=iso_ms(datetime.now(UTC)), epoch=str(uuid.uuid4()))
        files.write_whole(paths.control, orjson.dumps(_document(made)), durable=True)


def keep_desired_state(
    paths: DataPaths, others: Iterable[ControlFile], least: TradingState, *, kill: bool, now: datetime
) -> tuple[TradingState, bool]:
    """Write `control.json` anew with the strictest of what stands there, the `others` and `least`: (level, kill).

    The ring is emptied: what waited in it was meant for the ledger as it was. A file that does not hold counts as
    pause. Raises OSError, TimeoutError.
    """
    with FileLock(paths.control_lock, timeout=LOCK_TIMEOUT_S, mode=0o600):
        found = [*others]
        try:
            found.append(decode_control(files.read_bytes(paths.control)))
        except FileNotFoundError:
            pass
        except Unreadable:
            found.append(ControlFile(command="pause"))
        kill = kill or any(said.level is TradingState.KILL for said in found)
        level = max([least, *(said.level for said in found)])
        words = {
            TradingState.RUN: None,
            TradingState.PAUSE: "pause",
            TradingState.STOP: "stop",
            TradingState.KILL: "kill",
        }
        made = ControlFile(
            command=words[TradingState.KILL if kill else level],
            kill_switch=kill,
            updated_at=iso_ms(now),
            epoch=str(uuid.uuid4()),
            seq=max((said.seq for said in found), default=0),
        )
        files.write_whole(paths.control, orjson.dumps(_document(made)), durable=True)
        return min(level, TradingState.STOP), kill


def _document(control: ControlFile) -> dict[str, Any]:
    """In the order in which people read it."""
    return {
        "command": control.command,
        "kill_switch": control.kill_switch,
        "updated_at": control.updated_at,
        "version": control.version,
        "epoch": control.epoch,
        "seq": control.seq,
        "commands": control.commands,
    }


def _make_kill_file(path: Path) -> str | None:
    """Why the file KILL is not there; None = it is. Empty, so that a full disk still has room for it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        if os.path.lexists(path):  # a link or a folder of that name kills as well
            return None
        return f"the file KILL could not be made ({error.strerror or error})"
    return None


def _read_or_new(path: Path, seen: Collection[str]) -> ControlFile:
    """The file's good content, else a new document: writing a whole new one is how a damaged file is mended.

    The desired state is not known then, and a new document must not mean run by saying nothing: it says pause.
    """
    try:
        return decode_control(files.read_bytes(path), seen)
    except BadControl as error:
        # A kill that nobody has heard yet must not be mended away.
        return ControlFile(command="pause", kill_switch=error.kill is not None, epoch=str(uuid.uuid4()))
    except (Unreadable, FileNotFoundError):
        return ControlFile(command="pause", epoch=str(uuid.uuid4()))


def _appended(before: ControlFile, sent: Command, seen: set[str], now: datetime, *, killed: bool) -> dict[str, Any]:
    """The document with `sent` in its ring. `killed`: it, or the file KILL, asked for a kill until now."""
    ring = [c for c in before.commands if c.id not in seen]
    cmd = Cmd(sent.cmd)
    if len(ring) >= RING_MAX:
        if cmd not in (Cmd.KILL, Cmd.STOP, Cmd.PAUSE):
            raise NotSent("32 commands wait unseen: is the bot running?", 503)
        ring = ring[-(RING_MAX - 1) :]
    command, kill_switch = before.command, before.kill_switch
    if cmd.value in LEVEL_OF:
        # Only reset_kill takes the switch back: a pause that overtakes an unread kill must not undo it.
        command = cmd.value
        kill_switch = kill_switch or cmd is Cmd.KILL
    elif cmd is Cmd.RESET_KILL and killed:
        # A reset that nothing asks for, as one that was sent twice, must not stop a bot that runs by now.
        command, kill_switch = "stop", False
    elif cmd is Cmd.FLATTEN and command != "kill":
        command = "stop"  # else the bot would buy again what it just sold
    after = replace(
        before,
        command=command,
        kill_switch=kill_switch,
        updated_at=iso_ms(now),
        epoch=before.epoch or str(uuid.uuid4()),
        seq=sent.seq,
        commands=[*ring, sent],
    )
    return _document(after)
