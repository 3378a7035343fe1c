"""Every rule fires where it must, and is silent just below its threshold and where all is well."""

import re
from dataclasses import replace
from typing import Any

import pytest

from backups.continuous_record import ContinuousRecord
from backups.record import BackupRecord
from bot.app.key_rights import other_portfolio, problem
from bot.engine.risk.policies import registry
from bot.venues.port import KeyRights
from cli import operations_page
from cli.command_table import COMMANDS
from shared.bots import ALERTMANAGER, PROMETHEUS
from shared.documents.alerts import AlertSeverity, RuleState
from shared.documents.chat import ChatDoc, ChatLink, ChatPlatformDoc, ChatRefusalDoc
from shared.documents.events import MODEL_UNUSABLE, STRATEGY_SILENT, AlertDoc
from shared.documents.risk import LimitDoc
from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Process
from shared.presence import Presence
from shared.times import from_epoch_ms, iso_seconds
from shared.verdict import Outside, PartState, VerdictDoc
from tests.watch.seen import HOST, bot, changed, look, orders, state
from watch.holds import Holds
from watch.observations import (
    ChatObservation,
    DashboardObservation,
    HostObservation,
    Observations,
    Pm2Observation,
    SelfObservation,
    SentinelNote,
    TimeFacts,
)
from watch.rules.rule import RuleFinding, WatchLimits
from watch.rules.runbook import RUNBOOK
from watch.rules.table import BY_NAME, RULES

LIMITS = WatchLimits(pnl_loss_usd=50.0)
NOW_MS = state().ts_ms


def at(seconds_ago: float) -> str:
    return iso_seconds(from_epoch_ms(round(NOW_MS - seconds_ago * 1000)))


def process(name: str, effective: Effective, code: int | None = 0) -> Pm2Process:
    return Pm2Process(name, 0, 1, "x", effective, effective.value, 0, None, 0, 0.0, "", code, 0, 1600, "", "")


def limit(name: str, value: float, of: float, word: str) -> BotState:
    risk = state().risk
    assert risk is not None
    made = LimitDoc(name=name, title=name, value=value, limit=of, unit="%", state=word)
    return changed(risk=replace(risk, limits=[made]))


def blocked(reason: str | None) -> BotState:
    risk = state().risk
    assert risk is not None
    return changed(risk=replace(risk, entries_blocked=reason))


def feeds(**fields: Any) -> BotState:
    assert state().feeds is not None
    return changed(feeds=replace(state().feeds, **fields))


def prices(age_ms: int) -> BotState:
    verdict = state().verdict
    assert verdict is not None
    parts = [p if p.name != "prices" else replace(p, age_ms=age_ms, state=PartState.WARN) for p in verdict.parts]
    return changed(verdict=replace(verdict, parts=parts))


def word(verdict: str) -> BotState:
    return changed(verdict=VerdictDoc(word=verdict, reason="why", seconds=6.0, parts=[]))


def account(**fields: Any) -> BotState:
    assert state().account is not None
    return changed(account=replace(state().account, **fields))


def decided(seconds_ago: float) -> BotState:
    strategy = state().strategy
    assert strategy is not None
    return changed(strategy=replace(strategy, signals=[replace(strategy.signals[0], bar_at=at(seconds_ago))]))


def chat(
    silent_s: float = 1.0, *, refused_s: float | None = None, link: ChatLink = ChatLink.CONNECTED, since_s: float = 0.0
) -> ChatObservation:
    refusals = [] if refused_s is None else [
        ChatRefusalDoc(person="telegram:3", name="@eve", what="kill", at_ms=NOW_MS - round(refused_s * 1000))
    ]  # fmt: skip
    platform = ChatPlatformDoc(name="telegram", link=link, since_ms=NOW_MS - round(since_s * 1000), answer="401")
    document = ChatDoc(
        ts_ms=NOW_MS, pid=1, started_ms=0, build="x", viewers=0, operators=1, platforms=[platform], refusals=refusals
    )
    return ChatObservation(document, silent_s)


def entries(filled: int, of: int) -> BotState:
    one = next(order for order in state().orders or [] if order.purpose == "entry")
    made = [replace(one, client_order_id=str(i), state="filled" if i < filled else "cancelled",
                    filled_size=1.0 if i < filled else 0.0) for i in range(of)]  # fmt: skip
    return changed(orders=made)


