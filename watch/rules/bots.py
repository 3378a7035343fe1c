"""Rules about a bot's process and about what it says of itself."""

from shared.documents.events import MODEL_UNUSABLE, STRATEGY_SILENT
from shared.documents.state import BotState, alert_of
from shared.documents.status import Status
from shared.figures import ago
from shared.pm2 import Effective
from shared.times import epoch_ms, parse_time
from shared.unwatched import unwatched
from shared.verdict import Verdict
from watch.observations import BotObservation, Observations
from watch.rules.rule import RuleFinding, WatchLimits

DEAD_S = 1.0
SILENT_S = 5.0
FULL_MB = 0.1  # free, of the data folder's disk: nothing of a document's size can be written
BOOT_S = 120.0
RESTARTS, RESTARTS_WITHIN_S = 3, 900.0
BARS_WITHOUT_DECISION = 3
FILE_STILL_S = 900.0


def process_cause(bot: BotObservation) -> str:
    return f"process.{bot.name}"


def left_alone(state: BotState | None, bad: bool) -> str:
    """What nobody watches now, as a sentence; empty where nothing is open, it is not known, or nothing is `bad`."""
    left = unwatched(state) if bad else None
    return f" {left.sentence()[:1].upper()}{left.sentence()[1:]}." if left is not None and left.lots else ""


