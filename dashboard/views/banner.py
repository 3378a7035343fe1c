"""The banner above the content: what needs a person now, with at most one action."""

from dataclasses import dataclass, field

from dashboard.views import account, commands, positions
from dashboard.views import format as f
from dashboard.views.header import Chip, liveness_chips, source_chips
from dashboard.views.snapshot import Snapshot
from shared.documents.account import PositionDoc
from shared.documents.control import KillDoc
from shared.documents.events import FOLDER_NOT_OWN, SECOND_WRITER
from shared.documents.state import BotState, alert_of
from shared.documents.status import Status
from shared.presence import Presence
from shared.unwatched import Unwatched, unwatched
from shared.verdict import PartState, Verdict


@dataclass(frozen=True, slots=True)
class Banner:
    state: str  # bad, warn, info
    icon: str
    heading: str
    text: str
    strong: str = ""  # after the text, in bold
    rest: str = ""
    grows: str = ""  # the heading ends with a running age: of the file, or of the condition ("trouble")
    tail: str = ""  # of the heading, after the age
    action: str = ""  # flatten, start, restart, adopt
    chips: list[Chip] = field(default_factory=list)


def most_urgent(s: Snapshot) -> Banner | None:
    """The most urgent one; None = nothing needs a person."""
    if s.foreign_version is not None:
        return _foreign(s)
    if s.presence is Presence.UNREADABLE:
        return _unreadable(s)
    if s.verdict.word is Verdict.HUNG:
        return _hung(s)
    if s.verdict.word is Verdict.STALE:
        return _stale(s)
    if s.presence is Presence.OFFLINE:
        return _offline(s)
    if s.state is None or not s.fresh:
        return None
    if s.verdict.word is Verdict.LOCKED_OUT:
        return _locked_out(s, s.state)
    if s.verdict.word is Verdict.LEDGER_GONE:
        return _ledger_gone(s, s.state)
    if s.verdict.word is Verdict.BLIND:
        return _blind(s, s.state)
    return (
        _of_folder(s.state)
        or _of_second_writer(s, s.state)
        or _of_latches(s, s.state)
        or _of_account(s, s.state)
        or _of_status(s, s.state)
        or _of_watcher(s)
        or _of_files(s, s.state)
    )


def _held(positions: list[PositionDoc] | None) -> tuple[int, float | None]:
    """(lots, their value); the value is None where a mark is missing."""
    lots = [lot for p in positions or [] for lot in p.lots]
    values = [lot.value_usd for lot in lots]
    known = [v for v in values if v is not None]
    return len(lots), sum(known) if len(known) == len(values) else None


def _worth(positions: list[PositionDoc] | None) -> str:
    lots, value = _held(positions)
    return f"{f.plural(lots, 'lot')}{f' worth {f.money(value)} USD' if value is not None else ''}"


def _open_lots(s: Snapshot) -> str:
    return f"Open: {_worth(s.state.positions if s.state else None)}."


def _unprotected(resting: int) -> str:
    if not resting:
        return "No exit is active."
    return f"No stop loss is active; only {f.plural(resting, 'resting take-profit order')} can fill."


def _as_of(s: Snapshot) -> str:
    return f"Values shown are from {f.clock(s.lost_at, s.now)}." if s.lost_at else ""


def _foreign(s: Snapshot) -> Banner:
    return Banner(
        "bad",
        "unk",
        "Bot and dashboard versions differ: read-only",
        f"The state file has version {f.clean(s.foreign_version or '?')}, which this dashboard does not know, so none "
        "of it is shown. All commands except Kill are disabled.",
        rest=" Restart both from one checkout: ./coin start.",
        chips=liveness_chips(s),
    )


def _unreadable(s: Snapshot) -> Banner:
    rest = " The last valid values are shown greyed out." if s.state else ""
    return Banner(
        "warn",
        "unk",
        "The state file cannot be read",
        f"bot_state.json: {f.clean(s.error or 'unknown reason')}. {_as_of(s)}{rest}",
        chips=liveness_chips(s),
    )


