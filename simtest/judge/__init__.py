"""The judge: a separate program. It reads the exchange's ground truth, the ledger and the published files of a run,
and says for each invariant whether it held. It knows the bot's files and tables, and imports nothing of the bot.

    python -m simtest.judge FOLDER
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from simtest.judge import (
    alert_invariants,
    audit_invariants,
    boot_invariants,
    control_invariants,
    duty_invariants,
    entry_invariants,
    exit_invariants,
    fencing_invariants,
    figure_invariants,
    hand_invariants,
    loss_invariants,
    money_invariants,
    permission_invariants,
    process_invariants,
    published_invariants,
    receipt_invariants,
    restore_invariants,
    runner_invariants,
    signal_invariants,
    trading_invariants,
    weight_invariants,
)
from simtest.judge.case import Case, InvalidEvidence, load
from simtest.judge.rules import RULES

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
    "I8 LOSS": loss_invariants.loss,
    "I9 CONSERVE": money_invariants.conserve,
    "I10 STATE": trading_invariants.published,
    "I11 ONE-WRITER": process_invariants.one_writer,
    "I12 LIMITS": trading_invariants.limits,
    "I13 FRESH": trading_invariants.fresh,
    "I22 HEARD": trading_invariants.heard,
    "I14 FSM": money_invariants.states,
    "I16 REPLAY": money_invariants.replayed,
    "I17 ALERT": alert_invariants.alerts,
    "I18 LIVE": trading_invariants.alive,
    "I19 BOUND": process_invariants.bounded,
    "I20 DAY": control_invariants.day,
    "I21 SANE": trading_invariants.sane,
    "F6 RESTORE": restore_invariants.brakes,
    "I23 FENCE": fencing_invariants.fenced,
    "I24 PERMIT": permission_invariants.permitted,
    "I25 RECORDED": process_invariants.recorded,
    "I27 AUDIT": audit_invariants.written,
    "P1 POSITIONS": published_invariants.positions,
    "P2 ACCOUNT": published_invariants.account,
    "P3 COUNTERS": figure_invariants.counters,
    "P4 FEEDS": figure_invariants.feeds,
    "P5 RECEIPTS": receipt_invariants.receipts,
    "P6 BOOTS": boot_invariants.boots,
    "P7 TRANSFERS": figure_invariants.transfers,
    "P8 ALERTS": figure_invariants.alerts,
    "P9 RISK": figure_invariants.risk,
    "R1 ENTRY": entry_invariants.entries,
    "R2 TAKE": exit_invariants.takes,
    "R3 STOP": exit_invariants.stops,
    "R4 TRAIL": runner_invariants.trails,
    "R5 PROMOTE": runner_invariants.promotions,
    "R6 CANCEL": duty_invariants.bids,
    "R7 FLATTEN": duty_invariants.flat,
    "R8 LATCH": duty_invariants.latches,
    "R9 SIGNAL": signal_invariants.signal_exits,
    "R10 WEIGHT": weight_invariants.weights,
    "R11 HAND": hand_invariants.moves,
    "DURABLE": process_invariants.storage,
    "UP": process_invariants.upright,
}


# With two writers on one account no ledger is complete; these must hold even then.
OF_TWO = frozenset({"I10 STATE", "I13 FRESH", "I21 SANE", "I23 FENCE", "I24 PERMIT", "DURABLE", "UP"})


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """What the judge says of a run."""

    breaches: dict[str, list[str]]  # invariant → the first breaches found; one that held is not here
    judged: dict[str, int]  # rule → how many things that could have broken it were judged; every declared rule


def verdict(folder: Path) -> RunVerdict:
    """The verdict on a run's evidence. Raises OSError and ValueError where there is none."""
    case = load(folder)
    held = OF_TWO if case.truth["copies"] else INVARIANTS.keys()
    found = {name: _first(check, case) for name, check in INVARIANTS.items() if name in held}
    return RunVerdict(
        {name: texts for name, texts in found.items() if texts}, {rule: case.judged[rule] for rule in RULES}
    )


def _first(check: Check, case: Case) -> list[str]:
    """The first breaches; evidence that cannot be read is one."""
    try:
        return list(islice(check(case), SHOWN))
    except InvalidEvidence as error:
        return [f"unreadable evidence: {error}"]
