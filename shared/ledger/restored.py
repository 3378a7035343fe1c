"""What `./coin restore` leaves in the ledger that it put in place, so that the next run does not trust it blindly."""

from pathlib import Path

from shared.ledger.book import Book
from shared.ledger.events import Event, Word
from shared.ledger.open import open_writer

RESTORED = "restored"  # fact: why the ledger may lack what happened; emptied by the run that has taken it up


def mark(path: Path, text: str, at_ms: int) -> None:
    """Keep `text` in the ledger at `path`, as an event like any other. Raises SQLAlchemyError, DamagedLedger."""
    engine = open_writer(path)
    try:
        with Book(engine, "restore").transaction(at_ms) as draft:
            draft.happen(Event(Word.FACT, {"key": RESTORED, "value": text}))
            draft.happen(Event(Word.NOTE, {"kind": "ledger", "level": "warn", "text": text}))
    finally:
        engine.dispose()
