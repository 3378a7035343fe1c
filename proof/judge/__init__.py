"""The judge: a program apart. It reads the exchange's truth, the ledger and the published files of a run, and says
for each invariant whether it held. It knows the bot's files and tables, and imports nothing of the bot.

    python -m proof.judge FOLDER
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from proof.judge import audit, money, permission, power, process, restore, wire, writers
from proof.judge.case import Case, Unusable, load

Check = Callable[[Case], Iterator[str]]
SHOWN = 5
INVARIANTS: dict[str, Check] = {
    "I1 FILLS": money.fills,
    "I2 POSITION": money.position,
    "I3 ONE-INTENT": money.one_intent,
    "I4 NO-ORPHAN": wire.orphans,
    "B7 EXPLAINED": wire.explained,
    "I5 KILL": power.kill,
    "I6 PAUSE": power.pause,
    "I7 STOP-PERSIST": power.wish,
    "I8 LOSS": power.loss,
    "I9 CONSERVE": money.conserve,
    "I10 STATE": wire.published,
    "I11 ONE-WRITER": process.one_writer,
    "I12 LIMITS": wire.limits,
    "I13 FRESH": wire.fresh,
    "I22 HEARD": wire.heard,
    "I14 FSM": money.states,
    "I16 REPLAY": money.replayed,
    "I18 LIVE": wire.alive,
    "I19 BOUND": process.bounded,
    "I20 DAY": power.day,
    "I21 SANE": wire.sane,
    "F6 RESTORE": restore.brakes,
    "I23 FENCE": writers.fenced,
    "I24 PERMIT": permission.permitted,
    "I25 RECORDED": process.recorded,
    "I27 AUDIT": audit.written,
    "DURABLE": process.storage,
    "UP": process.upright,
}


# With two writers on one account no ledger tells the whole of it: what then still must hold.
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
    except Unusable as error:
        return [f"unusable: {error}"]
