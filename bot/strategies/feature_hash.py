"""Which features a model was trained on, by what they compute: a hash that another definition does not have.

Taken of the values over made-up bars, not of the source: a comment may change, a formula may not. Seven digits, since
the last bits of a logarithm differ from processor to processor.
"""

import functools
import hashlib

import numpy as np

from bot.strategies import features
from bot.strategies.base import Bars
from shared.models.manifest import FeatureSet

SETS = ("baseline", "extended")
_BARS = 400


@functools.cache
def feature_set(name: str) -> FeatureSet:
    """The features of that name as they are now."""
    rows = features.rows(_made_up(), name)
    text = "\n".join(",".join(f"{value:.6e}" for value in row) for row in rows.tolist())
    names = features.names(name)
    sha = hashlib.sha256("\n".join((*names, text)).encode()).hexdigest()[:32]
    return FeatureSet(name, names, sha, features.bars_needed(name))


def _made_up() -> Bars:
    """Bars without a random generator, whose stream a later numpy may change."""
    at = np.arange(_BARS)
    wave = 40.0 * np.sin(at / 7.0) + 25.0 * np.sin(at * at / 331.0) + 0.11 * at
    close = np.rint(10_000 + 10.0 * wave) * 0.01
    open_ = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(open_, close) + 0.01 * (at * 37 % 19)
    low = np.minimum(open_, close) - 0.01 * (at * 53 % 23)
    start = 1_700_000_040 + 60 * (at + at // 50)  # a bar in fifty is missing
    return Bars(start, open_, high, low, close, 1.0 + (at * 31 % 17) / 4.0, 0.01, 60)
