"""The check of a ledger on a Postgres server (LEDGER_URL)."""

from cli.doctor.check import DiagnosticRow, bad, good, note
from shared.errors import first_line
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger, revision
from shared.ledger.schema import HEAD_REVISION


def ledger(location: LedgerLocation) -> DiagnosticRow:
    """Whether the server answers, and whether its ledger is of this program's revision."""
    try:
        if not ledger_exists(location):
            return note("ledger", f"none yet in the {location}")
        found = revision(connect_reader(location))
    except (DamagedLedger, LedgerError) as error:
        why = first_line(error)
        return bad("ledger", f"{location}: {why}", "LEDGER_URL in .env, and whether the server runs")
    if found != HEAD_REVISION:
        return note("ledger", f"{location}: revision {found}, migrated at the next start")
    return good("ledger", f"the {location} answers")
