"""The risk policies' checks of one order: after the decision, and once more right before the socket.

An order that is recorded already does not count against itself. A check that raises refuses.
"""

from bot.domain.kinds import Purpose
from bot.domain.orders import OrderSpec
from bot.engine.risk import failures
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import Moment, Refusal
from bot.engine.state.engine_state import EngineState


def refusal(state: EngineState, spec: OrderSpec, moment: Moment = Moment.SUBMIT) -> Refusal | None:
    """Why `spec` must not be sent now; None = approved."""
    entry = spec.purpose is Purpose.ENTRY
    for policy in registry.POLICIES.checking[moment]:
        if policy.check is None or (policy.entries_only and not entry):
            continue
        try:
            found = policy.check(state, spec)
        except Exception as error:  # fail closed
            failures.count(state, policy, error)
            return Refusal(policy.code, failures.told(error), "a check that works")
        if found is not None:
            return found
    return None