def facts(**fields: Any) -> TimeFacts:
    return TimeFacts(**({"rate_limited": 0} | fields))


def started(seconds_ago: float) -> BotState:
    return changed(status=Status.STARTING, phase=Phase.SYNCING, started_at=at(seconds_ago), boot=[])


def host(**fields: Any) -> Observations:
    return look(host=replace(HOST, **fields))


def io(**fields: Any) -> BotState:
    return changed(io=replace(state().io, **fields))


S = state()
ENTRY = "entry"
# Rule: what makes it bad, and what is just not bad yet.
CASES: dict[str, tuple[Observations, Observations]] = {
    "bot_dead": (look(bot(alive=False, dead_s=1.1)), look(bot(alive=False, dead_s=None, ended_in_order=True))),
    "bot_silent": (look(bot(age_s=5.1)), look(bot(age_s=4.9))),
    "state_unreadable": (
        look(bot(outside=Outside(Presence.UNREADABLE, 0.3, True, error="torn"))), look(bot()),
    ),
    "restart_loop": (
        look(bot(facts=facts(restarts_ms=tuple(NOW_MS - n * 200_000 for n in range(4))))),
        look(bot(facts=facts(restarts_ms=(NOW_MS - 950_000, NOW_MS - 3, NOW_MS - 2, NOW_MS - 1)))),
    ),
    "bot_ended": (
        look(bot(pm2=process("COIN-BOT", Effective.STOPPED, 78), alive=False, ended_in_order=True)),
        look(bot(pm2=process("COIN-BOT", Effective.STOPPED, 0), alive=False, ended_in_order=True)),
    ),
    "bot_safe": (look(bot(changed(status=Status.SAFE, phase=Phase.STOPPED))), look(bot(changed(status=Status.PAUSED)))),
    "killed": (look(bot(kill_file=True)), look(bot())),
    "may_not_send": (look(bot(word("second_writer"))), look(bot(word("blind")))),
    "slow_boot": (look(bot(started(125))), look(bot(started(115)))),
    "entries_latched": (look(bot(blocked("drawdown limit reached"))), look(bot(blocked(None)))),
    "strategy_silent": (
        look(bot(changed(alerts=[AlertDoc(code=STRATEGY_SILENT, text="no answer for 10 s")]))), look(bot()),
    ),
    "model_unusable": (
        look(bot(changed(alerts=[AlertDoc(code=MODEL_UNUSABLE, text="the model m expired")]))),
        look(bot(changed(alerts=[AlertDoc(code=STRATEGY_SILENT, text="no answer for 10 s")]))),
    ),
    "no_decision": (look(bot(decided(60 * 5 + 5))), look(bot(decided(60 * 4 - 5)))),
    "records_still": (look(bot(records_still_s=901)), look(bot(records_still_s=899))),
    "control_damaged": (look(bot(changed(control=replace(S.control, ok=False, error="torn")))), look(bot())),
    "day_loss": (look(bot(limit("day_loss", 2.1, 2.0, "tripped"))), look(bot(limit("day_loss", 1.9, 2.0, "warn")))),
    "drawdown": (look(bot(limit("drawdown", 11, 10, "tripped"))), look(bot(limit("drawdown", 9.9, 10, "warn")))),
    "pnl": (look(bot(account(day_pnl=-50.0))), look(bot(account(day_pnl=-49.9)))),
    "order_unknown": (
        look(bot(orders(lambda o: replace(o, state="unknown", updated_at=at(62))))),
        look(bot(orders(lambda o: replace(o, state="unknown", updated_at=at(58))))),
    ),
    "order_lost": (look(bot(orders(lambda o: replace(o, state="lost")))), look(bot())),
    "order_stands": (
        look(bot(orders(lambda o: replace(o, state="cancelling")),
                 facts=facts(unsettled_since_ms=tuple((o.client_order_id, NOW_MS - 61_000) for o in S.orders or [])))),
        look(bot(orders(lambda o: replace(o, state="open", created_at=at(149))))),
    ),
    "order_errors": (
        look(bot(limit("order_errors", 60, 50, "tripped"))), look(bot(limit("order_errors", 40, 50, "warn"))),
    ),
    "fill_rate": (look(bot(entries(1, 8))), look(bot(entries(2, 8)))),
    "audit_differs": (look(bot(changed(audit=replace(S.audit, ok=False)))), look(bot())),  # type: ignore[type-var]
    "account_differs": (look(bot(changed(differences="BTC -0.5"))), look(bot())),
    "flat_balance": (
        look(bot(facts=facts(equity_since_ms=NOW_MS - 3_601_000))),
        look(bot(facts=facts(equity_since_ms=NOW_MS - 3_599_000))),
    ),
    "no_trades": (
        look(bot(facts=facts(traded_ms=NOW_MS - 4 * 86_400_000, buys_since_trade=10))),
        look(bot(facts=facts(traded_ms=NOW_MS - 4 * 86_400_000, buys_since_trade=9))),
    ),
    "exchange_gone": (look(bot(word("blind"))), look(bot(word("running")))),
    "requests_fail": (
        look(bot(limit("api_errors", 60, 50, "tripped"))), look(bot(limit("api_errors", 49, 50, "warn"))),
    ),
    "feed_stale": (look(bot(prices(31_000))), look(bot(prices(29_000)))),
    "rate_limited": (look(bot(facts=facts(rate_limited=11))), look(bot(facts=facts(rate_limited=10)))),
    "slow_exchange": (look(bot(feeds(rest_last_ms=2001.0))), look(bot(feeds(rest_last_ms=1999.0)))),
    "clock_off": (look(bot(feeds(clock_offset_ms=-5001))), look(bot(feeds(clock_offset_ms=4999)))),
    "key_rights": (look(bot(blocked("the key may not view and trade"))), look(bot(blocked("drawdown")))),
    "permission_ends": (
        look(bot(changed(mode="live"), permission_ends_ms=NOW_MS + 86_300_000)),
        look(bot(changed(mode="live"), permission_ends_ms=NOW_MS + 86_500_000)),
    ),
    "key_old": (look(bot(key_age_s=91 * 86_400.0)), look(bot(key_age_s=89 * 86_400.0))),
    "ledger_unwritable": (look(bot(io(ledger_ok=False, ledger_error="full"))), look(bot())),
    "state_unwritable": (look(bot(io(last_error="bot_state.json: no space"))), look(bot())),
    "cpu": (host(cpu_pct=90.1), host(cpu_pct=89.9)),
    "memory": (host(memory_pct=85.1), host(memory_pct=84.9)),
    "disk": (host(disk_pct=80.1), host(disk_pct=79.9)),
    "disk_full": (host(disk_pct=95.1), host(disk_pct=94.9)),
    "oom_kill": (host(oom_kills=1), host(oom_kills=0)),
    "network": (
        look(bot(changed(mode="paper")), host=replace(HOST, network_still_s=61)),
        look(bot(changed(mode="paper")), host=replace(HOST, network_still_s=59)),
    ),
    "backup_old": (
        look(bot(changed(mode="live"), backup_age_s=None, ledger_age_s=37 * 3600.0)),
        look(bot(backup_age_s=35 * 3600.0)),
    ),
    "backup_failed": (
        look(own=SelfObservation(backups=BackupRecord(tried_ms=NOW_MS, problem="no room"))),
        look(own=SelfObservation(backups=BackupRecord(tried_ms=NOW_MS, made_ms=NOW_MS, drill_problem="cut off"))),
    ),
    "drill_failed": (
        look(own=SelfObservation(backups=BackupRecord(drill_tried_ms=NOW_MS, drill_problem="cut off"))),
        look(own=SelfObservation(backups=BackupRecord(drill_tried_ms=NOW_MS, problem="no room"))),
    ),
    "copy_behind": (
        look(bot(), own=SelfObservation(copies={"main": ContinuousRecord(at_ms=NOW_MS, followed_ms=NOW_MS - 300_001)})),
        look(bot(), own=SelfObservation(copies={"main": ContinuousRecord(at_ms=NOW_MS, followed_ms=NOW_MS - 299_999)})),
    ),
    "sentinel_acted": (
        look(bot(), own=SelfObservation(sentinel=(SentinelNote("main", NOW_MS, "It is dead."),))),
        look(bot(), own=SelfObservation(sentinel=(SentinelNote("another", NOW_MS, "It is dead."),))),
    ),
    "update_waits": (look(checkout="0.1.0+new"), look(checkout="test")),
    "dashboard_gone": (
        look(dashboard=DashboardObservation(10.1, "refused"), pm2=None),
        look(dashboard=DashboardObservation(9.9, "refused"), pm2=None),
    ),
    "pm2_gone": (
        look(pm2=Pm2Observation(1.0, (), "no daemon", 10.1)), look(pm2=Pm2Observation(1.0, (), "no daemon", 9.9)),
    ),
    "simulator_down": (
        look(pm2=Pm2Observation(1.0, (process("COIN-SIM", Effective.ERRORED),))),
        look(pm2=Pm2Observation(1.0, (process("COIN-SIM", Effective.ONLINE),))),
    ),
    "sink_failing": (
        look(own=SelfObservation((("slack", 5, "no"),))), look(own=SelfObservation((("slack", 4, "no"),))),
    ),
    "heartbeat_failing": (
        look(own=SelfObservation(heartbeat_failures=3)), look(own=SelfObservation(heartbeat_failures=2)),
    ),
    "watcher_late": (look(own=SelfObservation(late_s=10.1)), look(own=SelfObservation(late_s=9.9))),
    "chat_down": (look(chat=chat(silent_s=30.1)), look(chat=chat(silent_s=29.9))),
    "chat_refused": (look(chat=chat(refused_s=59)), look(chat=chat(refused_s=60))),
    "alerts_not_kept": (look(own=SelfObservation(store_error="full")), look()),
}  # fmt: skip


