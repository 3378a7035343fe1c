"""One training from data to artifact: walk forward beside the baselines, fit to everything, write the model down."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bot.strategies.feature_hash import SETS, feature_set
from bot.strategies.inference.drift import fit_bins
from bot.strategies.inference.evaluators import write_array
from bot.strategies.inference.trained import of_stored
from research.backtest import BacktestRequest, load_data, settings_for
from research.code_version import code_version
from research.data.candles import CandleSet
from research.errors import Misused, ResearchError
from research.evidence import COMMON
from research.lab.judgement import evidence
from research.lab.trials import TrialRegistry, related
from research.learning.kinds import BASELINE, KINDS, ModelKind, kind_of, parameters_of
from research.learning.learner import FittedModel, LearningTask
from research.learning.samples import LearningSamples, all_rows, samples_of
from research.learning.supervised import span
from research.learning.walk import LearnedWalk, LearningRig, walk
from shared.figures import percent
from shared.models import store
from shared.models.manifest import FORMAT, NAME, ModelLabel, ModelManifest, TrainedOn
from shared.models.states import ModelRegistry, ModelState, StateChange
from shared.models.store import ModelRefused, StoredModel
from shared.paths import DataPaths
from shared.times import from_epoch_ms, iso_seconds

DAY_S = 86_400
# Limits of an account would hide what a model itself does; a setting that is given stands above them.
LIMITS_OFF: Mapping[str, str] = {**COMMON, "KIND": "exposure", "STRATEGY": "learned"}


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is asked for. `horizon_bars`, `label_pct`: of the label of kind rise; `valid_days`: after the data's end."""

    name: str
    kind: str
    request: BacktestRequest
    features: str = "extended"
    horizon_bars: int = 24
    label_pct: float = 0.0
    folds: int = 4
    drift_bars: int = 500
    valid_days: float = 90.0
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TrainedReport:
    """The artifact, and what each of them did out of sample on the same bars."""

    manifest: ModelManifest
    digest: str
    walked: Mapping[str, LearnedWalk]
    took_s: Mapping[str, float]


def train(data_dir: Path, plan: TrainingPlan, progress: Callable[[int, int], None] | None = None) -> TrainedReport:
    """Walk forward, fit, save, and enter the model as a candidate. Raises ResearchError, SettingsError."""
    _check(plan)
    models, kind = DataPaths(data_dir).models, kind_of(plan.kind)
    if plan.name in store.names(models) or plan.name in ModelRegistry(models).states():
        raise Misused(f"there is a model {plan.name} already: choose another name")
    request = replace(plan.request, overrides={**LIMITS_OFF, **plan.request.overrides})
    candles = tuple(load_data(data_dir, request.data, request.since_s, request.until_s))
    chosen = parameters_of(kind, plan.parameters or {})
    rig = _rig(data_dir, plan, request, candles, _steps(plan, kind, chosen), progress)
    rig.check_spans()
    took: dict[str, float] = {}
    walked: dict[str, LearnedWalk] = {}
    for one in dict.fromkeys((kind.name, BASELINE)):
        began = time.perf_counter()
        parts = _samples(candles, plan, KINDS[one])
        walked[one] = walk(rig, KINDS[one], parts, chosen if one == kind.name else KINDS[one].parameters)
        took[f"walk {one}"] = time.perf_counter() - began
    began = time.perf_counter()
    parts = _samples(candles, plan, kind)
    task = rig.task(kind, parts, chosen)
    fitted = kind.learner()(task)
    took["final fit"] = time.perf_counter() - began
    manifest, arrays = _written(plan, rig, task, fitted, walked, parts)
    digest = store.save(models, manifest, arrays)
    of_stored(StoredModel(manifest, digest, arrays))  # what was written can be asked
    at = iso_seconds(from_epoch_ms(manifest.created_s * 1000))
    ModelRegistry(models).add([StateChange(at, plan.name, ModelState.CANDIDATE, digest)])
    return TrainedReport(manifest, digest, walked, took)


def _check(plan: TrainingPlan) -> None:
    if not NAME.fullmatch(plan.name):
        raise Misused(f"{plan.name!r}: a model's name has small letters, digits, - and _")
    if plan.features not in SETS:
        raise Misused(f"--features {plan.features}: one of {', '.join(SETS)}")
    if not (1 <= plan.horizon_bars <= 10_000 and 1 <= plan.folds <= 50 and 20 <= plan.drift_bars <= 20_000):
        raise Misused("--horizon, --folds or --drift-bars is out of range")
    if not 0.0 < plan.valid_days <= 3650.0 or not -50.0 < plan.label_pct < 50.0:
        raise Misused("--valid-days or --label-pct is out of range")


def _steps(plan: TrainingPlan, kind: ModelKind, chosen: Mapping[str, float]) -> int:
    fits = kind.progress_steps(chosen) * (plan.folds + 1)
    return fits + (0 if kind.name == BASELINE else KINDS[BASELINE].progress_steps({}) * plan.folds)