def dead(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """Its process is gone, and nobody ended it; until the next run trades."""
    if bot.state is None:
        return None
    if bot.dead_s is not None and bot.dead_s > DEAD_S:
        state = "PM2 will not restart it" if _given_up(bot) else "PM2 restarts it"
        text = f"Its process is gone since {ago(bot.dead_s)}; {state if bot.pm2 is not None else 'nobody restarts it'}."
        title, value = f"{bot.name} is dead", ago(bot.dead_s)
    elif bot.recovering:
        status, phase = bot.state.status.value, bot.state.phase.value
        text = f"Its process was gone without an orderly end; the next run is {status}, phase {phase}."
        title, value = f"{bot.name} died and restarts", phase
    elif bot.alive is False and not bot.ended_in_order:
        return None
    else:
        return RuleFinding(bot.name, False, process_cause(bot), "lives", share=0.0)
    return RuleFinding(bot.name, True, process_cause(bot), value, title, text + left_alone(bot.state, True), 1.0)


def _given_up(bot: BotObservation) -> bool:
    return bot.pm2 is not None and bot.pm2.effective in (Effective.STOPPED, Effective.ERRORED)


def silent(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """It lives and writes nothing: STALE, later HUNG."""
    if bot.state is None or bot.age_s is None or bot.alive is False:
        return None
    bad = bot.age_s > SILENT_S
    full = seen.host.disk_free_mb is not None and seen.host.disk_free_mb < FULL_MB
    why = " The disk of its folder is full: make room, df -h." if full else ""
    text = f"Its process lives and has written nothing for {ago(bot.age_s)}.{why}{left_alone(bot.state, bad)}"
    share = min(bot.age_s / SILENT_S, 1.0) if not bad else 1.0
    return RuleFinding(bot.name, bad, process_cause(bot), ago(bot.age_s), f"{bot.name} is silent", text, share)


def unreadable(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    bad = bot.judged.word is Verdict.UNREADABLE
    text = f"bot_state.json cannot be read: {bot.judged.reason}. Nothing else can be told of this bot."
    return RuleFinding(bot.name, bad, process_cause(bot), "unreadable" if bad else "readable",
                       f"{bot.name}: state file unreadable", text)  # fmt: skip


def restart_loop(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    since_ms = seen.now_ms - RESTARTS_WITHIN_S * 1000
    count = sum(at_ms >= since_ms for at_ms in bot.facts.restarts_ms)
    text = f"It ended {count} times without an orderly end within 15 minutes, and was started again each time."
    return RuleFinding(bot.name, count > RESTARTS, f"restarts.{bot.name}", f"{count} in 15 min",
                       f"{bot.name} restarts again and again", text, count / (RESTARTS + 1))  # fmt: skip


def ended(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """It ended with a code that PM2 leaves stopped: 75 (lock held), 78 (settings, key, clock, folder), or ERROR."""
    code = bot.pm2.exit_code if bot.pm2 is not None and bot.pm2.effective is Effective.STOPPED else None
    failed = bot.state is not None and bot.state.status is Status.ERROR
    bad = code in (75, 78) or failed
    why = bot.state.error if bot.state is not None and bot.state.error else "its log says why"
    meaning = {75: "another instance holds the data folder", 78: "a setting, the key or the clock is wrong"}
    what = f"with code {code} ({meaning[code]})" if code in meaning else "in ERROR"
    text = f"It ended {what}: {why}. It is not restarted.{left_alone(bot.state, bad)}"
    return RuleFinding(bot.name, bad, process_cause(bot), str(code) if code in meaning else "ERROR" if bad else "no",
                       f"{bot.name} ended and stays down", text)  # fmt: skip


def safe(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    state = bot.fresh
    if state is None:
        return None
    bad = state.status is Status.SAFE
    text = f"It ended badly too often and starts in SAFE: no strategy runs, no entry is made.{left_alone(state, bad)}"
    return RuleFinding(bot.name, bad, f"safe.{bot.name}", state.status.value, f"{bot.name} is in SAFE", text)


def killed(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    kill = bot.state.kill if bot.state is not None else None
    bad = bot.kill_file or kill is not None
    who = f"By {kill.source}. " if kill is not None else "The file KILL is there. "
    orders = ""
    if kill is not None and kill.orders_found is not None:
        orders = f"{kill.orders_cancelled or 0} of {kill.orders_found} orders cancelled. "
    text = f"{who}{orders}Nothing is sent until the kill is reset.{left_alone(bot.state, bad)}"
    return RuleFinding(bot.name, bad, f"kill.{bot.name}", "killed" if bad else "no", f"{bot.name} was killed", text)


def may_not_send(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """It lost its lock, its folder is a copy, or another bot writes under its name."""
    if bot.fresh is None:
        return None
    alerts = [a for a in bot.fresh.alerts if a.code in ("folder_not_own", "second_writer")]
    bad = bot.judged.word in (Verdict.LOCKED_OUT, Verdict.SECOND_WRITER) or bool(alerts)
    text = "; ".join(a.text for a in alerts) or bot.judged.reason
    return RuleFinding(bot.name, bad, f"lock.{bot.name}", bot.judged.word.shown if bad else "no",
                       f"{bot.name} may not send orders", f"{text}.{left_alone(bot.state, bad)}")  # fmt: skip


def latched(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """Something keeps entries shut. What has a rule of its own is the same cause as that one."""
    state = bot.fresh
    if state is None or state.risk is None:
        return None
    reason = state.risk.entries_blocked
    text = f"No entry is made: {reason}. Exits go on."
    return RuleFinding(bot.name, reason is not None, f"{_latch_cause(reason or '')}.{bot.name}", reason or "open",
                       f"{bot.name}: entries are shut", text)  # fmt: skip


# How a reason begins, and the cause of the rule that tells of it.
_LATCH_CAUSES = (("day loss", "loss"), ("drawdown", "loss"), ("the key ", "key"), ("audit", "account"))


def _latch_cause(reason: str) -> str:
    return next((cause for begin, cause in _LATCH_CAUSES if reason.startswith(begin)), "entries")


def strategy_silent(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None:
        return None
    alert = alert_of(bot.fresh, STRATEGY_SILENT)
    return RuleFinding(bot.name, alert is not None, f"strategy.{bot.name}", "silent" if alert else "answers",
                       f"{bot.name}: the strategy does not answer", alert.text if alert else "")  # fmt: skip


def model_unusable(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None:
        return None
    alert = alert_of(bot.fresh, MODEL_UNUSABLE)
    return RuleFinding(bot.name, alert is not None, f"strategy.{bot.name}", "silent" if alert else "speaks",
                       f"{bot.name}: the trained model says nothing", alert.text if alert else "")  # fmt: skip


def slow_boot(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    state = bot.fresh
    if state is None:
        return None
    if state.status is not Status.STARTING:
        return RuleFinding(bot.name, False, process_cause(bot), state.status.value, share=0.0)
    took_s = max(0.0, (seen.now_ms - epoch_ms(parse_time(state.started_at))) / 1000)
    notes = "; ".join(step.note for step in state.boot if step.note and step.state == "current")
    text = f"It has been starting for {ago(took_s)}, phase {state.phase.value}{f': {notes}' if notes else ''}."
    bad = took_s > BOOT_S
    return RuleFinding(bot.name, bad, process_cause(bot), ago(took_s), f"{bot.name} does not get to trade",
                       text + left_alone(state, bad), took_s / BOOT_S)  # fmt: skip


def no_decision(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:
    """Bars close, and the strategy decides on none of them."""
    state = bot.fresh
    if state is None or state.status is not Status.RUNNING or state.strategy is None:
        return None
    decided = [parse_time(s.bar_at) for s in state.strategy.signals if s.bar_at is not None]
    if not decided:
        return None
    ended_ms = epoch_ms(min(decided)) + limits.bar_s * 1000
    missed = max(0.0, (seen.now_ms - ended_ms) / 1000 / limits.bar_s - 1)
    bad = missed > BARS_WITHOUT_DECISION
    text = f"The last bar that was decided on closed {ago(max(0.0, (seen.now_ms - ended_ms) / 1000))} ago."
    return RuleFinding(bot.name, bad, f"strategy.{bot.name}", f"{missed:.0f} bars", f"{bot.name} decides nothing",
                       text, missed / BARS_WITHOUT_DECISION)  # fmt: skip


def files_still(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """It says that it trades, and neither its ledger nor its market records grow: equity alone is a row a minute."""
    state = bot.fresh
    if state is None or state.status is not Status.RUNNING or bot.records_still_s is None:
        return None
    still_s = bot.records_still_s
    text = f"It trades, and neither its ledger nor its market records have changed for {ago(still_s)}."
    return RuleFinding(bot.name, still_s > FILE_STILL_S, f"ledger.{bot.name}", ago(still_s),
                       f"{bot.name}: its records do not grow", text, still_s / FILE_STILL_S)  # fmt: skip


def control_damaged(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None:
        return None
    control = bot.fresh.control
    text = f"{control.error}. Commands do not reach it."
    return RuleFinding(bot.name, not control.ok, f"control.{bot.name}", "damaged" if not control.ok else "whole",
                       f"{bot.name}: control.json cannot be read", text)  # fmt: skip
