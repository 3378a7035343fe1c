"""Rules about the machine, its processes, the backups, and the watcher's own ways out."""

from collections.abc import Iterable

from backups.continuous_record import ContinuousRecord
from shared.bots import DASHBOARD, SIMULATOR
from shared.figures import ago
from shared.pm2 import Effective
from watch.observations import BotObservation, Observations
from watch.rules.rule import RuleFinding, WatchLimits

CPU_PCT, MEMORY_PCT, DISK_PCT, DISK_FULL_PCT = 90.0, 85.0, 80.0, 95.0
NETWORK_S = 60.0
BACKUP_S = 36 * 3600.0
COPY_S, COPY_PROOF_S = 300.0, 24 * 3600.0
DASHBOARD_S = 10.0
PM2_S = 10.0
SINK_FAILURES = 5
HEARTBEAT_FAILURES = 3
LATE_S = 10.0
MACHINE = "machine"


def _share(
    seen: Observations, value: float | None, limit: float, cause: str, title: str, text: str
) -> list[RuleFinding]:
    if value is None:
        return []
    bad = value > limit and not seen.host_is_told
    return [RuleFinding(MACHINE, bad, cause, f"{value:.0f} %", title, text, value / limit)]


def cpu(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    value = seen.host.cpu_pct
    return _share(seen, value, CPU_PCT, "host.cpu", "The processor is busy", f"{value or 0:.0f} % of all cores.")


def memory(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    value = seen.host.memory_pct
    return _share(seen, value, MEMORY_PCT, "host.memory", "Memory runs out", f"{value or 0:.0f} % is in use.")


def _disk(seen: Observations, limit: float, title: str) -> list[RuleFinding]:
    host = seen.host
    left = f"{host.disk_free_mb:,.0f} MB are left" if host.disk_free_mb is not None else "what is left is not known"
    text = f"{host.disk_pct or 0:.0f} % full, {left}. When it is full, no ledger can be written and no order is sent."
    return _share(seen, host.disk_pct, limit, "host.disk", title, text)


def disk(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    return _disk(seen, DISK_PCT, "The disk fills up")


def disk_full(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    return _disk(seen, DISK_FULL_PCT, "The disk is almost full")


def oom_kill(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    count = seen.host.oom_kills
    if count is None:
        return []
    text = f"The kernel ended {count} processes for want of memory since the watcher began: ./coin status, dmesg."
    bad = count > 0 and not seen.host_is_told
    return [RuleFinding(MACHINE, bad, "host.memory", str(count), "A process was ended: out of memory", text)]


def network(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    """Only where a bot needs it: COIN-SIM is on this machine."""
    needed = any(bot.mode in ("live", "paper") for bot in seen.bots)
    still_s = seen.host.network_still_s
    if still_s is None or not needed:
        return []
    text = f"Not a byte came from another machine for {ago(still_s)}."
    return [RuleFinding(MACHINE, still_s > NETWORK_S, "host.network", ago(still_s), "No network", text,
                        still_s / NETWORK_S)]  # fmt: skip


def backup_old(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """Play money needs no backup unless somebody made one."""
    if bot.ledger_age_s is None or (bot.backup_age_s is None and bot.mode != "live"):
        return None
    age_s = bot.ledger_age_s if bot.backup_age_s is None else min(bot.backup_age_s, bot.ledger_age_s)
    what = "There is no backup" if bot.backup_age_s is None else f"The newest backup is {ago(bot.backup_age_s)} old"
    return RuleFinding(bot.name, age_s > BACKUP_S, f"backup.{bot.name}", ago(age_s), f"{bot.name}: {what[:1].lower()}"
                       f"{what[1:]}", f"{what}: ./coin backup makes one.", age_s / BACKUP_S)  # fmt: skip


def backup_failed(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    record = seen.own.backups
    if record.tried_ms is None:
        return []
    text = f"{record.problem}. It is tried again every hour; ./coin backup shows the reason."
    return [RuleFinding("backup", record.problem is not None, "backup.main", "failed" if record.problem else "made",
                        "The last backup failed", text)]  # fmt: skip


def drill_failed(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    record = seen.own.backups
    if record.drill_tried_ms is None:
        return []
    text = f"{record.drill_archive or 'The newest backup'} cannot be restored: {record.drill_problem}."
    value = "failed" if record.drill_problem else "restored"
    return [RuleFinding("backup", record.drill_problem is not None, "backup.drill", value,
                        "A backup cannot be restored", text)]  # fmt: skip


def copy_behind(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    """One cause for all bots: their copies lie at one place."""
    return [_copy(bot, record, seen.now_ms) for bot, record in seen.own.copies.items()]


def _copy(bot: str, record: ContinuousRecord, now_ms: int) -> RuleFinding:
    level_ms = record.followed_ms if record.followed_ms is not None else record.at_ms
    late_s = max(0.0, (now_ms - level_ms) / 1000)
    proven_s = (now_ms - record.proven_ms) / 1000 if record.proven_ms is not None else None
    unproven = proven_s is not None and proven_s > COPY_PROOF_S
    bad = late_s > COPY_S or unproven or record.problem is not None
    text = f"{record.problem}. It is tried again." if record.problem else f"It is {ago(late_s)} behind the ledger."
    if unproven and proven_s is not None:
        text += f" No restore of it has been proven for {ago(proven_s)}."
    title = f"{bot}: the continuous copy of the ledger stopped"
    return RuleFinding(bot, bad, "backup.continuous", ago(late_s), title, text, late_s / COPY_S)


def sentinel_acted(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    notes = {note.bot: note for note in seen.own.sentinel}
    for bot in seen.bots:
        note, cause = notes.get(bot.name), f"sentinel.{bot.name}"
        if note is None:
            yield RuleFinding(bot.name, False, cause, "nothing to do")
        else:
            done = "its entries are cancelled, its lots sold" if note.sold else "its entries are cancelled"
            what = "what is to be done is not done yet" if note.failed else done
            yield RuleFinding(bot.name, True, cause, "acted", f"{bot.name} is gone: {what}", note.text)


def update_waits(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """The checkout was updated, and the bot runs what was there before."""
    if bot.fresh is None or seen.checkout is None:
        return None
    text = f"The checkout holds {seen.checkout}, the bot runs {bot.fresh.build}: ./coin restart runs the new one."
    return RuleFinding(bot.name, bot.fresh.build != seen.checkout, "update.checkout", bot.fresh.build,
                       "An update waits for a restart", text)  # fmt: skip


def dashboard_gone(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    look = seen.dashboard
    if look is None or look.silent_s is None:
        return []
    stopped = seen.pm2.find(DASHBOARD) if seen.pm2 is not None else None
    if stopped is not None and stopped.effective is Effective.STOPPED and stopped.exit_code == 0:
        return []  # a person ended it
    if stopped is None and seen.pm2 is not None and seen.pm2.error is None:
        return []  # nobody wants one: PM2 does not know it
    text = f"COIN has not answered for {ago(look.silent_s)} ({look.error or 'no answer'}). The bots trade on."
    return [RuleFinding(DASHBOARD, look.silent_s > DASHBOARD_S, "process.dashboard", ago(look.silent_s),
                        "The dashboard is gone", text, look.silent_s / DASHBOARD_S)]  # fmt: skip


def pm2_gone(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:
    if seen.pm2 is None or not limits.supervised:
        return []
    bad_s = seen.pm2.bad_s or 0.0
    text = f"{seen.pm2.error or 'It does not answer'}. What ends now is not started again."
    return [RuleFinding("PM2", bad_s > PM2_S, "process.pm2", ago(bad_s) if bad_s else "answers", "PM2 is gone", text,
                        bad_s / PM2_S)]  # fmt: skip


def simulator_down(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    process = seen.pm2.find(SIMULATOR) if seen.pm2 is not None else None
    modes = [bot.mode for bot in seen.bots if bot.mode is not None]
    if process is None or not modes or modes[0] == "live":
        return []
    bad = process.effective in (Effective.ERRORED, Effective.STOPPED, Effective.DEAD)
    return [RuleFinding(SIMULATOR, bad, f"exchange.{modes[0]}", process.label, "COIN-SIM does not run",
                        f"PM2 says {process.label}: ./coin sim start, ./coin logs sim.")]  # fmt: skip


def sink_failing(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    return [
        RuleFinding(name, failures >= SINK_FAILURES, "watch.sinks", f"{failures} tries",
                    f"Alerts do not reach {name}", f"{failures} tries failed: {answer}. They wait and are tried again.",
                    failures / SINK_FAILURES)
        for name, failures, answer in seen.own.sinks
    ]  # fmt: skip


def heartbeat(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    count = seen.own.heartbeat_failures
    text = (
        f"HEARTBEAT_URL failed {count} times: {seen.own.heartbeat_answer or 'no answer'}. The service behind it will "
        "say that this machine is gone."
    )
    return [RuleFinding("heartbeat", count >= HEARTBEAT_FAILURES, "watch.heartbeat", f"{count} failures",
                        "The heartbeat does not get out", text, count / HEARTBEAT_FAILURES)]  # fmt: skip


def watcher_late(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    late_s = seen.own.late_s
    text = f"COIN-WATCH did not look for {ago(late_s)}: the machine slept, or is overloaded."
    return [RuleFinding("COIN-WATCH", late_s > LATE_S, "watch.self", ago(late_s), "The watcher was held up", text,
                        late_s / LATE_S)]  # fmt: skip


def store(seen: Observations, limits: WatchLimits) -> Iterable[RuleFinding]:  # noqa: ARG001
    error = seen.own.store_error
    text = f"{error}. Alerts are told, and what waits is forgotten when COIN-WATCH ends."
    return [RuleFinding("COIN-WATCH", error is not None, "watch.self", error or "kept", "Alerts cannot be kept", text)]
