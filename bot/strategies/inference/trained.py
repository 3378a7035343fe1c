"""A trained model over bars: what it wants after each of them, or why it says nothing."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.strategies import features
from bot.strategies.base import Bars
from bot.strategies.feature_hash import SETS, feature_set
from bot.strategies.inference.drift import DriftBins
from bot.strategies.inference.evaluators import ModelEvaluator, evaluator_of, read_arrays
from shared.models import store
from shared.models.manifest import ModelManifest
from shared.models.store import ModelRefused, StoredModel
from shared.times import from_epoch_ms, iso_seconds

Floats = NDArray[np.float64]


class ModelSilence(IntEnum):
    """Why a model says nothing after a bar."""

    NONE = 0  # it speaks
    UNKNOWN = 1  # too few bars, or a feature without a value
    BEFORE = 2  # the bar closed before the training data ended
    EXPIRED = 3
    DRIFTED = 4


@dataclass(frozen=True, slots=True)
class ModelArrays:
    """One entry per bar. `weight`: 1 hold all, 0 nothing, NaN no opinion or silent; `value`: probability, or advantage
    of holding; `psi`: of the feature that drifted most, as a part of its limit; `silence`: `ModelSilence`."""

    weight: Floats
    value: Floats
    psi: Floats
    silence: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model that may be asked: its files are whole, and its features are those of this version."""

    manifest: ModelManifest
    digest: str
    evaluator: ModelEvaluator
    drift: DriftBins

    def over(self, bars: Bars) -> ModelArrays:
        """After every bar, from that bar and those before it."""
        rows = features.rows(bars, self.manifest.features.name)
        count, silence = len(bars), np.zeros(len(bars), dtype=np.int8)
        weight, value = np.full(count, np.nan), np.full(count, np.nan)
        known = whole_sequences(rows, self.manifest.sequence)
        weight[known], value[known] = self._answers(rows, known)
        psi = self.drift.rolling(rows)
        part = (psi / self.drift.limits).max(axis=1) if count else np.zeros(0)
        closed = bars.start_s + bars.granularity_s
        silence[part > 1.0] = ModelSilence.DRIFTED
        silence[closed > self.manifest.expires_s] = ModelSilence.EXPIRED
        silence[closed < self.manifest.known_from_s] = ModelSilence.BEFORE
        silence[~known | np.isnan(part)] = ModelSilence.UNKNOWN
        weight[silence != ModelSilence.NONE] = np.nan
        return ModelArrays(weight, value, part, silence)

    def newest(self, rows: Floats, psi: Floats, closed_s: int) -> ModelArrays:
        """`over` of the newest bar alone, which closed at `closed_s`: `rows`: as many of the newest as the sequence
        has at least, `psi`: of each feature. The same bits, without the work for the others."""
        whole = rows[-self.manifest.sequence :]
        known = len(whole) == self.manifest.sequence and bool(np.isfinite(whole).all())
        weight, value = self.evaluator.wants(whole) if known else (np.full(1, np.nan), np.full(1, np.nan))
        part = (psi / self.drift.limits).max(keepdims=True)
        silence = ModelSilence.DRIFTED if part[0] > 1.0 else ModelSilence.NONE
        if closed_s > self.manifest.expires_s:
            silence = ModelSilence.EXPIRED
        if closed_s < self.manifest.known_from_s:
            silence = ModelSilence.BEFORE
        if not known or np.isnan(part[0]):
            silence = ModelSilence.UNKNOWN
        if silence is not ModelSilence.NONE:
            weight = np.full(1, np.nan)
        return ModelArrays(weight, value, part, np.array([silence], dtype=np.int8))

    def _answers(self, rows: Floats, known: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Of the known rows."""
        long = self.manifest.sequence
        if long == 1:
            return self.evaluator.wants(rows[known])
        at = np.flatnonzero(known)
        if not len(at):
            return np.zeros(0), np.zeros(0)
        first = int(at[0]) - long + 1
        filled = np.where(np.isfinite(rows[first : int(at[-1]) + 1]), rows[first : int(at[-1]) + 1], 0.0)
        weight, value = self.evaluator.wants(filled)
        return weight[at - at[0]], value[at - at[0]]

    def why(self, silence: int) -> str:
        """A silence in words, the same after every bar; "" where it speaks, or where bars are still missing."""
        name = self.manifest.name
        match silence:
            case ModelSilence.EXPIRED:
                return f"the model {name} expired {iso_seconds(from_epoch_ms(self.manifest.expires_s * 1000))}"
            case ModelSilence.BEFORE:
                return f"the model {name} was trained on bars that are newer than these"
            case ModelSilence.DRIFTED:
                return f"the model {name} met other data than it was trained on (its features drifted)"
            case _:
                return ""


def whole_sequences(rows: Floats, sequence: int) -> NDArray[np.bool_]:
    """Rows that have so many finite rows up to and with them."""
    fine: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
    if sequence == 1:
        return fine
    count: NDArray[np.int64] = np.cumsum(fine, dtype=np.int64)
    count[sequence:] -= count[:-sequence].copy()
    return np.asarray(count == sequence)


def of_stored(stored: StoredModel) -> TrainedModel:
    """The model of these bytes. Raises ModelRefused where its features or arrays are not what this version knows."""
    manifest = stored.manifest
    wanted = manifest.features
    if wanted.name not in SETS or feature_set(wanted.name) != wanted:
        raise ModelRefused(f"{manifest.name}: its features ({wanted.name}) are computed otherwise in this version")
    try:
        arrays: dict[str, Any] = read_arrays(stored.arrays)
        bins = {name: arrays.pop(f"drift_{name}", None) for name in ("edges", "shares", "limits")}
        if any(one is None for one in bins.values()):
            raise ValueError("the bins of its features are missing")
        drift = DriftBins(bins["edges"], bins["shares"], bins["limits"], manifest.drift_bars)
        if len(drift.limits) != len(wanted.names):
            raise ValueError("the bins of its features are of other features")
        model = TrainedModel(manifest, stored.digest, evaluator_of(manifest, arrays), drift)
        # One row that says nothing of the market: arrays that do not fit the features fail here, not at a decision.
        model.evaluator.wants(np.zeros((manifest.sequence, len(wanted.names))))
    except (ValueError, IndexError, TypeError, OSError, EOFError) as error:
        raise ModelRefused(f"{manifest.name}: {error}") from error
    return model


def load_model(models: Path, name: str, digest: str | None = None) -> TrainedModel:
    """The model of that name, ready to be asked. Raises ModelRefused."""
    return of_stored(store.load(models, name, digest))
