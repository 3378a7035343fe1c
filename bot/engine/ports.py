"""What the engine needs of the outside: a strategy."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.bars import Bar
from bot.domain.instrument import Instrument
from bot.domain.targets import Signal


class StrategyFailed(Exception):
    """The strategy raised; the text names its file and line."""


class StrategyPort(Protocol):
    """The strategy as the engine sees it: closed bars in, signal out, nothing else."""

    name: str
    warmup_bars: int
    parameters: Mapping[str, str]

    model_mode: str | None

    def latest(self, instrument: Instrument, bars: Sequence[Bar]) -> Signal:
        """The newest bar's signal. Raises StrategyFailed with a line for a person."""

    def state(self, product_id: str) -> str | None:
        """What must survive a restart, as text; None = nothing."""

    def fits(self) -> int:
        """How many times a model was fitted."""
