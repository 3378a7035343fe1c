"""GO or NO-GO, from what was measured: each gate with its value, its limit and a reason in words.

A gate whose figure is not known is shut: no green sign without a reason.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from research.lab import overfitting, statistics
from research.lab.overfitting import Overfitting
from research.lab.statistics import Deflation
from research.metrics.moments import moments
from research.metrics.returns import DAYS_PER_YEAR, Floats
from research.report.words import MINUS, NO_BREAK

MIN_DEFLATED = 0.95
MAX_OVERFITTING = 0.2
CONFIDENCE = 0.95  # of the minimum track record
MIN_DAYS = 60  # of training: the formula of the track record is for many days
MIN_HOLDOUT_DAYS = 20


class LabAnswer(StrEnum):
    """What the lab says of a result."""

    GO = "GO"
    NO_GO = "NO-GO"


@dataclass(frozen=True, slots=True)
class LabGate:
    """One condition. `value`: as a number where there is one; `said`, `limit`: value and limit in words."""

    key: str
    title: str
    value: float | None
    said: str
    limit: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class HoldoutOutcome:
    """What the one look showed, a day each from UTC day `first_day`: returns beyond holding with the beta of training,
    the run's own and those of holding."""

    edge: Floats
    returns: Floats
    holding: Floats
    first_day: int


@dataclass(frozen=True, slots=True)
class HoldoutState:
    """`locked`: a part is locked for every product; `seen_by`: who looked before; `outcome`: of the one look, if taken.

    `days`: how many the holdout has.
    """

    locked: bool
    seen_by: Sequence[str]
    days: int
    outcome: HoldoutOutcome | None = None


@dataclass(frozen=True, slots=True)
class TrainingEvidence:
    """What the trials show before the holdout. Ratios per day, beyond holding. `trials`: effective number of all."""

    edge: Floats
    own: Floats
    trials: float
    deflation: Deflation
    overfitting: Overfitting | None
    needed_days: float | None

    @property
    def ratio(self) -> float | None:
        """The Sharpe ratio beyond holding, a year."""
        found = moments(self.edge).sharpe
        return None if found is None else found * DAYS_PER_YEAR**0.5


def evidence(edge: Floats, own: Floats, others: float = 0.0) -> TrainingEvidence:
    """`edge`: of the chosen one, `own`: a column for each trial that it was chosen from, itself among them; `others`:
    effective number of the trials that were made on the same history otherwise."""
    ratios = np.array([moments(column).sharpe or 0.0 for column in own.T])
    trials = statistics.effective_trials(own) + others
    return TrainingEvidence(
        edge, own, trials, statistics.deflate(edge, ratios, trials), overfitting.cscv(own),
        statistics.min_track_record(edge, confidence=CONFIDENCE),
    )  # fmt: skip


def training_gates(found: TrainingEvidence) -> tuple[LabGate, ...]:
    """What must hold before the holdout is looked at."""
    return _deflated(found), _overfitted(found), _long_enough(found)


def _deflated(found: TrainingEvidence) -> LabGate:
    value, luck = found.deflation.probability, found.deflation.by_chance * DAYS_PER_YEAR**0.5
    passed = value is not None and value >= MIN_DEFLATED
    if value is None or found.ratio is None:
        said, reason = "not known", "it traded too little for a Sharpe ratio"
    else:
        said = _percent(value)
        many = f"{found.trials:,.1f} independent trials" if found.trials >= 1.05 else "one trial"
        reason = (
            f"a Sharpe ratio of {_number(found.ratio)} beyond holding; the best of {many} reaches {_number(luck)} by "
            f"luck: {said} sure that it is more"
        )
    return LabGate("deflated", "Deflated Sharpe", value, said, f"at least {_percent(MIN_DEFLATED)}", passed, reason)


