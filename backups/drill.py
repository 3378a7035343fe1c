"""A restore drill: an archive is restored into a scratch folder, and every row of its ledger is checked."""

import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from backups.archive import BackupFailed, unpack
from shared.errors import first_line
from shared.ledger.db import LedgerError
from shared.ledger.open import DamagedLedger, open_writer
from shared.ledger.verify import verify

FINDINGS_MAX = 20


@dataclass(frozen=True, slots=True)
class Drilled:
    """What came of it. `findings`: what is wrong, the first ones; none = the archive can be restored."""

    archive: str
    findings: tuple[str, ...]
    orders: int
    took_s: float


def drill(archive: Path, ledger: str, scratch: Path) -> Drilled:
    """Restore and check; what stands at the bot's place is not touched. Raises OSError where there is no room.

    The schema is migrated as a bot's start would do it, so that an older archive is known to open, too.
    """
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".drill-") as folder:
        try:
            unpack(archive, Path(folder), ledger)
            engine = open_writer(Path(folder) / ledger)
        except (BackupFailed, DamagedLedger, LedgerError, sqlite3.Error) as error:
            return Drilled(archive.name, (first_line(error),), 0, time.monotonic() - began_s)
        try:
            results = verify(engine)
            with engine.connect() as db:
                orders = int(db.value("SELECT count(*) FROM orders") or 0)
        except LedgerError as error:
            return Drilled(archive.name, (first_line(error),), 0, time.monotonic() - began_s)
        finally:
            engine.dispose()
    found = [f"{result.name}: {one}" for result in results for one in result.findings]
    return Drilled(archive.name, tuple(found[:FINDINGS_MAX]), orders, time.monotonic() - began_s)