def _samples(candles: tuple[CandleSet, ...], plan: TrainingPlan, kind: ModelKind) -> tuple[LearningSamples, ...]:
    return tuple(samples_of(one, plan.features, _label(plan, kind)) for one in candles)


def _label(plan: TrainingPlan, kind: ModelKind) -> ModelLabel:
    acts = kind.label != KINDS[BASELINE].label
    return ModelLabel(kind.label, 1 if acts else plan.horizon_bars, 0.0 if acts else plan.label_pct)


def _rig(
    data_dir: Path, plan: TrainingPlan, request: BacktestRequest, candles: tuple[CandleSet, ...], steps: int,
    progress: Callable[[int, int], None] | None,
) -> LearningRig:  # fmt: skip
    settings, done = settings_for(request.overrides, candles), [0]
    first, end = span(candles)
    model = request.model
    costs = {
        "maker_pct": model.maker_pct, "taker_pct": model.taker_pct, "spread_bps": model.spread_bps,
        "slippage_bps": model.slippage_bps, "impact_bps": model.impact_bps,
    }  # fmt: skip
    data = tuple(
        TrainedOn(one.product_id, one.source, one.digest, int(one.start_s[0]), int(one.start_s[-1]) + one.granularity_s)
        for one in candles
    )
    draft = ModelManifest(
        format=FORMAT, name=plan.name, kind=plan.kind, created_s=int(time.time()), known_from_s=end,
        expires_s=end + round(plan.valid_days * DAY_S), granularity_s=candles[0].granularity_s,
        products=tuple(one.product_id for one in candles), features=feature_set(plan.features),
        label=_label(plan, kind_of(plan.kind)), sequence=1, drift_bars=plan.drift_bars, enter=None, leave=None,
        costs=costs, settings=dict(sorted(request.overrides.items())), parameters={}, seed=request.seed,
        code=code_version(), data=data, metrics={}, files={},
    )  # fmt: skip

    def tell() -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], steps)

    named = hashlib.sha256(f"{plan} {first} {end}".encode()).hexdigest()[:12]
    return LearningRig(candles, request, settings, draft, plan.folds, named, TrialRegistry(data_dir), tell)


def _written(
    plan: TrainingPlan, rig: LearningRig, task: LearningTask, fitted: FittedModel, walked: Mapping[str, LearnedWalk],
    parts: tuple[LearningSamples, ...],
) -> tuple[ModelManifest, dict[str, bytes]]:  # fmt: skip
    bins = fit_bins(all_rows(parts), plan.drift_bars)
    drift = {"drift_edges": bins.edges, "drift_shares": bins.shares, "drift_limits": bins.limits}
    arrays = {name: write_array(array) for name, array in {**fitted.arrays, **drift}.items()}
    manifest = replace(
        task.draft, sequence=fitted.sequence, enter=fitted.enter, leave=fitted.leave,
        metrics=_metrics(rig, plan.kind, walked, fitted),
        files={name + store.SUFFIX: store.sha256(data) for name, data in arrays.items()},
    )  # fmt: skip
    return manifest, arrays


def _metrics(
    rig: LearningRig, kind: str, walked: Mapping[str, LearnedWalk], fitted: FittedModel
) -> dict[str, dict[str, float | None]]:
    """Out of sample, after costs: the model, the logistic baseline, holding; the lab's figure; what training said."""
    own = walked[kind]
    others = related(rig.registry.read(), [one.product_id for one in rig.candles], own.first_day,
                     own.first_day + len(own.edge))  # fmt: skip
    columns = np.column_stack([one.edge for one in walked.values()])
    judged = evidence(own.edge, columns, float(len({trial.key for trial in others})))
    return {
        "model": {**own.figures, "silent_part": own.silent, "fits": float(own.fits + fitted.fits)},
        BASELINE: dict(walked[BASELINE].figures),
        "hold": {"total_return": own.held},
        "lab": {"deflated_sharpe": judged.deflation.probability, "trials": judged.trials},
        "training": dict(fitted.said),
    }


def shortfall(manifest: ModelManifest) -> str:
    """Why the model should not be promoted by what it did out of sample after costs; "" = it beat both baselines."""
    own, held = (manifest.metrics.get(one, {}).get("total_return") for one in ("model", "hold"))
    if own is None or held is None:
        return "what it did out of sample is not known"
    reasons = []
    if own <= held:
        reasons.append(f"it made {percent(own)} out of sample where buy and hold made {percent(held)}")
    logistic = manifest.metrics.get(BASELINE, {}).get("total_return")
    if manifest.kind != BASELINE and (logistic is None or own <= logistic):
        reasons.append(f"it made {percent(own)} where the logistic baseline made {percent(logistic)}")
    if not manifest.metrics["model"].get("lots"):
        reasons.append("it never traded")
    return "; ".join(reasons)


def refused(error: ModelRefused) -> ResearchError:
    """The same as a command ends with it."""
    return ResearchError(str(error))
