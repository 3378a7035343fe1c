"""A ledger opened where it is, file or server, for the one writer or for readers."""

from shared.ledger.db import Database
from shared.ledger.open import open_reader, open_writer
from shared.ledger.place import Place


def writer_at(place: Place) -> Database:
    """The bot's engine, at the newest schema. Raises DamagedLedger, LedgerError, OSError."""
    if place.on_server:
        from shared.ledger import postgres  # noqa: PLC0415  its driver is there only where it is asked for

        return postgres.open_writer(place)
    return open_writer(place.path)


def reader_at(place: Place) -> Database:
    """An engine that can only read and holds no connection between reads. Raises DamagedLedger without a driver."""
    if place.on_server:
        from shared.ledger import postgres  # noqa: PLC0415

        return postgres.open_reader(place)
    return open_reader(place.path)


def exists(place: Place) -> bool:
    """Whether there is a ledger. Raises LedgerError where the server cannot be asked."""
    if place.on_server:
        from shared.ledger import postgres  # noqa: PLC0415

        return postgres.exists(place)
    return place.path.exists()