def _stale(s: Snapshot) -> Banner:
    return Banner(
        "warn",
        "warns",
        "No update from the bot for",
        f"{_as_of(s)} Values are greyed out until the bot writes again. Kill, Pause and Stop still work: they are "
        "written to disk and take effect as soon as the bot reads them.",
        grows="file",
        chips=liveness_chips(s),
    )


def _hung(s: Snapshot) -> Banner:
    """The process is there and does nothing. A start would find its lock held, so it is restarted."""
    known = s.pm2.find(s.bot.process) is not None
    lots = s.lot_count or 0
    held = ""
    if lots:
        left = unwatched(s.state)
        held = f"{_open_lots(s)} {_unprotected(left.takes if left is not None else 0)}"
    why = "It is suspended by a signal. " if s.liveness.pid_stopped else ""
    manually = f"PM2 does not manage it: stop process {s.liveness.pid} manually, then ./coin start."
    way = "Restart stops it (by force after 8 s) and starts it again." if known else manually
    return Banner(
        "bad",
        "warns",
        "The bot is hung: no update for",
        f"{why}Its process is alive and holds the lock, so no second bot can start. ",
        held,
        f" {way}{commands.starts_under(s) if known else ''}",
        grows="file",
        action="restart" if known else "",
        chips=liveness_chips(s),
    )


def _blind(s: Snapshot, state: BotState) -> Banner:
    """What is unwatched, what can still happen at the exchange, and how old each source is."""
    left = unwatched(state)
    tail = "" if left is None or not left.lots else f"; {_worth_bare(left)}, not monitored"
    if left is None:
        said = ["Its positions are not known."]
    elif not left.lots:
        said = ["No lot is open."]
    else:
        rest = f.sentence(left.resting())
        said = [f"{rest} and can still fill." if left.takes else f"{rest}."]
        if left.stops:
            stream = s.verdict.worst("stream")
            prices = stream is not None and stream.state is PartState.OK
            seen, unseen = "guaranteed to be sent until the exchange responds", "evaluated until a price arrives"
            said.append(
                f"Stop losses of {f.listed(list(left.stops))} are managed by the bot: none is "
                f"{seen if prices else unseen}."
            )
    said.append(
        "Entries are blocked. The bot reconnects automatically; investigate if this lasts more than two minutes."
    )
    if state.kill is not None:
        said.append("The bot is killed: remaining orders are cancelled as soon as the exchange responds.")
    return Banner(
        "bad",
        "blind",
        "Blind: no data from the exchange for",
        " ".join(said),
        grows="trouble",
        tail=tail,
        chips=source_chips(s),
    )


def _worth_bare(left: Unwatched) -> str:
    return f.plural(left.lots, "lot") + ("" if left.value_usd is None else f", {f.money(left.value_usd)} USD")


def _of_second_writer(s: Snapshot, state: BotState) -> Banner | None:
    """Another bot trades under this name on this account: which order showed it, and what ends it."""
    part = s.verdict.worst("writer")
    if part is None or alert_of(state, SECOND_WRITER) is None or state.kill is not None:
        return None
    left = unwatched(state)
    held = "" if left is None or not left.lots else " Exits of open lots continue."
    return Banner(
        "bad",
        "bads",
        "Another bot trades under this name: entries are blocked until you press Start",
        f"{f.sentence(f.clean(part.text))}. Stop the other bot, or give one of the two another BOT_NAME; then press "
        f"Start.{held}",
        chips=source_chips(s),
    )


def _unwatched_lots(state: BotState) -> str:
    """A sentence on open lots that are not monitored, with a space before it; "" = there are none, or it is unknown."""
    left = unwatched(state)
    return "" if left is None or not left.lots else f" {f.sentence(left.sentence())}."


def _locked_out(s: Snapshot, state: BotState) -> Banner:
    return Banner(
        "bad",
        "lockout",
        "Locked out: the bot receives data but cannot send orders",
        f"{f.sentence(f.clean(state.error or s.verdict.reason))}. Another bot may hold the lock and trade these lots, "
        f"so this one does not buy, sell or cancel.{_unwatched_lots(state)} Find out what took the lock, then restart.",
        action="restart" if s.pm2.find(s.bot.process) else "",
        chips=source_chips(s),
    )


