"""What happens to files while no process runs: torn by a power cut, lost, or replaced by an old copy."""

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path
from random import Random

from shared.ledger.location import LedgerLocation
from shared.ledger.put_back import no_bot
from shared.ledger.put_back import put_back as restore_backup
from shared.paths import DataPaths


def tear(paths: DataPaths, unsynced: dict[Path, bytes], random: Random) -> None:
    """A power cut: a rename without fsync may leave nothing, zeros, the old file, or the new one.

    The ledger's write-ahead log gets the torn beginning of a transaction that was never committed. What was committed
    stays: the writer's connection is at synchronous=FULL, which the judge checks.
    """
    for path, before in unsynced.items():
        kind = random.randrange(4)
        if kind < 3 and path.exists():
            size = path.stat().st_size
            path.write_bytes((b"", b"\0" * size, before)[kind])
    log = _beside(paths.ledger, "-wal")
    if log.exists() and log.stat().st_size:
        with log.open("ab") as file:
            file.write(random.randbytes(random.choice((11, 24, 700, 4120))))


def keep(paths: DataPaths) -> None:
    """Somebody copies the ledger, as a backup does."""
    if paths.ledger.exists():
        with sqlite3.connect(paths.ledger) as db, sqlite3.connect(_beside(paths.ledger, ".kept")) as copy:
            db.backup(copy)
        db.close()
        copy.close()


def backup(paths: DataPaths) -> None:
    """The files of `./coin backup`, in a folder."""
    folder = _archive(paths)
    shutil.rmtree(folder, ignore_errors=True)
    if not paths.ledger.exists():
        return
    folder.mkdir()
    with sqlite3.connect(paths.ledger) as db, sqlite3.connect(folder / paths.ledger.name) as copy:
        db.backup(copy)
    db.close()
    copy.close()
    for document in (paths.positions, paths.control, paths.kill):
        if document.exists():
            shutil.copyfile(document, folder / document.name)


def put_back(paths: DataPaths, now: datetime, number: int, *, rescued: bool = False) -> bool:
    """`./coin restore` of that backup, or of the copy that the bot rescued; False = there is none."""
    folder = _archive(paths)
    work = folder.with_name(f"restore-{number}")
    if rescued:
        found = sorted(paths.root.glob("ledger.rescued-*.db"))
        if not found:
            return False
        work.mkdir()
        shutil.move(found[-1], work / paths.ledger.name)
    elif folder.exists():
        shutil.copytree(folder, work)
    else:
        return False
    with no_bot(paths):
        restore_backup(
            paths, LedgerLocation(paths.ledger), work, "backup", now, folder.with_name(f"before-restore-{number}")
        )
    return True


def _archive(paths: DataPaths) -> Path:
    return paths.root.with_name("backup")


def copy_folder(paths: DataPaths, there: DataPaths) -> None:
    """Somebody copies the whole data folder while the bot runs."""
    there.prepare()
    there.sim.mkdir(mode=0o700, exist_ok=True)
    for name in ("control.json", "positions.json", "folder_id.json", "live_permission.json", "sim/key.json"):
        if (paths.root / name).exists():
            shutil.copy2(paths.root / name, there.root / name)
    if paths.ledger.exists():
        with sqlite3.connect(paths.ledger) as db, sqlite3.connect(there.ledger) as copy:
            db.backup(copy)
        db.close()
        copy.close()


def restore(paths: DataPaths, what: str) -> bool:
    """Prepare the ledger for the next start: leave it (""), remove it ("lose"), or put an old copy there ("old").

    True = it is another one now.
    """
    kept = _beside(paths.ledger, ".kept")
    if what == "lose":
        remove(paths.ledger)
        return True
    if what == "old" and kept.exists():
        remove(paths.ledger)
        shutil.copyfile(kept, paths.ledger)
        return True
    return False


def remove(ledger: Path) -> None:
    """All files of the ledger."""
    for suffix in ("", "-wal", "-shm"):
        _beside(ledger, suffix).unlink(missing_ok=True)


def _beside(ledger: Path, suffix: str) -> Path:
    return ledger.with_name(ledger.name + suffix)
