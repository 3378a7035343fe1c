"""The one note above the content: what needs a person now, with at most one action."""

from dataclasses import dataclass, field

from dashboard.views import account, commands
from dashboard.views import format as f
from dashboard.views.header import Chip, liveness_chips, source_chips
from dashboard.views.snapshot import Snapshot
from shared.documents import FOLDER_NOT_OWN, SECOND_WRITER, BotState, KillDoc, PositionDoc, Status, alert_of
from shared.presence import Presence
from shared.unwatched import Unwatched, unwatched
from shared.verdict import PartState, Verdict


@dataclass(frozen=True, slots=True)
class Banner:
    state: str  # bad, warn, info
    icon: str
    heading: str
    text: str
    strong: str = ""  # said after the text, in bold
    rest: str = ""
    grows: str = ""  # the heading goes on with an age that counts: of the file, or of the trouble
    tail: str = ""  # what the heading says after it
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


def _as_of(s: Snapshot) -> str:
    return f"What you see is from {f.clock(s.lost_at, s.now)}." if s.lost_at else ""


def _foreign(s: Snapshot) -> Banner:
    return Banner(
        "bad",
        "unk",
        "The bot is of another version: this page only reads",
        f"Its state file says version {f.clean(s.foreign_version or '?')}, which this dashboard does not know. Nothing "
        "in it is guessed. Commands are switched off, except Kill.",
        rest=" Restart both from one checkout: ./coin start.",
        chips=liveness_chips(s),
    )


def _unreadable(s: Snapshot) -> Banner:
    rest = " The last good values stay, without colour." if s.state else ""
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
        "The bot has written nothing for",
        f"{_as_of(s)} Colour is taken out until it is fresh again. Kill, Pause and Stop still work: they are written "
        "to disk and hold when the bot reads again.",
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
        but = f" but {f.plural(left.takes, 'resting take profit')}" if left is not None and left.takes else ""
        worth = _worth(s.state.positions if s.state else None)
        held = f"{worth} {'is' if lots == 1 else 'are'} held, and nothing protects them{but}."
    why = "It was stopped by a signal. " if s.liveness.pid_stopped else ""
    by_hand = f"PM2 does not manage it: end process {s.liveness.pid} by hand, then ./coin start."
    way = "Restart stops it (by force after 8 s) and starts it again." if known else by_hand
    return Banner(
        "bad",
        "warns",
        "The bot is hung: it has written nothing for",
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
    tail = "" if left is None or not left.lots else f": {_worth_bare(left)}, not monitored"
    if left is None:
        said = ["Its positions were not known yet."]
    elif not left.lots:
        said = ["No lot is open."]
    else:
        rest = f.sentence(left.resting())
        said = [f"{rest} and can still fill there." if left.takes else f"{rest}."]
        if left.stops:
            stream = s.verdict.worst("stream")
            prices = stream is not None and stream.state is PartState.OK
            seen, unseen = "sure to be sent until the exchange answers", "checked until a price arrives"
            said.append(
                f"Stops of {f.listed(list(left.stops))} are managed by the bot: none is {seen if prices else unseen}."
            )
    said.append("Entries are blocked. The bot reconnects by itself; look into it if this lasts more than two minutes.")
    if state.kill is not None:
        said.append("The bot is killed: remaining orders are cancelled as soon as the exchange answers.")
    return Banner("bad", "blind", "Blind for", " ".join(said), grows="trouble", tail=tail, chips=source_chips(s))


def _worth_bare(left: Unwatched) -> str:
    return f.plural(left.lots, "lot") + ("" if left.value_usd is None else f", {f.money(left.value_usd)} USD")


def _of_second_writer(s: Snapshot, state: BotState) -> Banner | None:
    """Another bot trades under this name on this account: which order showed it, and what ends it."""
    part = s.verdict.worst("writer")
    if part is None or alert_of(state, SECOND_WRITER) is None or state.kill is not None:
        return None
    left = unwatched(state)
    held = "" if left is None or not left.lots else " Exits of the open lots go on."
    return Banner(
        "bad",
        "bads",
        "A second bot trades under this name: no entry until you press Start",
        f"{f.sentence(f.clean(part.text))}. Stop the other bot, or give one of the two another BOT_NAME; then press "
        f"Start.{held}",
        chips=source_chips(s),
    )


def _unwatched_lots(state: BotState) -> str:
    """A sentence on the lots that nobody watches, with a space before it; "" = none are held, or it is not known."""
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
        "Ledger gone: the bot receives data but sends nothing",
        f"{f.sentence(f.clean(s.verdict.reason))}.{_unwatched_lots(state)} Cancels and Kill still work.",
        chips=source_chips(s),
    )


