"""What a trained model says of itself: `manifest.json` in the model's folder, beside its arrays.

A model is data: numbers in .npy files and this description. Nothing in it is ever run or unpickled.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec
import orjson

from shared.files import Unreadable, parse_object

FORMAT = 1
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """What the model looks at. `names`: the columns in their order; `hash`: of what they compute
    (`bot.strategies.feature_hash`); `bars`: that one row needs, its own included."""

    name: str
    names: tuple[str, ...]
    hash: str
    bars: int


@dataclass(frozen=True, slots=True)
class ModelLabel:
    """What it was trained to tell. `kind`: rise = the close so many bars later is above this one by more than
    `threshold_pct` percent; reward = the growth of the account in the trading loop."""

    kind: str
    horizon_bars: int
    threshold_pct: float


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """One stretch of candles. `digest`: of the whole set's columns; times in seconds since 1970."""

    product_id: str
    source: str
    digest: str
    first_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """`known_from_s`: the end of the training data; the model says nothing of bars that closed before it, since it did
    not exist then. `expires_s`: it says nothing of bars that close later. Seconds since 1970.

    `sequence`: rows that one answer reads (1 but for nets with a memory); `drift_bars`: rows that drift is judged on.
    `enter`, `leave`: at or above this probability it holds, at or below that it does not; None where the model says
    the values of its actions instead. `costs`: fees in percent, spread and slippage in basis points. `metrics`: out of
    sample, after costs. `parameters`: how it was fitted. `files`: SHA-256 of each array file.
    """

    format: int
    name: str
    kind: str
    created_s: int
    known_from_s: int
    expires_s: int
    granularity_s: int
    products: tuple[str, ...]
    features: FeatureSet
    label: ModelLabel
    sequence: int
    drift_bars: int
    enter: float | None
    leave: float | None
    costs: Mapping[str, float]
    settings: Mapping[str, str]
    parameters: Mapping[str, float]
    seed: int
    code: str
    data: tuple[TrainedOn, ...]
    metrics: Mapping[str, Mapping[str, float | None]]
    files: Mapping[str, str]

    @property
    def memory_bars(self) -> int:
        """Bars that decide one answer: those of a row, and as many rows as the sequence or the drift needs."""
        return self.features.bars + max(self.sequence, self.drift_bars) - 1


def encode(manifest: ModelManifest) -> bytes:
    """The file's bytes: equal manifests, equal bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(asdict(manifest), option=options)


def decode(data: bytes) -> ModelManifest:
    """Raises Unreadable for another format, and for what does not hold together."""
    raw = parse_object(data)
    if raw.get("format") != FORMAT:
        raise Unreadable(f"a model of format {raw.get('format')}; this version reads format {FORMAT}")
    try:
        found = msgspec.convert(raw, ModelManifest)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a manifest: {error}") from error
    if not NAME.fullmatch(found.name):
        raise Unreadable(f"{found.name!r} is no name of a model")
    if found.expires_s <= found.known_from_s or found.sequence < 1 or found.drift_bars < 1 or found.features.bars < 1:
        raise Unreadable("its spans contradict each other")
    return found


def digest(data: bytes) -> str:
    """SHA-256 of the manifest's bytes, which names the model's arrays by their own: equal digests, equal models."""
    return hashlib.sha256(data).hexdigest()
