"""What a trained model wants to hold: the promoted one of DATA_DIR/models, or one that is named (docs/learning.md).

A model that may not be used says nothing, so nothing is bought or sold for it, and a person is told: it has expired,
its features drifted, its files or its features are not those that it was trained with, or it knows another market.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.domain import targets
from bot.strategies.base import NO_PEERS, Bars, ExposureArrays, ExposureStrategy, PeerRows, StrategyNotice
from bot.strategies.inference.evaluators import ActionEvaluator
from bot.strategies.inference.live import LiveModel
from bot.strategies.inference.trained import ModelArrays, TrainedModel, load_model
from bot.strategies.options import option
from shared.documents.events import MODEL_UNUSABLE
from shared.models.states import ModelRegistry, RegistryDamaged
from shared.models.store import ModelRefused
from shared.settings import GRANULARITY_S, Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Options:
    model: str = option("", "Name of the model; empty = the one that is promoted.")


class Learned(ExposureStrategy):
    summary = "A model trained on history and promoted by ./coin model: held where it expects more than the costs."
    options_type = Options
    options: Options
    uses = ("granularity", "products", "max_history_candles")

    def __init__(self, settings: Settings, options: Any = None) -> None:
        super().__init__(settings, options)
        self.model: TrainedModel | None = None
        self._refused = ""  # why there is no model to ask, for good
        self._live: LiveModel | None = None
        self._silence = ""  # why it said nothing after the newest bar
        try:
            self.model = chosen(settings, self.options.model)
        except (ModelRefused, RegistryDamaged) as error:
            self._refused = str(error)
        if self.model is not None and settings.max_history_candles < self.model.manifest.memory_bars:
            needed = self.model.manifest.memory_bars
            raise SettingsError(
                [
                    f"MAX_HISTORY_CANDLES={settings.max_history_candles} is too few for the model "
                    f"{self.model.manifest.name}: at least {needed}"
                ]
            )

    @property
    def model_mode(self) -> str:
        """The kind of model, for the metrics; "" = none can be asked."""
        return self.model.manifest.kind if self.model is not None else ""

    @property
    def warmup_bars(self) -> int:
        return self.model.manifest.memory_bars if self.model is not None else 1

    @property
    def memory_bars(self) -> int:
        return self.warmup_bars

    def compute(self, bars: Bars) -> ExposureArrays:
        if self.model is None:
            return ExposureArrays(np.full(len(bars), np.nan))
        found = self.model.over(bars)
        return ExposureArrays(found.weight, {self._measure: found.value, "drift": found.psi})

    def wanted_of(
        self,
        rows: Sequence[Sequence[float]],
        price_increment: float,
        granularity_s: int,
        peers: PeerRows = NO_PEERS,  # noqa: ARG002 - a model knows one product
    ) -> targets.Exposure:
        """The newest bar's weight, by the work of one bar; equal to `compute`'s to the bit."""
        self._silence = ""
        if self.model is None or len(rows) < self.warmup_bars:
            return targets.Exposure(math.nan, {})
        if self._live is None:
            self._live = LiveModel(self.model)
        found = self._live.newest(rows, price_increment, granularity_s)
        self._silence = self.model.why(int(found.silence[-1]))
        return targets.Exposure(float(found.weight[-1]), self._values(found))

    @property
    def _measure(self) -> str:
        return "advantage" if self.model and isinstance(self.model.evaluator, ActionEvaluator) else "p"

    def _values(self, found: ModelArrays) -> Mapping[str, float]:
        said = {self._measure: float(found.value[-1]), "drift": float(found.psi[-1])}
        return {name: value for name, value in said.items() if math.isfinite(value)}

    def notice(self) -> StrategyNotice | None:
        why = self._refused or self._silence
        return StrategyNotice(MODEL_UNUSABLE, f"No target, so what is held is kept: {why}") if why else None


def chosen(settings: Settings, name: str) -> TrainedModel:
    """The named model, or the promoted one; it fits the settings. Raises ModelRefused, RegistryDamaged."""
    models = settings.paths.models
    registry = ModelRegistry(models)
    if name:
        known = registry.states().get(name)
        if known is None:
            raise ModelRefused(f"there is no model {name}: ./coin model list")
        model = load_model(models, name, known.digest)
    else:
        promoted = registry.promoted()
        if promoted is None:
            raise ModelRefused("no model is promoted: ./coin model promote NAME")
        model = load_model(models, promoted.model, promoted.digest)
    problem = misfit(model, settings)
    if problem:
        raise ModelRefused(problem)
    return model


def misfit(model: TrainedModel, settings: Settings) -> str:
    """Why the model does not fit the bars and products of the settings; "" = it does."""
    manifest = model.manifest
    if manifest.granularity_s != GRANULARITY_S[settings.granularity]:
        length = f"bars of {manifest.granularity_s} s"
        return f"{manifest.name} was trained on {length}, not on GRANULARITY={settings.granularity}"
    foreign = [one for one in settings.products if one not in manifest.products]
    if foreign:
        return f"{manifest.name} was trained on {', '.join(manifest.products)}, not on {', '.join(foreign)}"
    return ""