def judged(name: str, seen: Observations) -> list[RuleFinding]:
    return list(BY_NAME[name].judge(seen, LIMITS))


def test_every_rule_has_its_two_cases_and_its_page() -> None:
    assert list(BY_NAME) == [rule.name for rule in RULES]
    assert set(CASES) == set(BY_NAME) == set(RUNBOOK)


@pytest.mark.parametrize("name", BY_NAME)
def test_it_fires_and_is_silent(name: str) -> None:
    bad, well = CASES[name]
    found = judged(name, bad)
    assert [finding.bad for finding in found] == [True], found
    assert found[0].title and len(found[0].text) >= 10 and found[0].cause.count(".") == 1 and found[0].value
    assert found[0].share is None or found[0].share >= 1.0
    quiet = judged(name, well)
    assert quiet and not any(finding.bad for finding in quiet), "seen, and well"
    assert all(finding.share is None or 0 <= finding.share <= 1.0 for finding in quiet)


@pytest.mark.parametrize("name", BY_NAME)
def test_it_holds_for_its_time_before_it_counts(name: str) -> None:
    rule, (bad, _), holds = BY_NAME[name], CASES[name], Holds()
    found = [(rule, judged(name, bad))]
    for mono_s in (100.0, 100.0 + rule.for_s / 2, 99.9 + rule.for_s):
        held, in_order = holds.held(found, mono_s)
        assert not in_order and bool(held) == (rule.for_s == 0 and mono_s >= 100.0)
        shown = holds.shown(rule, found[0][1], mono_s)
        assert shown.state is (RuleState.FIRING if held else RuleState.PENDING) and holds.states == [shown.state]
    held, _ = holds.held(found, 100.0 + rule.for_s)
    assert [(one.rule, one.severity) for one in held] == [(name, rule.severity)]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_state_of_a_round_is_the_one_that_is_shown(name: str) -> None:
    rule, holds = BY_NAME[name], Holds()
    for number, seen in enumerate((*CASES[name], look())):
        findings = judged(name, seen)
        holds.held([(rule, findings)], 100.0 + number)
        assert holds.states == [holds.shown(rule, findings, 100.0 + number).state]


