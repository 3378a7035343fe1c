"""What the engine needs of the outside: a strategy, of which it only knows what it is called and what it wants."""

from collections.abc import Mapping
from typing import Protocol

from bot.domain.events import TargetReady
from bot.domain.intents import AskStrategy
from bot.domain.targets import Target


class StrategyPort(Protocol):
    """The strategy as the engine sees it. Whoever carries out `AskStrategy` calls `answer`; the engine never does."""

    name: str
    warmup_bars: int
    memory_bars: int  # how many of the newest bars a question carries
    needs_peers: bool  # whether it carries those of the other products, too
    parameters: Mapping[str, str]
    model_mode: str | None
    target_type: type[Target]

    def answer(self, question: AskStrategy) -> TargetReady:
        """The newest bar's target, in whatever thread; one question at a time. Never raises."""

    def fits(self) -> int:
        """How many times a model was fitted."""
