"""What becomes of a risk policy that raises: it refuses, is counted, and a critical one shuts entries.

Critical are the policies that protect money. While one of them cannot judge, the bot only reduces: nothing is entered
until a person presses Start. The others refuse as long as they raise.
"""

from bot.engine.risk.policy import Failure, RiskPolicy
from bot.engine.state.engine_state import EngineState


def count(state: EngineState, policy: RiskPolicy, error: Exception) -> None:
    """One more failure of the policy. From a critical one on entries are blocked; `tick` writes that down."""
    counts = state.risk.failures
    key = (policy.failure.value, policy.code)
    counts[key] = counts.get(key, 0) + 1
    if policy.failure is Failure.CRITICAL and state.risk.failed is None:
        state.risk.failed = f"the risk policy {policy.code} failed ({told(error)}): reduce only"


def told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def by_severity(state: EngineState) -> dict[str, dict[str, int]]:
    """Failures since this process started: severity → policy → count; both severities are always there."""
    found: dict[str, dict[str, int]] = {severity.value: {} for severity in Failure}
    for (severity, code), number in sorted(state.risk.failures.items()):
        found[severity][code] = number
    return found
