"""The lab's whole work on one run or sweep: trials counted, gates judged, the holdout looked at if all else holds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from research.backtest import load_data
from research.code_version import code_version
from research.data import store
from research.data.candles import CandleSet
from research.errors import ResearchError
from research.lab import holdout, judgement, statistics, trials
from research.lab.cross_validation import CrossValidation, cross_validate
from research.lab.experiment import DailyRun, LabRig, LabStress, Progress, look, stress
from research.lab.judgement import HoldoutOutcome, HoldoutState, LabJudgement, TrainingEvidence
from research.lab.subject import LabSubject, neighbours, try_points
from research.lab.survivorship import missing_products
from research.lab.trials import Trial, TrialRegistry
from research.metrics.moments import moments
from research.metrics.returns import DAY_S, DAYS_PER_YEAR, Floats
from research.runs import trading_settings
from shared.artifacts import digests


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything the report shows. `own`: the trials that the subject was chosen from, itself among them; `related`:
    how many trials on the same history there are in all; `doubts`: what speaks against it without deciding."""

    subject: LabSubject
    judged: LabJudgement
    evidence: TrainingEvidence
    training: DailyRun
    outcome: HoldoutOutcome | None
    stressed: LabStress
    own: tuple[Trial, ...]
    related: int
    damaged: int
    holdout_from_s: int | None
    doubts: tuple[str, ...]
    code: str
    crossed: CrossValidation | None = None  # where it was asked for

    @property
    def ratios(self) -> Floats:
        """Sharpe ratio beyond holding, a year, of each of `own`."""
        found: Floats = np.array([moments(one.edge).sharpe or 0.0 for one in self.own]) * DAYS_PER_YEAR**0.5
        return found

    def document(self) -> dict[str, Any]:
        """As plain values, for lab.json."""
        found = self.evidence
        return {
            "subject": self.subject.title, "answer": self.judged.answer.value, "sentence": self.judged.sentence,
            "gates": [asdict(gate) for gate in self.judged.gates], "doubts": list(self.doubts),
            "trials": {"own": len(self.own), "related": self.related, "effective": found.trials,
                       "damaged_lines": self.damaged},
            "sharpe_beyond_holding": found.ratio, "sharpe_by_luck": found.deflation.by_chance * DAYS_PER_YEAR**0.5,
            "pbo": None if found.overfitting is None else found.overfitting.probability,
            "min_track_record_days": found.needed_days, "days": len(found.edge), "stress": asdict(self.stressed),
            "settings": dict(self.subject.request.overrides), "holdout_from_s": self.holdout_from_s, "code": self.code,
            "cpcv": None if self.crossed is None else {**asdict(self.crossed), "ratios": self.crossed.ratios.tolist()},
        }  # fmt: skip


def _silent(_done: int, _total: int) -> None:
    """For whoever does not want to be told."""


def examine(
    data_dir: Path, subject: LabSubject, progress: Progress = _silent, cpcv: tuple[int, int] | None = None
) -> Examination:
    """Judge the subject, and keep the verdict in the registry. Raises ResearchError.

    `cpcv`: groups and tests of a cross-validation of the choice, which decides nothing.
    """
    registry, rig = TrialRegistry(data_dir), LabRig.of(subject)
    training = rig.run()
    own, around = _trials(data_dir, subject, registry, training)
    crossed = cross_validate(trials.matrix(own), *cpcv) if cpcv is not None else None
    contents = registry.read()
    rest = trials.related(
        contents, own[0].products, training.first_day, training.first_day + len(training.edge)
    )  # fmt: skip
    found = judgement.evidence(training.edge, trials.matrix(own), _effective_others(rest, own))
    gates = judgement.training_gates(found)
    waits = not all(gate.passed for gate in gates)
    state, from_s = _holdout(data_dir, subject, training, contents, waits)
    judged = judgement.judge([*gates, judgement.holdout_gate(state, waits)])
    stressed = stress(rig, training, around, subject.request.seed, progress)
    doubts = (
        *_doubts(stressed),
        *_crossed_doubts(crossed),
        *missing_products(subject.candles, store.entries(data_dir)),
    )
    done = Examination(
        subject, judged, found, training, state.outcome, stressed, tuple(own), len({one.key for one in rest}),
        contents.damaged, from_s, doubts, code_version(), crossed,
    )  # fmt: skip
    registry.note(
        "verdict", subject=subject.key, answer=judged.answer.value, sentence=judged.sentence,
        strategy=rig.settings.strategy, products=[one.product_id for one in subject.candles],
        settings=trading_settings(rig.settings), artifacts=digests(*rig.settings.strategy_files), group=subject.group,
        style=subject.request.style.value, maker_pct=subject.request.model.maker_pct,
        taker_pct=subject.request.model.taker_pct,
    )  # fmt: skip
    (subject.folder / "lab.json").write_bytes(orjson.dumps(done.document(), option=orjson.OPT_INDENT_2))
    return done