def test_a_bot_that_stood_still_itself_is_not_blind_before_it_could_hear_again() -> None:
    """Held for six seconds it has heard nothing for six seconds: that its exchange is gone is not known by that."""
    (blind,) = CASES["exchange_gone"][0].bots
    for resumed_s, found in ((None, 1), (2.9, 0), (3.0, 1)):
        seen = look(replace(blind, resumed_s=resumed_s))
        assert len(judged("exchange_gone", seen)) == found, "neither fires nor resolves"


def test_what_is_unknown_is_said_as_unknown_and_not_as_well() -> None:
    """An old document says nothing about now: no rule that needs one calls its subject well."""
    old = look(bot(age_s=400.0, alive=False, dead_s=400.0))
    about_now = {"order_lost", "exchange_gone", "day_loss", "feed_stale", "audit_differs", "ledger_unwritable"}
    assert {name for name in about_now if judged(name, old)} == set()
    assert Holds().shown(BY_NAME["order_lost"], [], 1.0).state is RuleState.UNKNOWN
    assert judged("bot_dead", look(bot(alive=False, dead_s=None))) == [], "gone, and not yet known how"


def test_the_exchange_is_one_cause_for_every_bot_and_rule() -> None:
    seen = look(bot(word("blind")), bot(feeds(rest_last_ms=9_000.0)), bot(prices(99_000)))
    causes = {f.cause for name in ("exchange_gone", "slow_exchange", "feed_stale") for f in judged(name, seen) if f.bad}
    assert causes == {"exchange.sim"}


