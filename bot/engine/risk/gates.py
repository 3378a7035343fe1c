"""The gates before an entry: the risk policies that are asked at the decision, and that answer "why no trade now?".

The decision stops at the first shut one; the page shows all of them, so both can never disagree.
"""

from bot.engine.risk import failures, target_weight
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import FAULT, OPEN, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def first_shut(state: EngineState, market: Market) -> Gate | None:
    """A gate that stands in the way of an entry now; None = all open. A gate that raises is shut.

    The one that stood in the way last time is asked first: it mostly still does, and then no other needs to be.
    """
    policies = registry.POLICIES
    last = policies.by_code.get(market.shut_by) if market.shut_by is not None else None
    if last is not None:
        gate = _judged(last, state, market)
        if gate.verdict is not OPEN:
            return gate
    for policy in _asked(state):
        gate = _judged(policy, state, market)
        if gate.verdict is not OPEN:
            market.shut_by = policy.code
            return gate
    market.shut_by = None
    return None


def first_standing_shut(state: EngineState, market: Market) -> Gate | None:
    """Why a resting entry must be cancelled now; None = it may rest."""
    for policy in registry.POLICIES.standing:
        gate = _judged(policy, state, market)
        if gate.verdict is not OPEN:
            return gate
    return None


def all_gates(state: EngineState, market: Market) -> list[Gate]:
    """Every gate, for the page. Looking counts no failure."""
    return [_judged(policy, state, market, looking=True) for policy in _asked(state)]


def _asked(state: EngineState) -> tuple[RiskPolicy, ...]:
    policies = registry.POLICIES
    return policies.deciding_weights if target_weight.is_asked_for(state) else policies.deciding


def _judged(policy: RiskPolicy, state: EngineState, market: Market, *, looking: bool = False) -> Gate:
    assert policy.judge is not None
    try:
        return policy.judge(state, market)
    except Exception as error:  # fail closed: whatever went wrong, no entry
        if not looking:
            failures.count(state, policy, error)
        return Gate(policy.code, policy.title, FAULT, failures.told(error), None, "this is a defect")