def _ledger_gone(s: Snapshot, state: BotState) -> Banner:
    """Without a record nothing is sent: an order that no ledger knows would be made a second time."""
    return Banner(
        "bad",
        "bads",
        "Ledger gone: the bot receives data but sends no orders",
        f"{f.sentence(f.clean(s.verdict.reason))}.{_unwatched_lots(state)} Cancels and Kill still work.",
        chips=source_chips(s),
    )


def _offline(s: Snapshot) -> Banner:
    startable = "start" if s.pm2.find(s.bot.process) else ""
    if s.state is None:
        heading = "No bot has run in this data folder" if s.missing else "The bot is not writing its state file"
        way = f"Start it here.{commands.starts_under(s)}" if startable else "Start it on the machine: ./coin start."
        return Banner("bad", "off", heading, f"No state to show. {way}", action=startable, chips=liveness_chips(s))
    if s.state.status is Status.ERROR:
        return _error(s, s.state, startable, liveness_chips(s))
    lots, _ = _held(s.state.positions)
    resting = sum(1 for p in s.state.positions or [] for lot in p.lots if lot.exit_state == "resting")
    strong = ""
    if s.state.positions is None:
        text = "Its positions are not known."
    elif lots:
        text = f"{_open_lots(s)} "
        strong = _unprotected(resting)
    else:
        text = "It held no lots."
    rest = f" {_as_of(s)} Every order is in the ledger; the next start reconciles before trading."
    rest += commands.starts_under(s) if startable else " The bot is not registered in PM2: ./coin start."
    heading = "The state file is missing" if s.missing and s.liveness.pid_alive else "The bot is not running"
    return Banner("bad", "bads", heading, text, strong, rest, action=startable, chips=liveness_chips(s))


def _error(s: Snapshot, state: BotState, startable: str, seen: list[Chip]) -> Banner:
    return Banner(
        "bad",
        "bads",
        f.clean(state.error or "The bot stopped with an error"),
        "PM2 does not restart it automatically: fix the cause first (./coin doctor shows it), then press "
        f"Start.{commands.starts_under(s) if startable else ''}",
        action=startable,
        chips=seen,
    )


def _of_folder(state: BotState) -> Banner | None:
    """A copied or restored live folder: first of all, since nothing else that the page shows is acted upon."""
    found = alert_of(state, FOLDER_NOT_OWN)
    if found is None:
        return None
    return Banner(
        "bad",
        "bads",
        "The data folder is not adopted: no orders are sent, exits included",
        f"{f.clean(found.text)}. Another bot may trade the same lots. Stop that one permanently, then adopt this "
        "folder: ./coin stop, ./coin adopt-folder, ./coin start. Entries need ./coin enable-live after it.",
    )


def _of_latches(s: Snapshot, state: BotState) -> Banner | None:
    if state.kill is not None:
        return _killed(s, state, state.kill)
    if state.status is Status.ERROR:
        return _error(s, state, "", [])
    if state.status is Status.SAFE:
        return Banner(
            "warn",
            "risk",
            "Safe mode: cancel only",
            "The bot crashed or was killed several times within ten minutes, so it opens no positions and evaluates no "
            "exits. Check the log for the cause; Start leaves safe mode.",
        )
    if not state.io.ledger_ok:  # before the bot has a verdict of its own
        why = f.clean(state.io.ledger_error or "unknown reason")
        return Banner(
            "bad", "bads", "The ledger cannot be written", f"{why}. No new positions are opened until it can."
        )
    return None


def _of_account(s: Snapshot, state: BotState) -> Banner | None:
    """Entries are shut until a person has looked at what the account holds beyond our own trades."""
    found = account.differing(s)
    if not found:
        return None
    since = f.of_text(state.differences_since)
    return Banner(
        "bad",
        "bads",
        "The account differs from the bot's trades: entries are blocked until you adopt it",
        f"Since {f.clock(since, s.now)} it holds " if since is not None else "It holds ",
        f.listed([one.said for one in found]),
        " than the bot's own trades account for. Exits continue. Once the cause is known, Adopt books exactly this as "
        "a transfer and unblocks entries.",
        action="adopt",
    )


