"""What becomes of files while no process runs: torn by a power cut, lost, or put back from an old copy."""

import shutil
import sqlite3
from pathlib import Path
from random import Random

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


def restore(paths: DataPaths, what: str) -> None:
    """The ledger that the next life finds: the same one (""), none ("lose"), an old copy of it ("old")."""
    kept = _beside(paths.ledger, ".kept")
    if what == "lose":
        _remove(paths.ledger)
    elif what == "old" and kept.exists():
        _remove(paths.ledger)
        shutil.copyfile(kept, paths.ledger)


def _remove(ledger: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        _beside(ledger, suffix).unlink(missing_ok=True)


def _beside(ledger: Path, suffix: str) -> Path:
    return ledger.with_name(ledger.name + suffix)
