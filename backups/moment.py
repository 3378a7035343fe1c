"""The ledger as it was at a moment, from the replica at BACKUP_URL: to the transaction, by its own journal."""

from dataclasses import dataclass
from pathlib import Path

from backups.place import ReplicaError, ReplicaPlace
from backups.replica import fetch
from shared.errors import first_line
from shared.ledger.db import LedgerError
from shared.ledger.journal_writer import GENESIS, link
from shared.ledger.open import DamagedLedger, open_reader, open_writer
from shared.ledger.replay import JournalRow, journal_of, rebuild


@dataclass(frozen=True, slots=True)
class RestoredMoment:
    """What was made: rows of the journal in it, when its newest one was written, how many came after the moment."""

    rows: int
    last_ms: int
    left_out: int


def ledger_at(place: ReplicaPlace, at_ms: int | None, out: Path, scratch: Path) -> RestoredMoment:
    """Write the ledger of that moment, None = the newest, as a fresh file `out`. Raises ReplicaError.

    Every row's place in the chain is checked: a replica that was changed or torn gives no ledger.
    """
    fetched = scratch / "fetched.db"
    fetch(place, fetched)
    try:
        with open_reader(fetched).snapshot() as db:
            journal = list(journal_of(db))
        _chained(journal)
        kept = journal if at_ms is None else [row for row in journal if row.at_ms <= at_ms]
        # By the numbers, not by the clock: one that was set back must not take a row out of the middle.
        kept = journal[: kept[-1].seq] if kept else []
        if not kept:
            raise ReplicaError("the replica has nothing of that moment or before it")
        made = open_writer(out)
        try:
            rebuild(kept, made)
        finally:
            made.dispose()
    except (LedgerError, DamagedLedger, ValueError) as error:
        raise ReplicaError(f"what the replica holds gives no ledger: {first_line(error)}") from error
    return RestoredMoment(len(kept), kept[-1].at_ms, len(journal) - len(kept))


def _chained(journal: list[JournalRow]) -> None:
    chain = GENESIS
    for number, row in enumerate(journal, 1):
        chain = link(chain, row.seq, row.at_ms, row.boot_id, row.data)
        if row.seq != number or row.chain != chain:
            raise ReplicaError(f"the journal in the replica does not hold at row {number:,}")