def _of_status(s: Snapshot, state: BotState) -> Banner | None:
    if state.status is Status.STOPPED and _held(state.positions)[0]:
        return Banner(
            "info",
            "info",
            "Stopped",
            f"{_open_lots(s)} Exits are not evaluated; resting take-profit orders stay at the exchange.",
        )
    if s.clock_skew_s is not None:
        return Banner(
            "warn",
            "warns",
            f"The bot's clock differs from this machine's by {f.duration(abs(s.clock_skew_s))}",
            "Ages on this page use the dashboard's clock and remain correct. Synchronise the clocks: ./coin doctor.",
        )
    return None


def _killed(s: Snapshot, state: BotState, kill: KillDoc) -> Banner:
    at = f.clock(f.of_ms(kill.at_ms), s.now)
    gate = f"Order gate shut in {f.milliseconds(kill.gate_shut_ms)}."
    if kill.orders_found is None:
        cancelled = "The bot's orders are being cancelled."
    elif kill.cleared_ms is None:
        done = kill.orders_cancelled or 0
        cancelled = f"{done} of {f.plural(kill.orders_found, 'order')} cancelled so far."
    else:
        found = f.plural(kill.orders_found, "order")
        cancelled = f"{found} cancelled, two checks found none left: {f.milliseconds(kill.cleared_ms)}."
    lots, _ = _held(state.positions)
    strong = f"{_worth(state.positions)} stay{'s' if lots == 1 else ''} open, and no exit is active." if lots else ""
    if kill.flat:
        strong = "The exchange confirms it is flat."
    note_text = f" {f.clean(kill.note)}" if kill.note else ""
    return Banner(
        "bad",
        "lock",
        f"Killed at {at} by {_killer(state, kill)}",
        f"{gate} {cancelled} ",
        strong,
        f" The kill survives crashes and reboots.{note_text}",
        action="flatten" if lots else "",
    )


def _killer(state: BotState, kill: KillDoc) -> str:
    """Who pressed: a command of the same moment is told by name, although its KILL file was read first."""
    near = [r for r in state.receipts if r.cmd == "kill" and abs(r.seen_ms - kill.at_ms) < 2000]
    return f.clean(near[0].by if near else kill.source)


def _of_watcher(s: Snapshot) -> Banner | None:
    """Last of what is wrong: the bot trades on, and nobody would tell of its trouble."""
    if not s.watcher.gone:
        return None
    ago = f.duration(s.watcher.age_s) if s.watcher.age_s is not None else "long"
    if s.watcher.disk_full:
        text = f"The disk of the data folder is full, so COIN-WATCH has shown nothing for {ago}; it tells its sinks."
        return Banner("warn", "warns", "The disk is full", text, rest=" Make room: df -h.")
    text = f"COIN-WATCH has not looked for {ago}. The bot trades on, but no alert is sent."
    return Banner("warn", "warns", "Nobody watches", text, rest=" Start it: ./coin start.")


def _of_files(s: Snapshot, state: BotState) -> Banner | None:
    if state.error:
        return Banner("warn", "warns", "The bot reports a problem", f.clean(state.error))
    if state.io.write_errors:
        last = f.clean(state.io.last_error or "unknown reason")
        return Banner("warn", "warns", f"{f.plural(state.io.write_errors, 'write')} failed", f"Last error: {last}.")
    if not state.control.ok:
        why = f.clean(state.control.error or "unknown reason")
        return Banner(
            "warn",
            "warns",
            "control.json is not valid",
            f"{why}. The last valid request stays in force; any command from here repairs the file.",
        )
    if state.positions is not None and not _held(state.positions)[0] and state.status is Status.RUNNING:
        where = "The simulated market is lively: the first entry usually comes within five minutes of the start."
        text = where if s.mode == "sim" and s.lively and not positions.at_weights(s) else positions.first_lot(s)
        return (
            Banner("info", "info", "No lot yet", text)
            if not (state.account and state.account.day_lots_opened)
            else None
        )
    return None
