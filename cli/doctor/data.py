"""Checks of the files: folder, disk, documents, ledger, keys, certificate."""

import os
import shutil
import sqlite3
import stat
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from cli import ui
from cli.doctor.check import DiagnosticRow, bad, good, note, warn
from shared import files, flocks
from shared.control import decode_control
from shared.data_folder import refusal
from shared.files import Unreadable
from shared.liveness import BotSeen
from shared.paths import DataPaths
from shared.presence import Presence
from shared.settings import Mode, Settings


def folder(paths: DataPaths) -> list[DiagnosticRow]:
    """There, ours alone, writable, with room."""
    root = paths.root
    if not root.exists():
        return [note("data folder", f"{root} doesn't exist yet: ./coin start creates it")]
    checks = []
    refused = refusal(root)
    if refused is not None:
        return [bad("data folder", refused.problem, "; ".join(refused.ways))]
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077:
        checks.append(warn("data folder", f"{root} is open to others ({mode:04o})", f"chmod 700 '{root}'"))
    try:
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        checks.append(bad("data folder", f"{root} can't be written: {error.strerror}", _room(root)))
    else:
        checks.append(good("data folder", f"{root}, writable, {mode:04o}"))
    free_mb = shutil.disk_usage(root).free // 1_000_000
    if free_mb < 100:
        checks.append(bad("disk", f"{free_mb} MB free", _room(root)))
    elif free_mb < 1000:
        checks.append(warn("disk", f"{free_mb} MB free", _room(root)))
    else:
        checks.append(good("disk", f"{free_mb / 1000:.0f} GB free"))
    return checks


def _room(root: Path) -> str:
    return f"Free some space, or make it writable: df -h '{root}'; du -sh '{root}'/*"


def bot(paths: DataPaths, seen: BotSeen) -> list[DiagnosticRow]:
    """The state file, the lock and the kill switch."""
    checks = []
    if seen.state is None:
        if seen.error:
            checks.append(
                bad("bot_state.json", seen.error, "The bot writes a new one every 500 ms: is it running this version?")
            )
        else:
            checks.append(note("bot_state.json", "none yet"))
    elif seen.presence is Presence.FRESH:
        text = f"{seen.shown}, phase {seen.state.phase}, {ui.ago(seen.age_s or 0.0)} old"
        verdict = seen.verdict()
        if verdict.reason:
            checks.append(bad("bot", f"{seen.shown}: {verdict.reason}", "./coin status; ./coin logs bot"))
        else:
            checks.append(
                good("bot", text) if not seen.state.error else bad("bot", seen.state.error, "./coin logs bot")
            )
    else:
        old = f", {ui.ago(seen.age_s)} old" if seen.age_s is not None else ""
        checks.append(
            warn(
                "bot",
                f"{seen.shown}{old}; it last reported {seen.state.status}",
                f"./coin {'restart' if seen.alive else 'start'}; ./coin logs bot",
            )
        )
    holder = flocks.holder(paths.bot_lock)
    if holder is not None:
        own = seen.state is not None and seen.state.pid == holder
        text = f"held by pid {holder}"
        checks.append(
            good("bot.lock", text)
            if own
            else warn("bot.lock", text, f"That is not the bot of the state file: ps -fp {holder}")
        )
    elif seen.alive and flocks.told():
        checks.append(
            bad("bot.lock", "removed or replaced while the bot is running: it sends no orders", "./coin restart")
        )
    if paths.kill.exists():
        checks.append(warn("KILL", "the kill file exists: the bot does not trade", "./coin reset-kill"))
    elif seen.state is not None and seen.state.kill is not None:
        checks.append(
            warn("kill latch", f"since {seen.state.kill.at} by {seen.state.kill.source}", "./coin reset-kill")
        )
    if seen.state is not None and seen.presence is Presence.FRESH:
        checks += _clock_and_io(seen)
    return checks


def _clock_and_io(seen: BotSeen) -> list[DiagnosticRow]:
    checks = []
    state = seen.state
    assert state is not None
    if state.feeds is not None and state.feeds.clock_offset_ms is not None:
        text = f"{state.feeds.clock_offset_ms} ms from the exchange's"
        ok = state.feeds.clock_ok
        checks.append(good("clock", text) if ok else bad("clock", text, "sudo timedatectl set-ntp true"))
    if state.io.write_errors:
        checks.append(
            warn("writes", f"{state.io.write_errors} failed, last: {state.io.last_error}", "See data folder and disk")
        )
    if not state.control.ok:
        way = "Any command rewrites it: ./coin pause"
        checks.append(bad("control.json", state.control.error or "rejected by the bot", way))
    return checks


