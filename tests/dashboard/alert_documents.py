"""`alerts.json` as COIN-WATCH writes it: calm, and in trouble."""

import time

from shared.documents.alerts import (
    AlertKind,
    AlertPhase,
    AlertRuleDoc,
    AlertsDoc,
    AlertSentDoc,
    AlertSeverity,
    AlertSinkDoc,
    AlertStateDoc,
    HeartbeatDoc,
    RuleState,
    SentState,
)

C, W = AlertSeverity.CRITICAL, AlertSeverity.WARNING


def rule(name: str, title: str, group: str, state: RuleState = RuleState.QUIET, **more: object) -> AlertRuleDoc:
    given: dict[str, object] = {"threshold": "> 5 s", "for_s": 0.0, "severity": C, "value": "0.4 s", "share": 0.08}
    return AlertRuleDoc(
        name=name, title=title, group=group, state=state, runbook=f"docs/operations.md#{name.replace('_', '-')}",
        **(given | more),  # type: ignore[arg-type]
    )  # fmt: skip


def sent(sink: str, at_ms: int, state: SentState = SentState.SENT, **more: object) -> AlertSentDoc:
    took = {"sent_ms": at_ms + 800, "tries": 1} if state is SentState.SENT else {}
    return AlertSentDoc(sink=sink, kind=AlertKind.FIRED, state=state, at_ms=at_ms, due_ms=at_ms, **(took | more))  # type: ignore[arg-type]


def document(now_ms: int | None = None, *, trouble: bool = True) -> AlertsDoc:
    now_ms = round(time.time() * 1000) if now_ms is None else now_ms
    blind = AlertStateDoc(
        number=7, name="exchange.sim", severity=C, phase=AlertPhase.FIRING, title="main is blind: no price for 51 s",
        text="8 lots, 7,247.18 USD, are unwatched. 8 takes rest at the exchange.", subjects=["main"],
        rules=["feed_stale", "exchange_unreachable"], since_ms=now_ms - 51_000, next_repeat_ms=now_ms + 240_000,
        sent=[
            sent("telegram", now_ms - 46_000),
            sent("mail", now_ms - 46_000, SentState.WAITING, tries=2, answer="421 try later"),
            sent("slack", now_ms - 46_000, SentState.WAITING),
        ],
    )  # fmt: skip
    disk = AlertStateDoc(
        number=8, name="disk", severity=W, phase=AlertPhase.ACKNOWLEDGED, title="The disk is 86 % full",
        text="9.8 GB are left.", subjects=["machine"], rules=["disk_full"], since_ms=now_ms - 1_320_000,
        acknowledged_by="operator", acknowledged_ms=now_ms - 1_200_000, note="after the sweep", came_back=1,
        sent=[sent("telegram", now_ms - 1_319_000)],
    )  # fmt: skip
    gone = AlertStateDoc(
        number=5, name="dead.main", severity=C, phase=AlertPhase.RESOLVED, title="main is dead", text="",
        subjects=["main"], rules=["bot_dead"], since_ms=now_ms - 7_200_000, resolved_ms=now_ms - 7_159_000,
        sent=[sent("telegram", now_ms - 7_199_000)],
    )  # fmt: skip
    rules = [
        rule("bot_dead", "Bot dead", "Process"),
        rule("feed_stale", "Blind: no price", "Exchange", RuleState.FIRING if trouble else RuleState.QUIET,
             subject="main", value="51 s" if trouble else "0.3 s", share=1.0 if trouble else 0.06),
        rule("disk_full", "Disk", "Machine", RuleState.NEAR, threshold="> 80 %", for_s=600.0, severity=W, value="79 %",
             share=0.98),
        rule("balance_flat", "Flat balance", "Money and orders", RuleState.UNKNOWN, value=None, share=None, severity=W),
    ]  # fmt: skip
    sinks = [
        AlertSinkDoc(name="telegram", to="chat 4711", least=W, waiting=0, delivered_24h=31, failures=0,
                     last_ms=now_ms - 46_000, last_answer="200, message 4417"),
        AlertSinkDoc(name="mail", to="ops@example.org", least=C, waiting=1, delivered_24h=1, failures=2,
                     last_ms=now_ms - 20_000, last_answer="421 try later", next_try_ms=now_ms + 48_000),
        AlertSinkDoc(name="slack", to="#coin-alerts", least=W, waiting=1, delivered_24h=0, failures=0),
    ]  # fmt: skip
    return AlertsDoc(
        ts_ms=now_ms, seq=12, pid=4711, started_ms=now_ms - 6_360_000, build="0.1.0", enabled=True, bots=["main"],
        firing=[blind, disk] if trouble else [], resolved=[gone], rules=rules, sinks=sinks,
        heartbeat=HeartbeatDoc(last_ms=now_ms - 22_000, answer="200 OK"),
    )  # fmt: skip
