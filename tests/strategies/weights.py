"""A user's strategy of weights, as a file."""

from pathlib import Path
from typing import Any

from bot.strategies import registry

HALF_SHARE = '''"""Half of the share, always."""

import numpy as np

from bot.strategies.base import Bars, ExposureArrays, ExposureStrategy


class HalfShare(ExposureStrategy):
    @property
    def warmup_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> ExposureArrays:
        return ExposureArrays(np.full(len(bars), 0.5))
'''


def written(folder: Path, monkeypatch: Any, source: str = HALF_SHARE, name: str = "half_share") -> str:
    """The strategy's file in `folder`, where the registry finds it; its name."""
    (folder / "strategies").mkdir(exist_ok=True)
    (folder / "strategies" / f"{name}.py").write_text(source)
    monkeypatch.setattr(registry.make, "__defaults__", (folder,))
    return name
