"""The rules as a table: how far each is from firing."""

from dataclasses import dataclass

from dashboard.pages.alerts.view import section
from dashboard.views import format as f
from shared.documents.alerts import AlertRuleDoc, AlertsDoc, RuleState

_MARKS = {
    RuleState.QUIET: ("ok", "ok", "Quiet"),
    RuleState.NEAR: ("warn", "warns", "Near"),
    RuleState.PENDING: ("warn", "wait", "Beyond, not for long"),
    RuleState.FIRING: ("bad", "bads", "Fires"),
    RuleState.UNKNOWN: ("unk", "unk", "Not known"),
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    title: str
    now: str
    at: str
    share: int | None  # percent of the way to the threshold; None = there is no figure
    hot: bool
    lasts: str
    severity: str
    state: str
    icon: str
    word: str
    subject: str
    runbook: str


def groups(doc: AlertsDoc) -> list[tuple[str, list[RuleRow]]]:
    """Group → its rules, both in the watcher's order."""
    made: dict[str, list[RuleRow]] = {}
    for rule in doc.rules:
        made.setdefault(f.sentence(rule.group), []).append(_row(rule))
    return list(made.items())


def nearest(doc: AlertsDoc, most: int = 6) -> list[RuleRow]:
    """Those that are furthest on the way to their threshold, and have gone a part of it."""
    on_the_way = [rule for rule in doc.rules if rule.share]
    return [_row(rule) for rule in sorted(on_the_way, key=lambda rule: -(rule.share or 0.0))[:most]]


def count(doc: AlertsDoc | None) -> int:
    return len(doc.rules) if doc is not None else 0


def _row(rule: AlertRuleDoc) -> RuleRow:
    state, icon, word = _MARKS[rule.state]
    share = None if rule.share is None else round(100 * min(max(rule.share, 0.0), 1.0))
    return RuleRow(
        f.clean(rule.title), f.clean(rule.value) if rule.value is not None else f.DASH, f.clean(rule.threshold), share,
        rule.state in (RuleState.NEAR, RuleState.PENDING, RuleState.FIRING),
        "at once" if rule.for_s == 0 else f.span(rule.for_s), rule.severity.value, state, icon, word,
        f.clean(rule.subject or ""), section(rule.runbook),
    )  # fmt: skip
