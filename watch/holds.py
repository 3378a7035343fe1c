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

    def held(
        self, found: Iterable[tuple[AlertRule, Sequence[RuleFinding]]], mono_s: float
    ) -> tuple[list[HeldFinding], set[tuple[str, str]]]:
        """Those that have held for long enough, and the (rule, subject) that were seen in order."""
        held, in_order, since = list[HeldFinding](), set[tuple[str, str]](), dict[tuple[str, str], float]()
        for rule, findings in found:
            for finding in findings:
                key = (rule.name, finding.subject)
                if not finding.bad:
                    in_order.add(key)
                    continue
                since[key] = self._since_s.get(key, mono_s)
                if mono_s - since[key] >= rule.for_s:
                    held.append(_held(rule, finding))
        self._since_s = since
        return held, in_order

    def states(self, found: Iterable[tuple[AlertRule, Sequence[RuleFinding]]], mono_s: float) -> list[RuleState]:
        """Each rule's, as `shown` says it, and nothing else: a round has no use for more."""
        return [
            max(
                (self._state(rule, finding, mono_s) for finding in findings),
                key=_ORDER.index,
                default=RuleState.UNKNOWN,
            )
            for rule, findings in found
        ]

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
