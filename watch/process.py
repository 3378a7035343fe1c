"""The watch itself: look, judge, tell, show; four times a second. Nothing in its round waits for another program."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from backups.schedule import Schedule
from reports.period import ReportTimes
from shared import alert_requests
from shared.alert_requests import AlertAsk, AlertRequest
from shared.bots import bots_in
from shared.build import build_id
from shared.documents.alert_life import WATCHED_FACT
from shared.documents.alerts import AlertKind, HeartbeatDoc, SentState
from shared.documents.state import BotState
from shared.paths import DataPaths
from shared.pm2 import Pm2Process
from shared.ports import Rng
from shared.setting_table import GRANULARITY_S, Settings
from shared.verdict import Judged, Verdict
from watch.alert_book import AlertBook
from watch.alert_changes import AlertChanges
from watch.alert_store import AlertStore
from watch.bot_memory import KeptFacts
from watch.bot_observer import BotObserver
from watch.chat_look import ChatLook
from watch.delivery import SinkDelivery
from watch.feed_counts import FeedCounts
from watch.holds import Holds
from watch.jobs import Jobs
from watch.keeper import Keeper
from watch.observations import (
    BotObservation,
    DashboardObservation,
    HostObservation,
    Observations,
    Pm2Observation,
    SelfObservation,
)
from watch.outbox import Outbox, QueuedMessage
from watch.publisher import Publisher, SinkTest
from watch.quiet_hours import quiet_hours
from watch.report_duty import FACT as REPORTS
from watch.report_duty import JOB as REPORT
from watch.report_duty import ReportDuty
from watch.rules.rule import AlertRule, RuleFinding, WatchLimits
from watch.rules.table import RULES
from watch.sentinel_duty import JOB as SENTINEL
from watch.sentinel_duty import SentinelDuty
from watch.settings_follower import NewSettings
from watch.sinks.registry import SinkPlan
from watch.upkeep import BACKUP, COPIES, Upkeep
from watch.watched_days import WatchedDays

log = logging.getLogger("watch")
ROUND_S = 0.25
JUDGE_S = 1.0  # most between two judgements of a rule that is not urgent
BOTS_S = 10.0  # between looks for new bots
FACTS_MS = 60_000
FORGET_MS = 60_000
NEW_SINK_MS = 10_000

# Name, document, verdict, whether it lives, whether the file KILL is there, what PM2 says.
BotNews = tuple[str, BotState | None, Verdict, bool | None, bool, Pm2Process | None]
FoundByRule = Sequence[tuple[AlertRule, Sequence[RuleFinding]]]


def _nothing() -> None:
    return None


def _ignored(_settings: Settings) -> None:
    return None


@dataclass(slots=True)
class Looks:
    """What the slow looks saw last; each is called in every round and must not block."""

    pm2: Callable[[], Pm2Observation | None] = _nothing
    dashboard: Callable[[], DashboardObservation | None] = _nothing
    host: Callable[[], HostObservation] = HostObservation
    heartbeat: Callable[[], HeartbeatDoc | None] = _nothing
    ask_pm2: Callable[[], None] = _nothing
    new_settings: Callable[[], NewSettings | None] = _nothing
    settings_problem: Callable[[], str | None] = _nothing
    use_heartbeat: Callable[[Settings], None] = _ignored


@dataclass(slots=True)
class RoundTimes:
    """When each of the rarer parts of a round was last done."""

    bots_s: float = -1e9
    facts_ms: int = 0
    forget_ms: int = 0
    judged_s: float = -1e9
    last_s: float | None = None
    late_s: float = 0.0


@dataclass(slots=True)
class WatchParts:
    """What the watch is made of."""

    settings: Settings
    paths: DataPaths
    plan: SinkPlan
    looks: Looks
    rng: Rng | None
    supervised: bool = True
    jobs: Jobs = field(default_factory=Jobs)
    settings_ms: int | None = None  # when the .env that `settings` come from was written


class WatchProcess:
    """One watch over one data folder. `round` does one turn at the given moment; `run` does them for ever."""

    def __init__(self, parts: WatchParts, now_ms: int) -> None:
        settings = parts.settings
        self._parts, self._paths, self._looks = parts, parts.paths, parts.looks
        self._keeper = Keeper(AlertStore(parts.paths.watch / "alerts.db"))
        stored = self._keeper.load(now_ms)
        sinks = [sink for sink, _ in parts.plan.sinks]
        waiting = [entry for entry in stored.queue if entry.sink in {sink.name for sink in sinks}]
        self.book = AlertBook(
            stored.alerts, next_alert=stored.next_alert, next_message=stored.next_message,
            quiet=quiet_hours(settings.alert_quiet_hours),
        )  # fmt: skip
        self._changes, self._watched = AlertChanges(stored.changes), WatchedDays(stored.facts.get(WATCHED_FACT))
        self.outbox = Outbox(
            [(sink.name, least) for sink, least in parts.plan.sinks], parts.rng, waiting, settings.report_to
        )
        self._delivery = SinkDelivery(sinks, self.outbox)
        self._plan = parts.plan
        self._publisher = Publisher(parts.paths, parts.plan, settings, now_ms)
        self._publisher.settings_ms = parts.settings_ms
        self._holds, self._feeds = Holds(), FeedCounts()
        self._limits = WatchLimits(
            pnl_loss_usd=abs(settings.alert_pnl_threshold),
            stale_data_s=settings.stale_data_sec,
            maker_timeout_s=settings.maker_timeout_sec,
            exposure_maker_s=settings.exposure_maker_sec,
            bar_s=float(GRANULARITY_S[settings.granularity]),
            supervised=parts.supervised,
        )
        self._kept = _kept_facts(stored.facts.get("bots"))
        self._observers: dict[str, BotObserver] = {}
        self._times = RoundTimes()
        self._findings: dict[str, list[RuleFinding]] = {}
        self._news: list[BotNews] = []
        self._checkout: str | None = None
        self._shown: object = None
        self._later: list[AlertRequest] = []
        self._failed: set[str] = set()  # rules and bots that raised: each is logged once
        self._jobs = parts.jobs
        self._upkeep = Upkeep(parts.paths, parts.jobs, Schedule.of(settings), continuous=bool(settings.backup_url))
        self._reports = ReportDuty(parts.paths.reports, parts.jobs, ReportTimes.of(settings), stored.facts.get(REPORTS))
        self._chat = ChatLook(parts.paths, time.monotonic()) if settings.chat_users else None
        self._sentinel = SentinelDuty(
            parts.paths.root, parts.jobs, settings.sentinel_after_s, default_off=settings.sentinel == "off"
        )

    def run(self, stop: Callable[[], bool]) -> None:
        """Until `stop` says so; what changed is kept and shown before this returns."""
        while not stop():
            self.round(round(time.time() * 1000), time.monotonic())
            time.sleep(ROUND_S)
        self.close(round(time.time() * 1000))

    def close(self, now_ms: int) -> None:
        """Keep what came back meanwhile, and let go of the store."""
        self._keeper.keep(queue=self._delivery.collect(now_ms), facts=self._facts())
        self._keeper.write(now_ms)
        self._keeper.close()

    def goes_round(self) -> bool:
        """Whether a round was done lately: what the heartbeat stands for."""
        last_s = self._times.last_s
        return last_s is not None and time.monotonic() - last_s < 5.0

    def round(self, now_ms: int, mono_s: float) -> None:
        """One turn."""
        self._keeper.keep(queue=self._delivery.collect(now_ms))
        self._take_settings(now_ms, mono_s)
        self._take_jobs(now_ms, mono_s)
        seen = self._look(now_ms, mono_s)
        self._sentinel.step(seen.bots, mono_s)
        found = self._found(seen, mono_s)
        held, in_order = self._holds.held(found, mono_s)
        for request in self._requests(now_ms):
            self._carry_out(request, now_ms)
        result = self.book.step(held, in_order, now_ms)
        for message in result.messages:
            log.info("alert.%s name=%s severity=%s %s", message.kind, message.name, message.severity, message.title)
        self._keeper.keep(result.changed, result.messages, self.outbox.add(result.messages, now_ms))
        self._keeper.keep(changes=self._changes.steps(result.changed, now_ms))
        self._feeds.note(seen.bots)
        self._keeper.keep(feeds=self._feeds.due(self.book.active, now_ms))
        self._watched.note(now_ms, mono_s)
        self._upkeep.step(result.messages, now_ms, mono_s)
        if self._reports.step(now_ms, mono_s):
            self._keeper.keep(facts=self._reports.facts)
        self._house_keeping(now_ms)
        self._keeper.write(now_ms)
        self._delivery.hand_out(now_ms)  # only now: what is sent is kept first, where it can be
        self._show(seen, found, now_ms, mono_s)

    def _take_settings(self, now_ms: int, mono_s: float) -> None:
        """Sinks, severities, quiet hours and heartbeat as `.env` has them now; what fires goes on as it is."""
        self._publisher.settings_problem = self._looks.settings_problem()
        new = self._looks.new_settings()
        if new is None:
            return
        plan = new.plan
        changed = {name for name, made_of in plan.made_of.items() if self._plan.made_of.get(name) != made_of}
        sinks = [(sink.name, least) for sink, least in plan.sinks]
        self._keeper.keep(queue=self.outbox.use(sinks, changed, self._parts.rng))
        self._delivery.use([sink for sink, _ in plan.sinks])
        self._plan = plan
        self.book.use_quiet_hours(quiet_hours(new.settings.alert_quiet_hours))
        self._looks.use_heartbeat(new.settings)
        self._publisher.use(plan, new.settings, now_ms)
        self._publisher.settings_ms = new.file_ms
        if bool(new.settings.chat_users) != (self._chat is not None):
            self._chat = ChatLook(self._paths, mono_s) if new.settings.chat_users else None
        log.info("settings.taken sinks=%s", ",".join(name for name, _ in sinks) or "none")

    def _take_jobs(self, now_ms: int, mono_s: float) -> None:
        for result in self._jobs.ended(mono_s):
            if result.name == SENTINEL:
                self._sentinel.ended(result, now_ms)
            elif result.name in (BACKUP, COPIES):
                self._upkeep.ended(result, mono_s)
            elif result.name == REPORT and (news := self._reports.ended(result, now_ms, mono_s)) is not None:
                message = self.book.report_message(news.title, news.text, news.picture, now_ms, late=news.late)
                log.info("report.told number=%d %s", message.number, message.title)
                # In one commit with the message: that it was told is as true as the message is.
                self._keeper.keep(
                    messages=[message], queue=self.outbox.add([message], now_ms), facts=self._reports.facts
                )

    def _found(self, seen: Observations, mono_s: float) -> FoundByRule:
        """What each rule finds. Urgent ones judge in every round; the others as soon as a bot shows anything new, and
        once a second for what time alone makes, or the machine: most rounds bring nothing new."""
        news = [(bot.name, bot.state, bot.judged.word, bot.alive, bot.kill_file, bot.pm2) for bot in seen.bots]
        calm = len(news) == len(self._news) and all(_same(a, b) for a, b in zip(news, self._news, strict=True))
        whole = not calm or mono_s - self._times.judged_s >= JUDGE_S
        if whole:
            self._news, self._times.judged_s = news, mono_s
        for rule in RULES:
            if whole or rule.urgent:
                self._findings[rule.name] = self._judged(rule, seen)
        return [(rule, self._findings[rule.name]) for rule in RULES]

    def _judged(self, rule: AlertRule, seen: Observations) -> list[RuleFinding]:
        """What the rule finds. One that fails must not silence the others: what it looks at is unknown."""
        try:
            return list(rule.judge(seen, self._limits))
        except Exception:
            if rule.name not in self._failed:
                self._failed.add(rule.name)
                log.exception("rule.failed name=%s", rule.name)
            return []

    # ---- looking ----

    def _look(self, now_ms: int, mono_s: float) -> Observations:
        times = self._times
        # Held high for a while, so that a single late round is long enough to be told of.
        gap_s = mono_s - times.last_s - ROUND_S if times.last_s is not None else 0.0
        times.late_s = gap_s if gap_s > 5.0 else max(0.0, times.late_s - 0.1)
        times.last_s = mono_s
        if mono_s - times.bots_s >= BOTS_S:
            times.bots_s = mono_s
            self._find_bots(mono_s)
            self._checkout = build_id()
        pm2, heartbeat = self._looks.pm2(), self._looks.heartbeat()
        health = self.outbox.health
        return Observations(
            now_ms=now_ms,
            mono_s=mono_s,
            bots=tuple(self._look_at(observer, now_ms, mono_s, pm2) for observer in self._observers.values()),
            host=self._looks.host(),
            pm2=pm2,
            dashboard=self._looks.dashboard(),
            chat=self._chat.look(now_ms, mono_s) if self._chat is not None else None,
            checkout=self._checkout,
            own=SelfObservation(
                sinks=tuple((name, h.failures, h.last_answer or "") for name, h in health.items()),
                heartbeat_failures=heartbeat.failures if heartbeat is not None else 0,
                heartbeat_answer=heartbeat.answer if heartbeat is not None else None,
                store_error=self._keeper.error,
                late_s=times.late_s,
                sentinel=tuple(self._sentinel.notes.values()),
                backups=self._upkeep.record,
                copies=self._upkeep.copies,
            ),
        )

    def _look_at(self, observer: BotObserver, now_ms: int, mono_s: float, pm2: Pm2Observation | None) -> BotObservation:
        """One bot whose document cannot even be looked at is unreadable, and no reason not to look at the others."""
        try:
            return observer.look(now_ms, mono_s, pm2)
        except Exception as error:
            name = observer.ref.name
            if name not in self._failed:
                self._failed.add(name)
                log.exception("look.failed bot=%s", name)
            judged = Judged(Verdict.UNREADABLE, f"its state cannot be judged: {type(error).__name__}", None, None)
            return BotObservation(observer.ref, None, None, judged, None, None)

    def _find_bots(self, mono_s: float) -> None:
        refs = {ref.name: ref for ref in bots_in(self._paths.root)}
        key = self._parts.settings.coinbase_key_file
        for name, ref in refs.items():
            if name not in self._observers:
                self._observers[name] = BotObserver(
                    ref, self._paths.root, kept=self._kept.get(name), ask_pm2=self._looks.ask_pm2, mono_s=mono_s,
                    key_file=self._paths.root / key if key and ref.is_default else None,
                )  # fmt: skip
        self._observers = {name: observer for name, observer in self._observers.items() if name in refs}

    # ---- what a person asks ----

    def _requests(self, now_ms: int) -> Iterable[AlertRequest]:
        later, self._later = self._later, []
        try:
            return [*later, *alert_requests.take_all(self._paths, now_ms)]
        except OSError as error:
            log.warning("requests.failed error=%s", error.strerror or error)
            return later

    def _carry_out(self, request: AlertRequest, now_ms: int) -> None:
        if request.ask is AlertAsk.ACKNOWLEDGE:
            alert = self.book.acknowledge(request.name, request.by, request.note, now_ms)
            log.info("request.acknowledge name=%s by=%s found=%s", request.name, request.by, alert is not None)
            if alert is not None:
                self._keeper.keep([alert], changes=self._changes.steps([alert], now_ms))
            return
        if request.name and request.name not in self.outbox.least and now_ms - request.at_ms < NEW_SINK_MS:
            self._later.append(request)  # a sink that was set up this moment: it is taken up within a second
            return
        log.info("request.test by=%s", request.by)
        message = self.book.test_message("TEST: alerts reach this place", f"Asked for by {request.by}.", now_ms)
        self._keeper.keep(messages=[message], queue=self.outbox.add([message], now_ms, request.name))
        self._publisher.tests_done += 1

    # ---- keeping and showing ----

    def _house_keeping(self, now_ms: int) -> None:
        if now_ms - self._times.forget_ms >= FORGET_MS:
            self._times.forget_ms = now_ms
            self._keeper.keep(queue=self.outbox.forget(now_ms))
            self._changes.forget(alert.number for alert in (*self.book.active, *self.book.resolved))
        if now_ms - self._times.facts_ms >= FACTS_MS:
            self._times.facts_ms = now_ms
            self._keeper.keep(facts=self._facts())

    def _facts(self) -> dict[str, bytes]:
        kept = {name: observer.memory.kept for name, observer in self._observers.items()}
        return {"bots": msgspec.json.encode(kept), WATCHED_FACT: self._watched.encoded()}

    def _show(self, seen: Observations, found: FoundByRule, now_ms: int, mono_s: float) -> None:
        self._note_tests()
        entries = [(e.key, e.state, e.tries) for sink in self.outbox.least for e in self.outbox.waiting(sink)]
        shown = (
            [(a.number, a.phase, a.text, a.rules, a.said) for a in self.book.active], entries, self._publisher.tests,
            self._holds.states, self._publisher.tests_done, self._publisher.settings_ms,
            self._publisher.settings_problem,
        )  # fmt: skip
        if shown == self._shown and not self._publisher.due(now_ms):
            return
        self._shown = shown
        bots = [bot.name for bot in seen.bots]
        rules = [self._holds.shown(rule, findings, mono_s) for rule, findings in found]
        self._publisher.write(now_ms, bots, self.book, self.outbox, rules, self._looks.heartbeat(), self._keeper.error)

    def _note_tests(self) -> None:
        for entry in self.outbox.of_alert(0):
            if entry.message.kind is AlertKind.TEST and entry.tries:
                self._publisher.tests = self._publisher.tests | {entry.sink: _test(entry)}


def _same(a: BotNews, b: BotNews) -> bool:
    """By identity: a document or an answer that was not read anew is the same object."""
    return all(one is other or one == other for one, other in zip(a, b, strict=True))


def _test(entry: QueuedMessage) -> SinkTest:
    return SinkTest(entry.message.at_ms, entry.state is SentState.SENT, entry.answer or "")


def _kept_facts(data: bytes | None) -> dict[str, KeptFacts]:
    """What the last run kept of each bot; nothing where it is of another version."""
    if data is None:
        return {}
    try:
        return msgspec.json.decode(data, type=dict[str, KeptFacts])
    except msgspec.MsgspecError:
        return {}
