"""A ledger opened where it is, file or server, for the one writer or for readers."""

from shared.ledger.db import Database
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_reader, open_writer


def connect_writer(location: LedgerLocation) -> Database:
    """The bot's engine, at the newest schema. Raises DamagedLedger, LedgerError, OSError."""
    if location.on_server:
        from shared.ledger import postgres  # noqa: PLC0415  its driver is there only where it is asked for

        return postgres.open_writer(location)
    return open_writer(location.path)


def connect_reader(location: LedgerLocation) -> Database:
    """An engine that can only read and holds no connection between reads. Raises DamagedLedger without a driver."""
    if location.on_server:
        from shared.ledger import postgres  # noqa: PLC0415

        return postgres.open_reader(location)
    return open_reader(location.path)


def ledger_exists(location: LedgerLocation) -> bool:
    """Whether there is a ledger. Raises LedgerError where the server cannot be asked."""
    if location.on_server:
        from shared.ledger import postgres  # noqa: PLC0415

        return postgres.exists(location)
    return location.path.exists()