def _offline(s: Snapshot) -> Banner:
    startable = "start" if s.pm2.find(s.bot.process) else ""
    if s.state is None:
        heading = "No bot has written here" if s.missing else "The bot does not write"
        way = f"Start it here.{commands.starts_under(s)}" if startable else "Start it on the machine: ./coin start."
        return Banner(
            "bad", "off", heading, f"There is no state to show. {way}", action=startable, chips=liveness_chips(s)
        )
    if s.state.status is Status.ERROR:
        return _error(s, s.state, startable, liveness_chips(s))
    lots, _ = _held(s.state.positions)
    resting = sum(1 for p in s.state.positions or [] for lot in p.lots if lot.exit_state == "resting")
    strong = ""
    if s.state.positions is None:
        text = "Its positions were not known yet."
    elif lots:
        guard = f" but {f.plural(resting, 'resting take profit')}" if resting else ""
        text = f"{_worth(s.state.positions)} {'is' if lots == 1 else 'are'} held and "
        strong = f"nothing protects them{guard}."
    else:
        text = "It held no lots."
    rest = f" {_as_of(s)} The ledger keeps every order; the next start reconciles before it trades."
    rest += commands.starts_under(s) if startable else " PM2 does not know the bot: ./coin start."
    heading = "The state file is gone" if s.missing and s.liveness.pid_alive else "The bot is not running"
    return Banner("bad", "bads", heading, text, strong, rest, action=startable, chips=liveness_chips(s))


def _error(s: Snapshot, state: BotState, startable: str, seen: list[Chip]) -> Banner:
    return Banner(
        "bad",
        "bads",
        f.clean(state.error or "The bot stopped with an error"),
        "PM2 does not try again on its own: somebody has to fix the cause first. ./coin doctor says "
        f"what is wrong; then press Start.{commands.starts_under(s) if startable else ''}",
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
        "The data folder is not adopted: nothing is sent, exits included",
        f"{f.clean(found.text)}. Another bot may trade the same lots. Stop that one for good, then adopt this folder: "
        "./coin stop, ./coin adopt-folder, ./coin start. Entries need ./coin enable-live after it.",
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
            "Safe mode: it only cancels",
            "The bot did not end cleanly several times in ten minutes, so it opens nothing and judges no exit. Look "
            "at the log for the cause; Start leaves safe mode.",
        )
    if not state.io.ledger_ok:  # before the bot has a verdict of its own
        why = f.clean(state.io.ledger_error or "unknown reason")
        return Banner("bad", "bads", "The ledger cannot be written", f"{why}. Nothing new is opened until it can.")
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
        "The account differs: no entry until it is adopted",
        f"Since {f.clock(since, s.now)} it holds " if since is not None else "It holds ",
        f.listed([one.said for one in found]),
        " than the bot's own trades explain. Exits go on. After a look at the cause, Adopt books exactly this as a "
        "transfer and lets entries go on.",
        action="adopt",
    )


def _of_status(s: Snapshot, state: BotState) -> Banner | None:
    if state.status is Status.STOPPED and _held(state.positions)[0]:
        return Banner(
            "info",
            "info",
            "Stopped",
            f"Open: {_worth(state.positions)}. No exit is judged; resting take profits stay at the exchange.",
        )
    if s.clock_skew_s is not None:
        return Banner(
            "warn",
            "warns",
            f"The bot's clock differs from this machine's by {f.duration(abs(s.clock_skew_s))}",
            "Ages are counted by our own clock and hold. Set the clocks right: ./coin doctor.",
        )
    return None


def _killed(s: Snapshot, state: BotState, kill: KillDoc) -> Banner:
    at = f.clock(f.of_ms(kill.at_ms), s.now)
    gate = f"Gate shut in {f.milliseconds(kill.gate_shut_ms)}."
    if kill.orders_found is None:
        cancelled = "Own orders are being cancelled."
    elif kill.cleared_ms is None:
        done = kill.orders_cancelled or 0
        cancelled = f"{done} of {f.plural(kill.orders_found, 'order')} cancelled so far."
    else:
        found = f.plural(kill.orders_found, "order")
        cancelled = f"{found} cancelled, none left, asked twice: {f.milliseconds(kill.cleared_ms)}."
    lots, _ = _held(state.positions)
    strong = f"{_worth(state.positions)} stay{'s' if lots == 1 else ''} open and no exit protects them." if lots else ""
    if kill.flat:
        strong = "The exchange shows it flat."
    note_text = f" {f.clean(kill.note)}" if kill.note else ""
    return Banner(
        "bad",
        "lock",
        f"Killed at {at} by {_killer(state, kill)}",
        f"{gate} {cancelled} ",
        strong,
        f" The latch holds through crash and reboot.{note_text}",
        action="flatten" if lots else "",
    )


def _killer(state: BotState, kill: KillDoc) -> str:
    """Who pressed: a command of the same moment is told by name, although its KILL file was read first."""
    near = [r for r in state.receipts if r.cmd == "kill" and abs(r.seen_ms - kill.at_ms) < 2000]
    return f.clean(near[0].by if near else kill.source)


def _of_files(s: Snapshot, state: BotState) -> Banner | None:
    if state.error:
        return Banner("warn", "warns", "The bot reports trouble", f.clean(state.error))
    if state.io.write_errors:
        last = f.clean(state.io.last_error or "unknown reason")
        return Banner("warn", "warns", f"{f.plural(state.io.write_errors, 'write')} failed", f"The last one: {last}.")
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
        text = where if s.mode == "sim" and s.lively else "The first buy with every gate open makes a runner."
        return (
            Banner("info", "info", "No lot yet", text)
            if not (state.account and state.account.day_lots_opened)
            else None
        )
    return None
