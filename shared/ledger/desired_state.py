"""The desired state that the ledger keeps, for whoever makes `control.json` anew: a new file must not change it."""

from shared.control import ensure_control_file
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.key_values import read_key_value
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger
from shared.paths import DataPaths


def stored_desired_state(location: LedgerLocation) -> str | None:
    """run, pause or stop as the bot last knew it; None = no ledger, or none that can be read."""
    try:
        if not ledger_exists(location):
            return None
        with connect_reader(location).connect() as db:
            return read_key_value(db, "wish")
    except (LedgerError, DamagedLedger):
        return None


def make_control_file(paths: DataPaths, location: LedgerLocation) -> None:
    """Make `control.json` where there is none, so that a person can edit it. Raises OSError."""
    if not paths.control.exists():
        ensure_control_file(paths, stored_desired_state(location))
