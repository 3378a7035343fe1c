"""The judge: a separate program. It reads the exchange's ground truth, the ledger and the published files of a run,
and says for each invariant whether it held. It knows the bot's files and tables, and imports nothing of the bot.

    python -m simtest.judge FOLDER
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from simtest.judge import (
    audit_invariants,
    control_invariants,
    fencing_invariants,
    money_invariants,
    permission_invariants,
    process_invariants,
    restore_invariants,
    trading_invariants,
)
from simtest.judge.case import Case, InvalidEvidence, load

Check = Callable[[Case], Iterator[str]]
SHOWN = 5
INVARIANTS: dict[str, Check] = {
    "I1 FILLS": money_invariants.fills,
    "I2 POSITION": money_invariants.position,
    "I3 ONE-INTENT": money_invariants.one_intent,
    "I4 NO-ORPHAN": trading_invariants.orphans,
    "B7 EXPLAINED": trading_invariants.explained,
    "I5 KILL": control_invariants.kill,
    "I6 PAUSE": control_invariants.pause,
    "I7 STOP-PERSIST": control_invariants.level_persists,
    "I8 LOSS": control_invariants.loss,
    "I9 CONSERVE": money_invariants.conserve,
    "I10 STATE": trading_invariants.published,
    "I11 ONE-WRITER": process_invariants.one_writer,
    "I12 LIMITS": trading_invariants.limits,
    "I13 FRESH": trading_invariants.fresh,
    "I22 HEARD": trading_invariants.heard,
    "I14 FSM": money_invariants.states,
    "I16 REPLAY": money_invariants.replayed,
    "I18 LIVE": trading_invariants.alive,
    "I19 BOUND": process_invariants.bounded,
    "I20 DAY": control_invariants.day,
    "I21 SANE": trading_invariants.sane,
    "F6 RESTORE": restore_invariants.brakes,
    "I23 FENCE": fencing_invariants.fenced,
    "I24 PERMIT": permission_invariants.permitted,
    "I25 RECORDED": process_invariants.recorded,
    "I27 AUDIT": audit_invariants.written,
    "DURABLE": process_invariants.storage,
    "UP": process_invariants.upright,
}


# With two writers on one account no ledger is complete; these must hold even then.
OF_TWO = frozenset({"I10 STATE", "I13 FRESH", "I21 SANE", "I23 FENCE", "I24 PERMIT", "DURABLE", "UP"})


def verdict(folder: Path) -> dict[str, list[str]]:
    """Invariant → the first breaches found, none = it held."""
    case = load(folder)
    held = OF_TWO if case.truth["copies"] else INVARIANTS.keys()
    return {name: _first(check, case) if name in held else [] for name, check in INVARIANTS.items()}


def _first(check: Check, case: Case) -> list[str]:
    """The first breaches; evidence that cannot be read is one."""
    try:
        return list(islice(check(case), SHOWN))
    except InvalidEvidence as error:
        return [f"unreadable evidence: {error}"]