def _trials(
    data_dir: Path, subject: LabSubject, registry: TrialRegistry, training: DailyRun
) -> tuple[list[Trial], list[Floats]]:
    """(the trials that the subject was chosen from, edges of its neighbours in settings).

    A sweep's are its points; a run's are its neighbours, which are tried here, and itself.
    """
    points = neighbours(subject)
    if subject.grid:
        bars = trials.TrialSource.of(subject.kind, "", subject.request, subject.candles).bars
        own = [one for one in registry.read().trials if one.group == subject.group and one.bars == bars]
        if not own:
            raise ResearchError(f"the trials of sweep {subject.group} are not in the registry: sweep again")
        near = [
            one.edge for one in own if any(all(one.settings.get(k) == v for k, v in p.items()) for p in points)
        ]  # fmt: skip
        return own, near
    source = trials.TrialSource.of(subject.kind, subject.group, subject.request, subject.candles)
    itself = source.trial({}, training.first_day, training.edge)
    registry.add([itself])
    tried = try_points(data_dir, subject, points)
    return [itself, *tried], [one.edge for one in tried]


def _effective_others(rest: Sequence[Trial], own: Sequence[Trial]) -> float:
    """Effective number of the related trials that are not `own`, summed over stretches of bars."""
    known = {one.key for one in own}
    groups: dict[str, dict[str, Trial]] = {}
    for trial in rest:
        if trial.key not in known:
            groups.setdefault(trial.bars, {})[trial.key] = trial
    total = 0.0
    for bars, others in groups.items():
        together = [*others.values(), *(one for one in own if one.bars == bars)]
        alone = [one for one in own if one.bars == bars]
        less = statistics.effective_trials(trials.matrix(alone)) if alone else 0.0
        total += max(statistics.effective_trials(trials.matrix(together)) - less, 0.0)
    return total


def _holdout(
    data_dir: Path, subject: LabSubject, training: DailyRun, contents: trials.RegistryContents, waits: bool
) -> tuple[HoldoutState, int | None]:
    """The state of the holdout, after the one look where it is due; and where it begins (s)."""
    taken = holdout.own_look(contents, subject.key)
    if taken is not None:
        lock = [holdout.HoldoutLock(name, taken["from_s"], taken["until_s"], taken["at"]) for name in taken["products"]]
        seen = holdout.earlier_looks(contents, lock, subject.key, taken["at"])
        outcome = HoldoutOutcome(
            np.array(taken["edge"]), np.array(taken["returns"]), np.array(taken["holding"]), taken["first_day"]
        )
        return HoldoutState(True, seen, len(outcome.edge), outcome), taken["from_s"]
    locks = _locks(data_dir, subject, contents)
    if locks is None:
        return HoldoutState(False, (), 0), None
    from_s = min(lock.from_s for lock in locks)
    whole = load_data(data_dir, subject.request.data, None, None)
    end = max(int(one.start_s[-1]) + one.granularity_s for one in whole)
    seen, days = holdout.earlier_looks(contents, locks, subject.key), (end - from_s) // DAY_S
    if waits or seen or days < judgement.MIN_HOLDOUT_DAYS:
        return HoldoutState(True, seen, days), from_s
    outcome = look(subject, training, whole, from_s)
    TrialRegistry(data_dir).note(
        "look", subject=subject.key, products=[one.product_id for one in whole], from_s=from_s, until_s=end,
        edge=outcome.edge.tolist(), returns=outcome.returns.tolist(), holding=outcome.holding.tolist(),
        first_day=outcome.first_day,
    )  # fmt: skip
    return HoldoutState(True, seen, len(outcome.edge), outcome), from_s


def _locks(data_dir: Path, subject: LabSubject, contents: trials.RegistryContents) -> list[holdout.HoldoutLock] | None:
    """A lock for each product; None where one lacks it, also because another question used it up."""
    found = holdout.locked(data_dir, subject.request.data, contents)
    used = holdout.used(contents)
    known = found + [one for one in used if any(_touches(one, candles) for candles in subject.candles)]
    lacking = {one.product_id for one in subject.candles} - {one.product_id for one in known}
    return None if lacking else known


def _touches(lock: holdout.HoldoutLock, candles: CandleSet) -> bool:
    """Whether the lock was made for the history that these bars are the earlier part of."""
    return lock.product_id == candles.product_id and int(candles.start_s[0]) < lock.from_s


def _crossed_doubts(found: CrossValidation | None) -> list[str]:
    if found is None or found.losing < 0.5:
        return []
    return [f"chosen on other days it makes less than holding in {found.losing * 100:.0f} % of the histories (CPCV)"]


def _doubts(found: LabStress) -> tuple[str, ...]:
    """What speaks against a result although no gate is about it."""
    said = []
    if found.plain is not None and found.plain > 0:
        if found.dear is not None and found.dear <= 0:
            said.append("with costs doubled nothing is left beyond holding")
        if found.late is not None and found.late < found.plain / 2:
            said.append("acting one bar later loses more than half of it: it may rest on prices nobody gets")
        if found.plateau is not None and found.plateau < 0.5:
            share = f"{found.plateau * 100:.0f} %"
            said.append(f"a lone peak: only {share} of {found.neighbours} neighbouring settings earn half as much")
        if found.permutation_p is not None and found.permutation_p > 0.05:
            share = f"{found.permutation_p * 100:.0f} %"
            said.append(f"the same signals at other times do as well in {share} of {found.permutations} draws")
        if found.bootstrap_p is not None and found.bootstrap_p > 0.05:
            share = f"{found.bootstrap_p * 100:.0f} %"
            said.append(f"resampled days without an edge earn as much in {share} of the histories")
    losing = [one.name for one in found.regimes if one.days >= 20 and one.mean < 0]
    if losing:
        said.append(f"it loses beyond holding in these markets: {'; '.join(losing)}")
    if found.capacity is not None and found.capacity < 10 * found.start:
        said.append(f"its own market impact eats it at an account of {found.capacity:,.0f}")
    return tuple(said)