@pytest.mark.parametrize(
    ("reason", "other", "bad"),
    [
        ("day loss limit reached", "day_loss", limit("day_loss", 3, 2, "tripped")),
        ("drawdown from the peak: 11.00 % (limit 10)", "drawdown", limit("drawdown", 11, 10, "tripped")),
        ("the key may not view and trade: make one with both rights", "key_rights", None),
        ("audit: an order differs", "audit_differs", changed(audit=replace(S.audit, ok=False))),  # type: ignore[type-var]
    ],
)
def test_what_shuts_entries_and_has_a_rule_of_its_own_is_one_alert(
    reason: str, other: str, bad: BotState | None
) -> None:
    (latch,) = judged("entries_latched", look(bot(blocked(reason))))
    (own,) = judged(other, look(bot(bad or blocked(reason))))
    assert latch.bad and own.bad and latch.cause == own.cause
    assert judged("entries_latched", look(bot(blocked("an order is lost"))))[0].cause == "entries.main"


def test_a_dashboard_that_pm2_does_not_know_is_not_missed() -> None:
    silent = DashboardObservation(60.0, "refused")
    assert judged("dashboard_gone", look(dashboard=silent, pm2=Pm2Observation(1.0))) == []
    assert judged("dashboard_gone", look(dashboard=silent, pm2=None))[0].bad
    stopped = Pm2Observation(1.0, (process("COIN", Effective.STOPPED),))
    assert judged("dashboard_gone", look(dashboard=silent, pm2=stopped)) == [], "a person ended it"
    online = Pm2Observation(1.0, (process("COIN", Effective.ONLINE),))
    assert judged("dashboard_gone", look(dashboard=silent, pm2=online))[0].bad


def test_a_platform_that_is_not_heard_is_told_and_a_chat_that_a_person_ended_is_not() -> None:
    for link in (ChatLink.FAILING, ChatLink.CONNECTING):
        found = judged("chat_down", look(chat=chat(link=link, since_s=121.0)))
        assert [(one.subject, one.bad) for one in found] == [
            ("COIN-CHAT", False), ("settings", False), ("telegram", True),
        ]  # fmt: skip
        assert "401" in found[2].text
        assert not any(one.bad for one in judged("chat_down", look(chat=chat(link=link, since_s=119.0))))
    told = chat()
    assert told.document is not None
    stale = replace(told, document=replace(told.document, settings_problem=".env was changed and cannot be used: x."))
    (bad,) = [one for one in judged("chat_down", look(chat=stale)) if one.bad]
    assert bad.subject == "settings" and "Who may command is as it was before" in bad.text
    ended = Pm2Observation(1.0, (process("COIN-CHAT", Effective.STOPPED),))
    assert judged("chat_down", look(chat=chat(silent_s=99.0), pm2=ended)) == []
    refused = Pm2Observation(1.0, (process("COIN-CHAT", Effective.STOPPED, 78),))
    assert judged("chat_down", look(chat=chat(silent_s=99.0), pm2=refused))[0].bad
    assert judged("chat_down", look(chat=None)) == [] == judged("chat_refused", look(chat=None))


