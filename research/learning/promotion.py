"""From candidate to shadow to promoted to retired: who may go where, and what a person must give a reason for."""

import time
from pathlib import Path

from bot.strategies.inference.trained import TrainedModel, load_model
from research.errors import Misused, ResearchError
from research.learning.training import refused, shortfall
from shared.files import Unreadable
from shared.models.shadow_log import lines
from shared.models.states import ModelRegistry, ModelState, StateChange
from shared.models.store import ModelRefused
from shared.times import from_epoch_ms, iso_seconds


def state_of(models: Path, name: str) -> StateChange:
    """The newest change of a model. Raises ResearchError where there is none of that name."""
    try:
        found = ModelRegistry(models).states().get(name)
    except Unreadable as error:
        raise ResearchError(str(error)) from error
    if found is None:
        raise Misused(f"there is no model {name}: ./coin model list")
    return found


def opened(models: Path, change: StateChange) -> TrainedModel:
    """The model as the bot would load it. Raises ResearchError."""
    try:
        return load_model(models, change.model, change.digest)
    except ModelRefused as error:
        raise refused(error) from error


def into_shadow(models: Path, name: str) -> StateChange:
    """A candidate, or a retired one, answers beside the strategy from the next start on. Raises ResearchError."""
    now = state_of(models, name)
    if now.state not in (ModelState.CANDIDATE, ModelState.RETIRED):
        raise Misused(f"{name} is {now.state}: only a candidate or a retired model goes into shadow")
    opened(models, now)
    return _change(models, now, ModelState.SHADOW, "")


def promote(models: Path, name: str, why: str) -> tuple[StateChange, str | None]:
    """The model trades from the next start on; the one before is retired, whose name is answered too.

    Raises ResearchError, where there are objections and no reason was given above them.
    """
    now = state_of(models, name)
    if now.state is ModelState.PROMOTED:
        raise Misused(f"{name} is promoted already")
    found = objections(models, now, opened(models, now))
    if found and not why:
        raise ResearchError(f"{name} is not promoted: {'; '.join(found)}. If you know better: --why 'your reason'")
    before = ModelRegistry(models).promoted()
    if before is not None:
        _change(models, before, ModelState.RETIRED, f"{name} took its place")
    return _change(models, now, ModelState.PROMOTED, why), before.model if before is not None else None


def objections(models: Path, now: StateChange, model: TrainedModel) -> list[str]:
    """What speaks against promoting it; a person may give a reason above all of them."""
    found = []
    if now.state is not ModelState.SHADOW:
        found.append(f"it is {now.state} and did not walk in shadow (./coin model shadow {now.model})")
    elif not any(now.model in line.beside for line in lines(models)):
        found.append("it has answered nothing in shadow yet: restart the bot and let it walk beside for a while")
    if short := shortfall(model.manifest):
        found.append(short)
    if model.manifest.expires_s < time.time():
        found.append(f"it expired {iso_seconds(from_epoch_ms(model.manifest.expires_s * 1000))} and would say nothing")
    return found


def retire(models: Path, name: str) -> StateChange:
    """Neither traded nor asked any more from the next start on. Raises ResearchError."""
    now = state_of(models, name)
    if now.state is ModelState.RETIRED:
        raise Misused(f"{name} is retired already")
    return _change(models, now, ModelState.RETIRED, "")


def _change(models: Path, now: StateChange, state: ModelState, why: str) -> StateChange:
    at = iso_seconds(from_epoch_ms(round(time.time() * 1000)))
    change = StateChange(at, now.model, state, now.digest, why)
    try:
        ModelRegistry(models).add([change])
    except OSError as error:
        raise ResearchError(f"the registry of models can't be written: {error}") from error
    return change
