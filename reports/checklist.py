"""Weekly and monthly checklists that fill themselves in: each line done, failed, for a person, or not known.

A line is judged by what lies in the data folder at the moment, by figures that others wrote down, each with its age.
What does not apply is no line: play money has no key that ages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backups.continuous_record import ContinuousRecord
from backups.record import BackupRecord
from reports.alert_history import AlertPast, SinkPast
from reports.sizes import Sizes
from shared.documents.alerts import AlertPhase, AlertsDoc
from shared.documents.state import BotState
from shared.figures import ago
from shared.setting_table import Mode, Settings

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
CLOCK_GOOD_MS, CLOCK_BAD_MS = 1_000, 5_000
FRESH_MS = 60_000
AUDIT_MOST_MS = 36 * HOUR_MS
KEY_MOST_DAYS = 90
PERMISSION_LEAST_DAYS = 2
FULL_IN_DAYS = 30
DRILL_DAYS = 31
TEST_DAYS = 31


class LineState(StrEnum):
    DONE = "done"
    FAILED = "failed"
    PERSON = "person"  # somebody has to look or do something
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistLine:
    """`figure`: what was found; `at_ms`: of when that is, None = of now; `todo`: for a person, empty where done."""

    name: str
    title: str
    state: LineState
    figure: str
    at_ms: int | None = None
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistFacts:
    """All that the lines are judged by; what could not be read is None."""

    settings: Settings
    now_ms: int
    state: BotState | None
    watcher: AlertsDoc | None
    backups: BackupRecord
    alerts: AlertPast | None  # of the period
    sinks: Sequence[SinkPast] | None
    sizes: Sequence[Sizes]  # oldest first, the last of now
    days: int  # of the period: 7 or 31
    unclean_starts: int | None = None
    kill_drill_ms: int | None = None
    key_written_ms: int | None = None
    permission_ends_ms: int | None = None
    checkout: str | None = None
    reboot_needed: bool | None = None
    copies: ContinuousRecord | None = None

    @property
    def live(self) -> bool:
        return self.settings.coin_mode is Mode.LIVE

    @property
    def fresh(self) -> BotState | None:
        """The bot's state, where it speaks of now."""
        state = self.state
        return state if state is not None and self.now_ms - state.ts_ms <= FRESH_MS else None


Check = Callable[[ChecklistFacts], ChecklistLine | None]


def _line(
    name: str, title: str, state: LineState, figure: str, *, at_ms: int | None = None, todo: str = ""
) -> ChecklistLine:
    return ChecklistLine(
        name=name, title=title, state=state, figure=figure, at_ms=at_ms, todo="" if state is LineState.DONE else todo
    )


def _backup(f: ChecklistFacts) -> ChecklistLine | None:
    record, title, todo = f.backups, "Backup made", "./coin backup; BACKUP_EVERY_H"
    if record.problem is not None:
        return _line("backup", title, LineState.FAILED, record.problem, at_ms=record.tried_ms, todo=todo)
    if record.made_ms is None:
        return _line("backup", title, LineState.PERSON, "none was made on the schedule", todo=todo)
    late = f.now_ms - record.made_ms > max(2 * f.settings.backup_every_h, 36.0) * HOUR_MS
    size = f", {_size(record.size)}" if record.size is not None else ""
    state = LineState.PERSON if late else LineState.DONE
    return _line("backup", title, state, f"{record.archive or 'an archive'}{size}", at_ms=record.made_ms, todo=todo)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def _drill(f: ChecklistFacts) -> ChecklistLine | None:
    record, title, todo = f.backups, "Backup restored and checked", "./coin restore-drill"
    if record.drill_problem is not None:
        return _line("drill", title, LineState.FAILED, record.drill_problem, at_ms=record.drill_tried_ms, todo=todo)
    if record.drilled_ms is None:
        return _line("drill", title, LineState.PERSON, "no backup was restored yet", todo=todo)
    late = f.now_ms - record.drilled_ms > (max(f.settings.backup_drill_days, 7.0) + 1) * DAY_MS
    figure = f"{record.drill_orders or 0:,} orders in {record.drill_s or 0:.1f} s, every row holds"
    return _line(
        "drill", title, LineState.PERSON if late else LineState.DONE, figure, at_ms=record.drilled_ms, todo=todo
    )


