"""`./coin ledger verify`: every check over one snapshot of the ledger, and what each of them found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.errors import first_line
from shared.ledger import checks
from shared.ledger import schema as t
from shared.ledger.db import Database, DatabaseSession, LedgerError
from shared.ledger.evidence import Evidence, read
from shared.ledger.shape import stored_as, tables_of

Check = Callable[[Evidence], Iterable[str]]

# Those that need no rows come first; the others are left out where the schema is not this program's.
BEFORE_ROWS: tuple[tuple[str, Check], ...] = (("file", checks.file), ("schema", checks.schema))
OF_ROWS: tuple[tuple[str, Check], ...] = (
    ("keys", checks.keys),
    ("amounts", checks.amounts),
    ("chain", checks.chain),
    ("replay", checks.replayed),
    ("orders", checks.orders),
    ("fills", checks.fills),
    ("lots", checks.lots),
    ("days", checks.days),
    ("derived", checks.derived),
    ("commands", checks.commands),
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: what it looks at and what it found; no finding means that it holds."""

    name: str
    about: str
    findings: tuple[str, ...]


def verify(engine: Database) -> list[CheckResult]:
    """Every check's verdict. A file that cannot be read at all is a finding of the first one."""
    try:
        with engine.snapshot() as db:
            errors = _file_errors(db)
            evidence = read(db)
    except LedgerError as error:
        why = first_line(error)
        return [CheckResult("file", _about(checks.file), (f"it cannot be read: {why}",))]
    evidence.file_errors = errors
    wanted = BEFORE_ROWS + (OF_ROWS if evidence.rows else ())
    return [CheckResult(name, _about(check), tuple(check(evidence))) for name, check in wanted]


def _about(check: Check) -> str:
    return (check.__doc__ or "").splitlines()[0]


def _file_errors(db: DatabaseSession) -> list[str]:
    """SQLite's own check. Postgres has none that a client may ask for; there, reading every row stands in."""
    if db.name != "sqlite":
        return []
    found = [str(row[0]) for row in db.rows("PRAGMA integrity_check(20)")]
    return [] if found == ["ok"] else found


def counts(engine: Database) -> dict[str, int]:
    """Rows of each table, for the closing line."""
    with engine.snapshot() as db:
        tables = (*t.DERIVED, t.events)
        names = tables_of(db)
        return {one.name: db.value(f"SELECT count(*) FROM {stored_as(names, one).name}") for one in tables}  # noqa: S608
