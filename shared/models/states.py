"""Which model trades, which walks beside it: DATA_DIR/models/registry.jsonl, lines that are only ever added.

candidate -> shadow -> promoted -> retired. One model is promoted at most: promoting one retires the one before.
A line names the model's digest, so a folder that was changed afterwards is not the model that was promoted.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
import orjson

from shared import flocks
from shared.files import Unreadable

FILE = "registry.jsonl"
LEARNED, CHOICE = "learned", "STRATEGY_LEARNED_MODEL"  # the strategy that trades models, and its option for one
_WAIT_S = 10.0
MOST_BYTES = 4 * 1024 * 1024


class ModelState(StrEnum):
    """CANDIDATE: trained. SHADOW: answers and is recorded, never traded. PROMOTED: STRATEGY=learned trades it."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    PROMOTED = "promoted"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class StateChange:
    """One line. `at`: RFC 3339, UTC. `why`: what a person gave as the reason, "" = none was needed."""

    at: str
    model: str
    state: ModelState
    digest: str
    why: str = ""


class RegistryDamaged(Unreadable):
    """Nobody knows which model is promoted; the text says why, for a person."""


class ModelRegistry:
    """The file of one models folder. Raises RegistryDamaged where a line of it can't be read: then nobody knows what is
    promoted, and nothing is."""

    def __init__(self, models: Path) -> None:
        self.path = models / FILE

    def history(self) -> list[StateChange]:
        """Every change, oldest first; a last line that a kill cut short never happened."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RegistryDamaged(f"{FILE} can't be read: {error.strerror or error}") from error
        if len(data) > MOST_BYTES:
            raise RegistryDamaged(f"{FILE} is larger than {MOST_BYTES:,} bytes")
        found = []
        for number, line in enumerate(data.split(b"\n")[:-1], 1):
            try:
                found.append(msgspec.convert(orjson.loads(line), StateChange))
            except (ValueError, msgspec.ValidationError) as error:
                raise RegistryDamaged(f"line {number} of {FILE} is damaged") from error
        return found

    def states(self) -> Mapping[str, StateChange]:
        """The newest change of each model."""
        return {change.model: change for change in self.history()}

    def promoted(self) -> StateChange | None:
        """The model that trades; None = none does."""
        return next((one for one in self.states().values() if one.state is ModelState.PROMOTED), None)

    def shadows(self) -> list[StateChange]:
        """The models that answer beside it."""
        return [one for one in self.states().values() if one.state is ModelState.SHADOW]

    def add(self, changes: Iterable[StateChange]) -> None:
        """Append, all of them or none, on the disk before this returns. Raises OSError; BlockingIOError where another
        process holds the file."""
        data = b"".join(orjson.dumps(asdict(change)) + b"\n" for change in changes)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = flocks.take(self.path, _WAIT_S)
        if handle is None:
            raise BlockingIOError(f"{self.path} is held by another process")
        with os.fdopen(handle, "r+b") as file:
            whole = file.read()
            file.seek(whole.rfind(b"\n") + 1)  # a line that a kill cut short never happened
            file.truncate()
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def digests_of(strategy: str, options: Mapping[str, str], models: Path) -> dict[str, str]:
    """What a live permission is bound to where a trained model trades: its name and digest. `options`: settings of
    strategies by their keys. Empty for every other strategy."""
    if strategy != LEARNED:
        return {}
    try:
        registry, name = ModelRegistry(models), options.get(CHOICE, "")
        found = registry.states().get(name) if name else registry.promoted()
    except Unreadable as error:
        return {"models": str(error)}
    return {f"models/{found.model}": found.digest} if found is not None else {"models": "none is promoted"}
