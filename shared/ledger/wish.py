"""The wish that the ledger keeps, for whoever makes `control.json` anew: a new file must not change it."""

from shared.control import ensure_control_file
from shared.ledger.at import exists, reader_at
from shared.ledger.db import LedgerError
from shared.ledger.facts import fact
from shared.ledger.open import DamagedLedger
from shared.ledger.place import Place
from shared.paths import DataPaths


def kept_wish(place: Place) -> str | None:
    """run, pause or stop as the bot last knew it; None = no ledger, or none that can be read."""
    try:
        if not exists(place):
            return None
        with reader_at(place).connect() as db:
            return fact(db, "wish")
    except (LedgerError, DamagedLedger):
        return None


def make_control_file(paths: DataPaths, place: Place) -> None:
    """Make `control.json` where there is none, so that a person can edit it. Raises OSError."""
    if not paths.control.exists():
        ensure_control_file(paths, kept_wish(place))
