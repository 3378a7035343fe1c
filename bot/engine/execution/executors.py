"""Which part of the engine carries out which kind of target: one table, looked up by the target's type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.domain.targets import Exposure, Signal, Target
from bot.engine.execution import entries, rebalance
from bot.engine.ports import StrategyPort
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


class NoExecutor(Exception):
    """The strategy asks for a kind of target that nothing here carries out; the text names both."""


@dataclass(frozen=True, slots=True)
class Executor:
    """`consider`: a price came, or a new target; make what the market's target wants, as far as the gates let it.

    `sells`: it is asked while a pause keeps entries out, too.
    """

    consider: Callable[[EngineState, Market], None]
    sells: bool = False


EXECUTORS: Mapping[type[Target], Executor] = {
    Signal: Executor(entries.consider),
    Exposure: Executor(rebalance.consider, sells=True),
}


def require(strategy: StrategyPort) -> None:
    """Raises NoExecutor where nothing carries out what the strategy will ask for."""
    wanted = strategy.target_type
    if wanted not in EXECUTORS:
        known = ", ".join(sorted(kind.__name__ for kind in EXECUTORS))
        name = getattr(wanted, "__name__", str(wanted))
        raise NoExecutor(f"STRATEGY={strategy.name} asks for targets of the kind {name}; this bot carries out {known}")


def consider(state: EngineState, market: Market) -> None:
    """Carry out the market's target, where there is one."""
    if market.target is None:
        return
    executor = EXECUTORS[type(market.target)]
    if state.control.may_enter or (executor.sells and state.control.may_exit):
        executor.consider(state, market)
