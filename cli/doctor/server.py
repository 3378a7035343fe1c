"""The check of a ledger on a Postgres server (LEDGER_URL)."""

from cli.doctor.check import Check, bad, good, note
from shared.ledger.at import exists, reader_at
from shared.ledger.db import LedgerError
from shared.ledger.open import DamagedLedger, revision
from shared.ledger.place import Place
from shared.ledger.schema import HEAD_REVISION


def ledger(place: Place) -> Check:
    """Whether the server answers, and whether its ledger is of this program's revision."""
    try:
        if not exists(place):
            return note("ledger", f"none yet in the {place}")
        found = revision(reader_at(place))
    except (DamagedLedger, LedgerError) as error:
        why = str(error).splitlines()[0]
        return bad("ledger", f"{place}: {why}", "LEDGER_URL in .env, and whether the server runs")
    if found != HEAD_REVISION:
        return note("ledger", f"{place}: revision {found}, migrated at the next start")
    return good("ledger", f"the {place} answers")