def _overfitted(found: TrainingEvidence) -> LabGate:
    result, limit = found.overfitting, f"at most {_percent(MAX_OVERFITTING)}"
    if result is None:
        why = f"{found.own.shape[1] if found.own.ndim == 2 else 0} trials over {len(found.edge)} days: not known"
        return LabGate("overfitting", "Overfitting (PBO)", None, "not known", limit, False, why)
    said = _percent(result.probability)
    reason = f"the best trial of one half of the days is not above the middle in the other half in {said} of the splits"
    passed = result.probability <= MAX_OVERFITTING
    return LabGate("overfitting", "Overfitting (PBO)", result.probability, said, limit, passed, reason)


def _long_enough(found: TrainingEvidence) -> LabGate:
    days, needed = len(found.edge), found.needed_days
    limit = "no length is enough" if needed is None else f"at least {math.ceil(max(needed, MIN_DAYS)):,} days"
    if needed is None:
        reason = "it earned nothing beyond holding"
    elif days < MIN_DAYS:
        reason = f"{days} days are too few to say anything"
    else:
        reason = f"a ratio like this needs {math.ceil(needed):,} days; there are {days:,}"
    passed = needed is not None and days >= max(needed, MIN_DAYS)
    return LabGate("track_record", "Track record", float(days), f"{days:,} days", limit, passed, reason)


def holdout_gate(state: HoldoutState, waits: bool) -> LabGate:
    """The out-of-sample window. `waits`: it is not looked at, because another gate is shut already."""

    def gate(said: str, passed: bool, reason: str, value: float | None = None) -> LabGate:
        return LabGate("holdout", "Holdout", value, said, "looked at once, and earns", passed, reason)

    if not state.locked:
        return gate("none", False, "no part of the data is locked: ./coin data lock NAME, then sweep again")
    if state.seen_by:
        named = ", ".join(state.seen_by[:3]) + (f" and {len(state.seen_by) - 3} more" if len(state.seen_by) > 3 else "")
        times = f"{len(state.seen_by)} time{'' if len(state.seen_by) == 1 else 's'}"
        return gate(f"seen {times}", False, f"the locked part was seen before ({named}): it proves nothing any more")
    if state.days < MIN_HOLDOUT_DAYS:
        reason = f"its {state.days} days are too few: {MIN_HOLDOUT_DAYS} are needed"
        return gate(f"{state.days} days", False, reason, float(state.days))
    if state.outcome is None:
        reason = "not looked at: what fails before it does not use it up" if waits else "not looked at yet"
        return gate("locked", False, reason)
    mean = float(state.outcome.edge.mean())
    earned = f"{'earned' if mean > 0 else 'lost'} {_percent(abs(mean) * DAYS_PER_YEAR, 1)} a year beyond holding"
    return gate(_signed(mean * DAYS_PER_YEAR) + " a year", mean > 0, f"looked at once: it {earned}", mean)


@dataclass(frozen=True, slots=True)
class LabJudgement:
    """The answer with its reasons; `sentence` says it in one line."""

    answer: LabAnswer
    gates: tuple[LabGate, ...]

    @property
    def sentence(self) -> str:
        """NO-GO: the reasons of the shut gates; GO: those of all."""
        shut = [gate for gate in self.gates if not gate.passed]
        waiting = [gate for gate in shut if not (gate.key == "holdout" and gate.said == "locked" and len(shut) > 1)]
        told = waiting if shut else self.gates
        return f"{self.answer}: " + "; ".join(f"{gate.title.lower()}: {gate.reason}" for gate in told)


def judge(gates: Sequence[LabGate]) -> LabJudgement:
    """GO where every gate is open."""
    passed = bool(gates) and all(gate.passed for gate in gates)
    return LabJudgement(LabAnswer.GO if passed else LabAnswer.NO_GO, tuple(gates))


def _percent(value: float, digits: int = 1) -> str:
    return f"{value * 100:,.{digits}f}{NO_BREAK}%"


def _number(value: float) -> str:
    return f"{value:,.2f}".replace("-", MINUS)


def _signed(value: float) -> str:
    return f"{value * 100:+,.1f}{NO_BREAK}%".replace("-", MINUS)
