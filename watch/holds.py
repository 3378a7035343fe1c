"""For how long: what a rule finds counts once it has held for the rule's time."""

from collections.abc import Iterable, Sequence

from shared.documents.alerts import AlertRuleDoc, RuleState
from watch.alert_book import HeldFinding
from watch.rules.rule import AlertRule, RuleFinding

NEAR = 0.9
_ORDER = (RuleState.QUIET, RuleState.NEAR, RuleState.PENDING, RuleState.FIRING)


class Holds:
    """Remembers since when each (rule, subject) is beyond its threshold; by the monotonic clock."""

    def __init__(self) -> None:
        self._since_s: dict[tuple[str, str], float] = {}
        self.states: list[RuleState] = []  # of each rule at the last `held`, as `shown` describes it

    def held(
        self, found: Iterable[tuple[AlertRule, Sequence[RuleFinding]]], mono_s: float
    ) -> tuple[list[HeldFinding], set[tuple[str, str]]]:
        """Those that have held for long enough, and the (rule, subject) that were seen in order."""
        held, in_order, since = list[HeldFinding](), set[tuple[str, str]](), dict[tuple[str, str], float]()
        self.states = []
        for rule, findings in found:
            worst = -1
            for finding in findings:
                key = (rule.name, finding.subject)
                if not finding.bad:
                    in_order.add(key)
                    worst = max(worst, finding.share is not None and finding.share >= NEAR)
                    continue
                since[key] = self._since_s.get(key, mono_s)
                fires = mono_s - since[key] >= rule.for_s
                worst = max(worst, 2 + fires)
                if fires:
                    held.append(_held(rule, finding))
            self.states.append(_ORDER[worst] if worst >= 0 else RuleState.UNKNOWN)
        self._since_s = since
        return held, in_order

    def shown(self, rule: AlertRule, findings: Sequence[RuleFinding], mono_s: float) -> AlertRuleDoc:
        """The rule with the subject that is nearest to firing."""
        ranked = [(self._state(rule, finding, mono_s), finding) for finding in findings]
        state, worst = max(
            ranked, key=lambda one: (_ORDER.index(one[0]), one[1].share or 0.0), default=(RuleState.UNKNOWN, None)
        )
        share = worst.share if worst is not None else None
        return AlertRuleDoc(
            name=rule.name, title=rule.title, group=rule.group, threshold=rule.threshold, for_s=rule.for_s,
            severity=rule.severity, runbook=rule.runbook, state=state,
            subject=worst.subject if worst is not None else None, value=worst.value if worst is not None else None,
            share=round(min(max(share, 0.0), 1.0), 3) if share is not None else None,
        )  # fmt: skip

    def _state(self, rule: AlertRule, finding: RuleFinding, mono_s: float) -> RuleState:
        if finding.bad:
            since_s = self._since_s.get((rule.name, finding.subject), mono_s)
            return RuleState.FIRING if mono_s - since_s >= rule.for_s else RuleState.PENDING
        return RuleState.NEAR if finding.share is not None and finding.share >= NEAR else RuleState.QUIET


def _held(rule: AlertRule, finding: RuleFinding) -> HeldFinding:
    return HeldFinding(rule.name, finding.subject, finding.cause, rule.severity, finding.title, finding.text, rule.todo)