def _continuous(f: ChecklistFacts) -> ChecklistLine | None:
    if not f.settings.backup_url:
        return None
    record, title, todo = f.copies, "The ledger's continuous copy restores", "data/backups/continuous.json; BACKUP_URL"
    if record is None or record.proven_ms is None:
        problem = record.problem if record is not None and record.problem else "no restore of it was proven yet"
        return _line("continuous", title, LineState.PERSON, problem, todo=todo)
    late = f.now_ms - record.proven_ms > DAY_MS
    state = LineState.FAILED if record.problem else LineState.PERSON if late else LineState.DONE
    figure = record.problem or f"{record.proven_head or 0:,} transactions came back"
    return _line("continuous", title, state, figure, at_ms=record.proven_ms, todo=todo)


def _firing(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "No alert is open", "./coin alerts; ./coin alerts ack NAME"
    if f.watcher is None:
        return _line("open_alerts", title, LineState.UNKNOWN, "COIN-WATCH has written nothing", todo="./coin start")
    if f.now_ms - f.watcher.ts_ms > FRESH_MS:
        figure = f"nobody has watched for {ago((f.now_ms - f.watcher.ts_ms) / 1000)}"
        return _line("open_alerts", title, LineState.FAILED, figure, at_ms=f.watcher.ts_ms, todo="./coin start")
    unseen = [alert.name for alert in f.watcher.firing if alert.phase is AlertPhase.FIRING]
    if not f.watcher.firing:
        return _line("open_alerts", title, LineState.DONE, "none fires")
    figure = f"{len(f.watcher.firing)} fire, {len(unseen)} of them acknowledged by nobody"
    return _line("open_alerts", title, LineState.PERSON, figure, todo=todo)


def _acknowledged(f: ChecklistFacts) -> ChecklistLine | None:
    title = "Critical alerts were seen by somebody"
    if f.alerts is None:
        return _line("acknowledged", title, LineState.UNKNOWN, "the list of alerts cannot be read")
    if not f.alerts.critical:
        return _line("acknowledged", title, LineState.DONE, f"none fired in {f.days} days")
    figure = (
        f"{f.alerts.unseen} of {f.alerts.critical} in {f.days} days lasted over 5 min and were acknowledged by nobody"
    )
    state = LineState.PERSON if f.alerts.unseen else LineState.DONE
    return _line("acknowledged", title, state, figure, todo="./coin alerts history")


def _sinks(f: ChecklistFacts) -> Iterator[ChecklistLine]:
    todo = "./coin alerts test"
    if f.watcher is None:
        return
    if not f.watcher.sinks:
        figure = "ALERT_ENABLE is false" if not f.watcher.enabled else "none is set: nobody is sent an alert"
        yield _line("sinks", "Alerts reach a person", LineState.PERSON, figure, todo="docs/operations.md, Sinks")
    past = {sink.name: sink for sink in f.sinks or ()}
    for sink in f.watcher.sinks:
        title, known = f"{sink.name} delivers", past.get(sink.name)
        sent_ms = known.sent_ms if known is not None else None
        if sink.failures:
            figure = f"{sink.failures} tries in a row failed: {sink.last_answer or 'no answer'}"
            yield _line(f"sink.{sink.name}", title, LineState.FAILED, figure, at_ms=sink.last_ms, todo=todo)
        elif f.sinks is None:
            yield _line(f"sink.{sink.name}", title, LineState.UNKNOWN, "what was sent cannot be read", todo=todo)
        elif sent_ms is None:
            yield _line(f"sink.{sink.name}", title, LineState.PERSON, "it never took a message", todo=todo)
        else:
            late = f.now_ms - sent_ms > TEST_DAYS * DAY_MS
            state = LineState.PERSON if late else LineState.DONE
            yield _line(f"sink.{sink.name}", title, state, "it took a message", at_ms=sent_ms, todo=todo)


def _heartbeat(f: ChecklistFacts) -> ChecklistLine | None:
    title = "Somebody outside would notice if this machine died"
    if not f.settings.heartbeat_url:
        return _line("heartbeat", title, LineState.PERSON, "HEARTBEAT_URL is not set", todo="docs/operations.md")
    beat = f.watcher.heartbeat if f.watcher is not None else None
    if beat is None or beat.last_ms is None:
        return _line("heartbeat", title, LineState.UNKNOWN, "it was not asked yet", todo="./coin logs watch")
    state = LineState.FAILED if beat.failures else LineState.DONE
    return _line("heartbeat", title, state, beat.answer or "it answers", at_ms=beat.last_ms, todo="./coin logs watch")


def _clock(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "The clock is right", "timedatectl; chrony"
    offset_ms = f.fresh.feeds.clock_offset_ms if f.fresh is not None and f.fresh.feeds is not None else None
    if offset_ms is None:
        return _line("clock", title, LineState.UNKNOWN, "no bot runs that compared it", todo=todo)
    off_ms = abs(offset_ms)
    state = (
        LineState.FAILED if off_ms > CLOCK_BAD_MS else LineState.PERSON if off_ms > CLOCK_GOOD_MS else LineState.DONE
    )
    return _line("clock", title, state, f"{off_ms / 1000:.1f} s off the exchange's", todo=todo)


def _starts(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "Every run ended by itself", "./coin logs bot; ./coin incident"
    if f.unclean_starts is None:
        return _line("starts", title, LineState.UNKNOWN, "the ledger cannot be read", todo="./coin doctor")
    figure = f"{f.unclean_starts} in {f.days} days did not" if f.unclean_starts else f"all, in {f.days} days"
    return _line("starts", title, LineState.PERSON if f.unclean_starts else LineState.DONE, figure, todo=todo)


def _audit(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "Orders, fills and balances equal the exchange's", "the Health page; ./coin ledger verify"
    audit = f.state.audit if f.state is not None else None
    if audit is None:
        return _line("audit", title, LineState.UNKNOWN, "they were not compared yet", todo=todo)
    late = f.now_ms - audit.at_ms > AUDIT_MOST_MS
    state = LineState.FAILED if not audit.ok else LineState.PERSON if late else LineState.DONE
    figure = f"{audit.orders:,} orders, {audit.fills:,} fills" if audit.ok else audit.text
    return _line("audit", title, state, figure, at_ms=audit.at_ms, todo=todo)


def _disk(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "The disk has room", "df -h; du -sh data/*"
    if not f.sizes:
        return _line("disk", title, LineState.UNKNOWN, "what the data folder takes cannot be told", todo=todo)
    now, free = f.sizes[-1], f.sizes[-1].free
    figure = f"{free / 1e9:,.1f} GB free; the data folder takes {now.total / 1e6:,.0f} MB"
    since = [one for one in f.sizes[:-1] if one.at_ms <= now.at_ms - 6 * DAY_MS]
    if not since:
        return _line("disk", title, LineState.DONE if free > 5e9 else LineState.PERSON,
                     f"{figure}; how it grows is not known yet", todo=todo)  # fmt: skip
    grown_a_day = (now.total - since[-1].total) / ((now.at_ms - since[-1].at_ms) / DAY_MS)
    figure += f", {grown_a_day / 1e6:+,.1f} MB a day"
    full = grown_a_day > 0 and free / grown_a_day < FULL_IN_DAYS
    figure += f": full in {free / grown_a_day:.0f} days" if full else ""
    return _line("disk", title, LineState.FAILED if full else LineState.DONE, figure, todo=todo)


def _update(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "The bot runs what the checkout holds", "./coin restart"
    if f.fresh is None or f.checkout is None:
        return None
    state = LineState.DONE if f.fresh.build == f.checkout else LineState.PERSON
    figure = f.checkout if state is LineState.DONE else f"{f.checkout} waits, {f.fresh.build} runs"
    return _line("update", title, state, figure, todo=todo)


def _reboot(f: ChecklistFacts) -> ChecklistLine | None:
    if f.reboot_needed is None:
        return None
    state = LineState.PERSON if f.reboot_needed else LineState.DONE
    figure = "the system's updates wait for a restart of the machine" if f.reboot_needed else "nothing waits"
    return _line("reboot", "The system's updates are in force", state, figure, todo="a restart at a quiet hour")


def _permission(f: ChecklistFacts) -> ChecklistLine | None:
    if not f.live:
        return None
    title, todo = "The live permission lasts", "./coin enable-live"
    if f.permission_ends_ms is None:
        return _line("permission", title, LineState.PERSON, "there is none: no entry is made", todo=todo)
    left_ms = f.permission_ends_ms - f.now_ms
    if left_ms <= 0:
        return _line("permission", title, LineState.PERSON, f"it ended {ago(-left_ms / 1000)} ago", todo=todo)
    state = LineState.PERSON if left_ms < PERMISSION_LEAST_DAYS * DAY_MS else LineState.DONE
    return _line("permission", title, state, f"{ago(left_ms / 1000)} are left", todo=todo)


def _key_age(f: ChecklistFacts) -> ChecklistLine | None:
    if not f.live:
        return None
    title, todo = "The key is not old", "a new key at the exchange, then delete the old one there"
    if f.key_written_ms is None:
        return _line("key_age", title, LineState.UNKNOWN, "its file cannot be looked at", todo="COINBASE_KEY_FILE")
    days = (f.now_ms - f.key_written_ms) / DAY_MS
    state = LineState.PERSON if days > KEY_MOST_DAYS else LineState.DONE
    return _line("key_age", title, state, f"its file is {days:.0f} days old", todo=todo)


def _key_rights(f: ChecklistFacts) -> ChecklistLine | None:
    """The bot asks at its start and every day, and shuts entries where they are not what they must be."""
    if not f.live:
        return None
    title, todo = "The key may view and trade, nothing else", "the key's page at the exchange"
    if f.fresh is None or f.fresh.risk is None:
        return _line("key_rights", title, LineState.UNKNOWN, "no bot runs that asks for them", todo=todo)
    blocked = f.fresh.risk.entries_blocked
    if blocked is None:
        return _line("key_rights", title, LineState.DONE, "as the bot found them at its last look")
    if "the key may" in blocked:
        return _line("key_rights", title, LineState.FAILED, blocked, todo=todo)
    figure = "entries are shut for another reason, which is the one that is shown"
    return _line("key_rights", title, LineState.UNKNOWN, figure, todo=todo)


def _kill_drill(f: ChecklistFacts) -> ChecklistLine | None:
    title, todo = "The kill switch was drilled", "./coin drill"
    if f.kill_drill_ms is None:
        return _line("kill_drill", title, LineState.PERSON, "never, as far as the ledger knows", todo=todo)
    late = f.now_ms - f.kill_drill_ms > DRILL_DAYS * DAY_MS
    state = LineState.PERSON if late else LineState.DONE
    return _line("kill_drill", title, state, "it found its orders and was timed", at_ms=f.kill_drill_ms, todo=todo)


def _packages(f: ChecklistFacts) -> ChecklistLine | None:  # noqa: ARG001  needs the network: a person asks
    figure = "it needs the network, so it is not asked by itself"
    return _line("packages", "No package has a known hole", LineState.PERSON, figure, todo="./coin audit-packages")


WEEKLY: tuple[Check, ...] = (
    _backup, _drill, _continuous, _firing, _acknowledged, _heartbeat, _audit, _starts, _clock, _disk, _update,
    _permission,
)  # fmt: skip
MONTHLY: tuple[Check, ...] = (
    _backup, _drill, _continuous, _acknowledged, _audit, _disk, _update, _reboot, _key_age, _key_rights,
    _permission, _kill_drill,
    _packages,
)  # fmt: skip


def filled_in(facts: ChecklistFacts, checks: Sequence[Check]) -> list[ChecklistLine]:
    """The lines in their order; sinks last, a line each."""
    found = [line for check in checks if (line := check(facts)) is not None]
    return [*found, *_sinks(facts)]


def summary(lines: Sequence[ChecklistLine]) -> str:
    """`9 done, 1 failed (drill), 2 need a person (heartbeat, sink.mail)`."""

    def named(state: LineState) -> str:
        return ", ".join(line.name for line in lines if line.state is state)

    words = [f"{sum(line.state is LineState.DONE for line in lines)} done"]
    for state, word in (
        (LineState.FAILED, "failed"),
        (LineState.PERSON, "for a person"),
        (LineState.UNKNOWN, "not known"),
    ):
        count = sum(line.state is state for line in lines)
        if count:
            words.append(f"{count} {word} ({named(state)})")
    return ", ".join(words)
