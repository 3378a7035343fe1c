"""The loop for target weights with a policy in it: what is held decides what is done next, as a learner needs it.

Every step is `exposure_loop` itself over one more bar, so fees, fills, bands and limits are those of any other run;
the weights that were chosen, run again as a strategy's, give the same equity to the bit.
"""

from typing import Any, NamedTuple

from research.loops import exposure
from research.loops.exposure import NO_ROOM, exposure_loop
from research.loops.types import (
    K_MADE,
    P_END,
    P_FIRST,
    ExposureNumbers,
    HoldingPlans,
    LoopState,
    Model,
    Out,
    RuleNumbers,
    WeightBars,
)


class PolicyChoice(NamedTuple):
    """One row per bar. `values`: of holding nothing and of holding all, for an account that was to hold nothing, and
    for one that was to hold all; `forced`: the action whatever the values, -1 = by the values."""

    values: Any
    forced: Any


def policy_loop(
    tape: WeightBars, rules: RuleNumbers, x: ExposureNumbers, model: Model, state: LoopState, plans: HoldingPlans,
    out: Out, choice: PolicyChoice, first: int, end: int,
) -> int:  # fmt: skip
    """Close bars first..end-1 of the one product, choosing at each; `tape.weight` keeps what was chosen.

    Answers `end`, or NO_ROOM.
    """
    begin = state.products[0, P_FIRST]
    for i in range(first, end):
        held = 1 if i > begin and tape.weight[i - 1] > 0.5 else 0
        action = choice.forced[i]
        if action < 0:
            action = 1 if choice.values[i, 2 * held + 1] > choice.values[i, 2 * held] else 0
        tape.weight[i] = float(action)
        state.products[0, P_END] = i + 1
        state.clock[K_MADE] = 0  # rows of lots are of no use here
        if exposure_loop(tape, rules, x, model, state, plans, out) == NO_ROOM:
            return NO_ROOM
    return end


HELPERS = (*exposure.HELPERS, exposure.exposure_loop)