def documents(paths: DataPaths) -> list[DiagnosticRow]:
    """control.json as anybody may have written it, and the ages of the rest."""
    checks = []
    try:
        control = decode_control(files.read_bytes(paths.control))
        waiting = len(control.commands)
        checks.append(good("control.json", f"level {control.level.word}, {waiting} commands in the ring"))
    except FileNotFoundError:
        checks.append(note("control.json", "none: the bot may trade"))
    except (Unreadable, OSError) as error:
        checks.append(
            bad(
                "control.json",
                str(error),
                "The last valid request stays in force. Any command rewrites it: ./coin pause",
            )
        )
    for path in (paths.positions, paths.market, paths.market_db):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        age = ui.ago(max(0.0, time.time() - found.st_mtime))
        if stat.S_IMODE(found.st_mode) & 0o077:
            checks.append(
                warn(path.name, f"others may read it ({stat.S_IMODE(found.st_mode):04o})", f"chmod 600 '{path}'")
            )
        else:
            checks.append(note(path.name, f"{found.st_size / 1000:.0f} kB, written {age} ago"))
    return checks


def ledger(paths: DataPaths) -> DiagnosticRow:
    """SQLite's own check; it reads and holds nothing up."""
    path = paths.ledger
    if not path.exists():
        return note("ledger.db", "none yet")
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            (answer,) = db.execute("PRAGMA quick_check(5)").fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        way = f"Keep the damaged one (mv '{path}' aside with its -wal and -shm) and ./coin restore BACKUP"
        return bad("ledger.db", f"damaged: {answer}", way)
    return good("ledger.db", f"{path.stat().st_size / 1e6:.1f} MB, intact")


def keys(settings: Settings) -> list[DiagnosticRow]:
    """Who may read the secrets."""
    checks = []  # a .env that holds secrets and that others may read is refused with the settings already
    if settings.coin_mode is Mode.LIVE and settings.coinbase_key_file:
        checks.append(_key_file(Path(settings.coinbase_key_file).expanduser()))
    return checks


def _key_file(path: Path) -> DiagnosticRow:
    try:
        found = path.lstat()
    except OSError as error:
        return bad(
            "key file",
            f"{path}: {error.strerror}",
            "COINBASE_KEY_FILE in .env must be the path of the file from Coinbase",
        )
    if not stat.S_ISREG(found.st_mode):
        return bad("key file", f"{path} is a link or not a file", "Name the file itself")
    if found.st_uid != os.geteuid():
        return bad("key file", f"{path} belongs to another user", f"chown $(id -un) '{path}'")
    if stat.S_IMODE(found.st_mode) & 0o177:
        return bad("key file", f"{path} is {stat.S_IMODE(found.st_mode):04o}", f"chmod 600 '{path}'")
    return good("key file", f"{path}, {stat.S_IMODE(found.st_mode):04o}")


def certificates(paths: DataPaths, settings: Settings) -> list[DiagnosticRow]:
    """Those of COIN-SIM and of the dashboard: readable and not run out."""
    wanted = sorted(paths.sim.glob("*.crt")) + sorted(p for p in paths.sim.glob("*.pem") if "key" not in p.name)
    if settings.dashboard_tls_cert:
        wanted.append(Path(settings.dashboard_tls_cert).expanduser())
    return [check for path in wanted if (check := _certificate(path)) is not None]


def _certificate(path: Path) -> DiagnosticRow | None:
    name = f"certificate {path.name}"
    try:
        data = path.read_bytes()
        if b"BEGIN CERTIFICATE" not in data:
            return None
        ends = x509.load_pem_x509_certificate(data).not_valid_after_utc
    except (OSError, ValueError) as error:
        return bad(name, str(error), "./coin restart makes a new one for COIN-SIM once the file is removed")
    days = (ends - datetime.now(UTC)).days
    if days < 0:
        return bad(
            name, f"expired {-days} days ago", f"rm '{path}' and ./coin restart" if "sim" in path.parts else "Renew it"
        )
    if days < 14:
        return warn(name, f"expires in {days} days", "Renew it")
    return good(name, f"valid for {days} days")
