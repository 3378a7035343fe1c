"""Models in shadow: asked about the bars that the strategy was asked about, recorded beside its answer, never traded.

Whatever goes wrong with one is its own trouble: it is logged once, and trading goes on without it.
"""

import logging
import math
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure, Signal, SignalSide, Target
from shared.files import Unreadable
from shared.models import shadow_log
from shared.models.shadow_log import ShadowAnswer, ShadowLine
from shared.models.states import ModelRegistry
from shared.models.store import ModelRefused
from shared.settings import GRANULARITY_S, Settings

if TYPE_CHECKING:
    from bot.strategies.inference.live import LiveModel
    from bot.strategies.inference.trained import TrainedModel

log = logging.getLogger("strategy")
_WEIGHT: Mapping[SignalSide, float | None] = {SignalSide.BUY: 1.0, SignalSide.SELL: 0.0, SignalSide.FLAT: None}


class ShadowModels:
    """The models that were in shadow when the bot started."""

    def __init__(self, settings: Settings, models: "Mapping[str, TrainedModel]") -> None:
        self._settings, self._models = settings, models
        self._told: set[str] = set()
        self._live: dict[tuple[str, str], LiveModel] = {}  # by model and product
        self.memory_bars = max((one.manifest.memory_bars for one in models.values()), default=0)

    def answer(self, name: str, question: AskStrategy, target: Target, notice: str | None) -> None:
        """Ask each model, and write one line beside `target`, which the strategy `name` said. Never raises."""
        try:
            bars = question.bars
            beside = {one: self._asked(model, question) for one, model in self._models.items()}
            line = ShadowLine(
                question.bar_start_s, question.instrument.product_id, float(bars[-1][4]), name,
                ShadowAnswer(_weight(target), _value(target), notice or ""), beside,
            )  # fmt: skip
            shadow_log.append(self._settings.paths.models, line)
        except Exception as error:  # no model in shadow may cost the strategy its answer
            self._tell(f"{type(error).__name__}: {error}")

    def _asked(self, model: "TrainedModel", question: AskStrategy) -> ShadowAnswer:
        if question.instrument.product_id not in model.manifest.products:
            return ShadowAnswer(None, None, f"it was not trained on {question.instrument.product_id}")
        if len(question.bars) < model.manifest.memory_bars:
            return ShadowAnswer(None, None, "too few bars")
        key = (model.manifest.name, question.instrument.product_id)
        live = self._live.get(key)
        if live is None:  # numpy is loaded by then: the model could not be read without it
            live = self._live[key] = import_module("bot.strategies.inference.live").LiveModel(model)
        increment, seconds = float(question.instrument.price_increment), GRANULARITY_S[self._settings.granularity]
        found = live.newest(question.bars, increment, seconds)
        why = model.why(int(found.silence[-1]))
        return ShadowAnswer(_known(float(found.weight[-1])), _known(float(found.value[-1])), why)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            log.warning("models in shadow: %s", text)


def shadows_of(settings: Settings) -> ShadowModels | None:
    """Those of the settings' data folder that fit its bars; None = there are none, and nothing is loaded for them."""
    models = settings.paths.models
    try:
        listed = ModelRegistry(models).shadows()
    except Unreadable as error:
        log.warning("models in shadow: %s", error)
        return None
    if not listed:
        return None
    # Array code, 18 MB of it: only where a model walks in shadow.
    trained = import_module("bot.strategies.inference.trained")
    found: dict[str, TrainedModel] = {}
    for change in listed:
        try:
            model: TrainedModel = trained.load_model(models, change.model, change.digest)
        except ModelRefused as error:
            log.warning("model in shadow: %s", error)
            continue
        if model.manifest.granularity_s != GRANULARITY_S[settings.granularity]:
            log.warning("model in shadow: %s was trained on other bars than %s", change.model, settings.granularity)
        elif model.manifest.memory_bars > settings.max_history_candles:
            log.warning("model in shadow: %s needs %d bars", change.model, model.manifest.memory_bars)
        else:
            found[change.model] = model
    return ShadowModels(settings, found) if found else None


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _weight(target: Target) -> float | None:
    if isinstance(target, Exposure):
        return _known(target.weight)
    return _WEIGHT[target.side] if isinstance(target, Signal) else None


def _value(target: Target) -> float | None:
    if isinstance(target, Signal):
        return target.probability
    return next((target.values[name] for name in ("p", "advantage") if name in target.values), None)