def test_what_a_document_cannot_hold_breaks_no_rule() -> None:
    """A bot that starts has next to nothing to say."""
    bare = changed(account=None, orders=None, risk=None, feeds=None, verdict=None, strategy=None, metrics=None,
                   audit=None, positions=None, gates=None)  # fmt: skip
    for rule in RULES:
        for finding in rule.judge(look(bot(bare)), LIMITS):
            assert not finding.bad or rule.name in ("sink_failing",), (rule.name, finding)
    for rule in RULES:
        list(rule.judge(Observations(NOW_MS, 1.0), LIMITS))


@pytest.mark.parametrize(
    "reason",
    [
        problem(KeyRights(can_view=True, can_trade=True, can_transfer=True, portfolio="p")),
        problem(KeyRights(can_view=True, can_trade=False, can_transfer=False, portfolio="p")),
        other_portfolio("q", KeyRights(can_view=True, can_trade=True, can_transfer=False, portfolio="p")),
    ],
)
def test_what_the_bot_says_of_its_key_is_known_as_that(reason: str | None) -> None:
    assert [f.bad for f in judged("key_rights", look(bot(blocked(reason))))] == [True]


def test_the_limits_that_rules_name_are_limits_of_the_bot() -> None:
    names = {policy.guard.name for policy in registry.POLICIES.all if policy.guard is not None} | {
        "day_loss",
        "day_loss_usd",
    }
    assert {"drawdown", "order_errors", "api_errors"} <= names


def test_urgent_rules_are_told_at_once() -> None:
    urgent = {rule.name for rule in RULES if rule.urgent}
    assert urgent >= {"bot_dead", "bot_silent", "bot_safe", "killed", "ledger_unwritable", "exchange_gone"}
    assert all(rule.for_s == 0 and rule.severity is AlertSeverity.CRITICAL for rule in RULES if rule.urgent)


def test_the_page_is_what_the_table_says() -> None:
    text = operations_page.PAGE.read_text(encoding="utf-8")
    assert operations_page.written(text) == text, "python -m cli.operations_page"
    for rule in RULES:
        file, _, anchor = rule.runbook.partition("#")
        assert f"### {anchor}\n" in (ROOT / file).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the marks"):
        operations_page.written(text.replace(operations_page.END, ""))


@pytest.mark.parametrize("name", ["cpu", "memory", "disk", "disk_full", "oom_kill"])
def test_the_machine_is_left_to_alertmanager_as_long_as_it_runs_and_has_a_sink(name: str) -> None:
    bad, _ = CASES[name]
    rule = BY_NAME[name]

    def found(told: bool, *running: str) -> list[bool]:
        pm2 = Pm2Observation(1.0, tuple(process(one, Effective.ONLINE) for one in running))
        seen = replace(bad, host=replace(bad.host, told_by_alertmanager=told), pm2=pm2)
        return [finding.bad for finding in rule.judge(seen, LIMITS)]

    assert found(True, PROMETHEUS, ALERTMANAGER) == [False]
    assert found(True, PROMETHEUS) == found(True, ALERTMANAGER) == found(False, PROMETHEUS, ALERTMANAGER) == [True]
    dead = Pm2Observation(1.0, (process(PROMETHEUS, Effective.DEAD), process(ALERTMANAGER, Effective.ONLINE)))
    seen = replace(bad, host=replace(bad.host, told_by_alertmanager=True), pm2=dead)
    assert [finding.bad for finding in rule.judge(seen, LIMITS)] == [True]


def test_a_silent_bot_on_a_full_disk_is_told_with_the_disk() -> None:
    (found,) = judged("bot_silent", look(bot(age_s=6.0), host=HostObservation(disk_free_mb=0.0)))
    assert found.bad and "The disk of its folder is full: make room" in found.text
    assert "disk" not in judged("bot_silent", look(bot(age_s=6.0), host=HostObservation(disk_free_mb=50.0)))[0].text


def test_every_command_that_an_alert_names_exists_and_none_has_an_option_that_it_lacks() -> None:
    """`./coin doctor --net` was said for long, and is none."""
    texts = [rule.todo for rule in RULES] + [f"{e.means} {e.look} {e.act}" for e in RUNBOOK.values()]
    known = {command.name.split()[0] for command in COMMANDS}
    for text in texts:
        for name, options in re.findall(r"\./coin ([a-z0-9-]+)((?: --[a-z-]+)*)", text):
            assert name in known, name
            assert options in ("", " --json"), f"./coin {name}{options}"
