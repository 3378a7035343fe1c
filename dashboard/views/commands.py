"""The buttons (what is possible now, and why not), the receipts, and the figures of the confirmation dialogs."""

from dataclasses import dataclass

from dashboard.views import format as f
from dashboard.views.orders import own_working
from dashboard.views.snapshot import PendingCommand, Snapshot
from shared.command_table import COMMANDS, Cmd
from shared.control import LEVEL_OF, TradingState, command_of, refusal
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.state import BotState
from shared.documents.status import Status
from shared.presence import Presence
from shared.unwatched import unwatched
from shared.verdict import Verdict

NOT_SEEN_S = 2.0
RECEIPT_SHOWN_S = 600.0  # one that is not over: it stays until it is
DONE_SHOWN_S = 30.0  # one that went well; Risk and Events keep them all
TROUBLE_SHOWN_S = 120.0
# A process that exists but does not recover without a restart.
RESTARTED = frozenset({Verdict.HUNG, Verdict.STALE, Verdict.LOCKED_OUT})
ONCE = frozenset(Cmd) - {Cmd.START, Cmd.PAUSE, Cmd.STOP, Cmd.KILL}


@dataclass(frozen=True, slots=True)
class Button:
    cmd: str
    label: str
    icon: str
    pressed: bool = False
    why: str = ""  # why it is disabled; empty = it is possible


@dataclass(frozen=True, slots=True)
class Buttons:
    start: Button
    pause: Button
    stop: Button
    flatten: Button
    kill: Button
    reset: Button | None  # only while killed
    adopt: Button | None  # only while something differs
    drill: Button


@dataclass(frozen=True, slots=True)
class ReceiptStep:
    state: str
    icon: str
    word: str
    time: str


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    id: str
    heading: str
    by: str
    state: str  # now, done, fail, warn, lost
    steps: list[ReceiptStep]
    say: str
    alert: bool


def requested_level(s: Snapshot) -> TradingState | None:
    """The requested state on disk; None = not known."""
    if s.kill_file:
        return TradingState.KILL
    if s.control is not None:
        return s.control.level
    return TradingState.RUN if s.control_error is None else None


def why_not(s: Snapshot, cmd: Cmd, args: dict[str, str] | None = None, role: str = "operator") -> str:
    """Why `cmd` is not possible now, for a person; empty = it is. Buttons and the API ask the same question."""
    if role != "operator":
        return "Signed in as viewer: read-only."
    if cmd is Cmd.KILL:
        return "Killed, latched on disk. Reset kill ends it." if s.killed and s.fresh else ""
    if s.foreign_version is not None:
        return "Bot and dashboard versions differ: read-only."
    if s.killed and cmd in (Cmd.START, Cmd.PAUSE, Cmd.STOP):
        return "Killed. Reset kill first."
    if cmd is Cmd.START and requested_level(s) is TradingState.KILL and not s.killed:
        return "A kill is requested on disk. It takes effect at the next start; then use Reset kill."
    if cmd in ONCE:
        if not s.fresh or s.state is None:
            return "The bot is not responding."
        return _why_once(s.state, cmd, args)
    status = s.status
    if status is None:
        return ""  # a level holds on disk and is read when the bot reads again
    if status is Status.ERROR:
        return "" if cmd is Cmd.START else "The bot is not running."
    return refusal(cmd, args or {}, status) or ""


def _why_once(state: BotState, cmd: Cmd, args: dict[str, str] | None) -> str:
    if cmd is Cmd.RESET_KILL and state.kill is None:
        return "Not killed."
    if cmd is Cmd.ADOPT and state.differences is None:
        return "No difference: the account matches the bot's own trades."
    said = refusal(cmd, args if args is not None else dict.fromkeys(COMMANDS[cmd].args, "?"), state.status)
    if said:
        return "Available once the bot is trading." if state.status is Status.STARTING else f.words(said) + "."
    if cmd is Cmd.FLATTEN and state.positions is not None and not any(p.lots for p in state.positions):
        return "Nothing to sell: no lots."
    return ""


def buttons(s: Snapshot, role: str) -> Buttons:
    level = requested_level(s)

    def button(cmd: Cmd, label: str, icon: str, now: TradingState | None = None) -> Button:
        pressed = now is not None and level is now and not s.killed
        why = why_not(s, cmd, role=role)
        if pressed and not why and not _repeatable(s, cmd):
            why = _already(s, cmd)
        return Button(cmd, label, icon, pressed, why)

    return Buttons(
        button(Cmd.START, "Start", "play", TradingState.RUN),
        button(Cmd.PAUSE, "Pause", "pause", TradingState.PAUSE),
        button(Cmd.STOP, "Stop", "stop", TradingState.STOP),
        button(Cmd.FLATTEN, "Flatten…", "flat"),
        button(Cmd.KILL, "Kill…", "kill"),
        button(Cmd.RESET_KILL, "Reset kill…", "unlock") if s.killed else None,
        button(Cmd.ADOPT, "Adopt…", "ok") if s.state is not None and s.state.differences is not None else None,
        button(Cmd.DRILL, "Run drill", "play"),
    )


def _repeatable(s: Snapshot, cmd: Cmd) -> bool:
    """Start is offered again where the bot itself is down, or stands in SAFE, which only a new start leaves."""
    return cmd is Cmd.START and (s.presence is Presence.OFFLINE or s.status in (Status.ERROR, Status.SAFE))


def _already(s: Snapshot, cmd: Cmd) -> str:
    if not s.fresh:
        return "Already requested."
    word = {Cmd.START: "running", Cmd.PAUSE: "paused", Cmd.STOP: "stopped"}[cmd]
    return "Starting." if s.status is Status.STARTING and cmd is Cmd.START else f"Already {word}."


def starts_process(s: Snapshot) -> bool:
    """Start must also ask PM2, since there is no process that could read the requested state."""
    return not s.bot_up and s.pm2.find(s.bot.process) is not None


def why_not_process(s: Snapshot, *, restart: bool, role: str = "operator", chosen: bool = False) -> str:
    """Why PM2 is not asked to start (or restart) the bot's process now; empty = it may be.

    `chosen`: a strategy was chosen that only a restart takes up.
    """
    if role != "operator":
        return "Signed in as viewer: read-only."
    if s.pm2.find(s.bot.process) is None:
        return f"PM2 does not know {s.bot.process}. On the machine: ./coin start."
    if restart:
        return "" if chosen or s.verdict.word in RESTARTED else "The bot is responding: there is nothing to restart."
    return f"{s.bot.process} is already running." if s.bot_up else ""


def starts_under(s: Snapshot) -> str:
    """The state that the process starts in, where control.json does not request run."""
    match requested_level(s):
        case TradingState.PAUSE:
            return " It starts paused, as control.json requests; press Start in the header to trade again."
        case TradingState.STOP:
            return " It starts stopped, as control.json requests; press Start in the header to trade again."
        case TradingState.KILL:
            return " control.json requests kill: it starts killed."
    return ""


# ---- receipts ----


def receipts(s: Snapshot) -> list[ReceiptRow]:
    """The strips above the content: each command on its way, and the newest one that ended."""
    known = {r.id: r for r in s.state.receipts} if s.state else {}
    strips, ended = [], False
    for sent in reversed(s.sent):
        receipt = known.get(sent.id) or of_latch(sent, s)
        over = receipt is not None and receipt.state is not ReceiptState.SEEN
        if sent.waited_s > RECEIPT_SHOWN_S or (over and ended) or (receipt is not None and _past(receipt, s)):
            continue
        ended = ended or over
        strips.append(_of_sent(sent, receipt, s))
    return strips[:4]


def of_latch(sent: PendingCommand, s: Snapshot) -> ReceiptDoc | None:
    """The receipt of a kill that went by the file KILL alone: the bot's latch, whoever shut it. None = not seen."""
    kill = s.state.kill if s.state else None
    if sent.in_ring or kill is None or not s.fresh:
        return None
    seen_ms, done = max(kill.at_ms, sent.sent_ms), kill.cleared_ms is not None
    result = {"orders_cancelled": str(kill.orders_cancelled or 0), "gate_shut_ms": f"{kill.gate_shut_ms:.3f}"}
    return ReceiptDoc(
        id=sent.id, cmd=sent.cmd, state=ReceiptState.DONE if done else ReceiptState.SEEN, by=sent.by,
        sent_ms=sent.sent_ms, seen_ms=seen_ms, done_ms=seen_ms + round(kill.cleared_ms or 0) if done else None,
        reason=f"{f.sentence(sent.said)}.", result=result if done else None,
    )  # fmt: skip


# The bot's status while a command that was carried out is still in force.
_HOLDS = {
    "start": frozenset({Status.STARTING, Status.RUNNING}),
    "pause": frozenset({Status.PAUSED}),
    "stop": frozenset({Status.STOPPING, Status.STOPPED}),
    "kill": frozenset({Status.KILLED}),
}


def _past(receipt: ReceiptDoc, s: Snapshot) -> bool:
    """True where it has been shown long enough, or is no longer true: a kill of a bot that runs again."""
    if receipt.state is ReceiptState.SEEN or receipt.done_ms is None:
        return False
    ended_s = s.now.timestamp() - receipt.done_ms / 1000
    if receipt.state is not ReceiptState.DONE:
        return ended_s > TROUBLE_SHOWN_S
    holds = _HOLDS.get(receipt.cmd)
    return ended_s > DONE_SHOWN_S or (holds is not None and s.status is not None and s.status not in holds)


def history(receipts_: list[ReceiptDoc], s: Snapshot) -> list[ReceiptRow]:
    """Receipts of the bot, newest first, for the Risk and Events pages."""
    return [_of_receipt(r, s) for r in sorted(receipts_, key=lambda r: r.seen_ms, reverse=True)]


def heading(cmd: str, args: dict[str, str] | None = None) -> str:
    target = next((v for k, v in (args or {}).items() if k in ("lot_id", "product_id", "client_order_id")), None)
    shown = "" if target is None else f" {f.clean(target) if '-USD' in target else f.short_id(f.clean(target), 6)}"
    return f.words(cmd) + shown


def _of_sent(sent: PendingCommand, receipt: ReceiptDoc | None, s: Snapshot) -> ReceiptRow:
    by = f"{sent.by}{', ' + sent.how if sent.how else ''}, {f.clock(f.of_ms(sent.sent_ms), s.now)}"
    if receipt is not None:
        done = _of_receipt(receipt, s)
        return ReceiptRow(sent.id, heading(sent.cmd, sent.args), by, done.state, done.steps, done.say, done.alert)
    first = ReceiptStep("done", "ok", "sent", "")
    if not sent.in_ring:
        say = f"{f.sentence(sent.said)}. The bot checks for that file every 10 ms; its action is not confirmed yet."
        return ReceiptRow(sent.id, heading(sent.cmd, sent.args), by, "warn", [first], say, True)
    if sent.waited_s < NOT_SEEN_S:
        steps = [first, ReceiptStep("now", "now", "seen", f.duration(round(sent.waited_s, 1))),
                 ReceiptStep("wait", "wait", "done", "")]  # fmt: skip
        return ReceiptRow(sent.id, heading(sent.cmd, sent.args), by, "now", steps, "Sent, waiting for the bot.", False)
    steps = [first, ReceiptStep("fail", "bads", "not seen", f.duration(NOT_SEEN_S))]
    if sent.cmd in LEVEL_OF:
        say = "The bot has not read the command. It stays on disk and takes effect as soon as the bot reads it."
    else:
        say = "The bot has not read the command. It expires unread; nothing was done."
    if sent.cmd == Cmd.KILL:
        say += " If the bot is down, ./coin kill cancels the orders directly."
    return ReceiptRow(sent.id, heading(sent.cmd, sent.args), by, "lost", steps, f"Not delivered. {say}", True)


_END = {
    ReceiptState.DONE: ("done", "ok", "done"),
    ReceiptState.FAILED: ("fail", "bads", "failed"),
    ReceiptState.REJECTED: ("fail", "bads", "rejected"),
    ReceiptState.EXPIRED: ("warn", "warns", "expired"),
}


def _of_receipt(r: ReceiptDoc, s: Snapshot) -> ReceiptRow:
    by = f"{f.clean(r.by)}, {f.clock(f.of_ms(r.sent_ms or r.seen_ms), s.now)}"
    to_seen = None if r.sent_ms is None else max(0, r.seen_ms - r.sent_ms)
    steps = [ReceiptStep("done", "ok", "sent", "")]
    if r.sent_ms is None:
        steps = []
    steps.append(ReceiptStep("done", "ok", "seen", "" if to_seen is None else f.milliseconds(to_seen)))
    if r.state is ReceiptState.SEEN:
        waited = max(0.0, s.now.timestamp() - r.seen_ms / 1000)
        steps.append(ReceiptStep("now", "now", "done", f.duration(round(waited, 1))))
        say = f.clean(r.reason) if r.reason else "Seen, in progress."
        return ReceiptRow(r.id, heading(r.cmd), by, "now", steps, say, False)
    state, icon, word = _END[r.state]
    took = None if r.done_ms is None else max(0, r.done_ms - r.seen_ms)
    steps.append(ReceiptStep(state, icon, word, "" if took is None else f.milliseconds(took)))
    say = f.clean(r.reason) if r.reason else _said(r)
    if r.result:
        say = f"{say} {_result(r.result)}"
    if r.state is ReceiptState.DONE and took is not None and to_seen is not None:
        say = f"{say.rstrip('. ')}. Total time {f.milliseconds(took + to_seen)}."
    return ReceiptRow(r.id, heading(r.cmd), by, state, steps, say, state == "fail")


def _result(result: dict[str, str]) -> str:
    """What the bot adds to its receipt, as words: `cleared_ms: 47` becomes `cleared 47 ms`."""
    rows = []
    for key, value in result.items():
        name, text = f.clean(key), f.clean(value)
        if name.endswith("_ms"):
            name, text = name.removesuffix("_ms"), f"{text}{f.NBSP}ms"
        rows.append(f"{name.replace('_', ' ')} {text}")
    return f.words(", ".join(rows)) + "."


def _said(r: ReceiptDoc) -> str:
    if r.state is not ReceiptState.DONE:
        return {"expired": "Expired before the bot saw it. It will not be carried out later."}.get(
            r.state, "No reason given."
        )
    cmd = command_of(r.cmd)
    return COMMANDS[cmd].done if cmd is not None else "Done."


# ---- dialogs ----


@dataclass(frozen=True, slots=True)
class KillPreview:
    """What Kill will do, and what stays."""

    orders: str
    times: list[str]
    drilled: str
    stays: str


@dataclass(frozen=True, slots=True)
class FlattenPreview:
    lots: int
    orders: str
    rows: list[tuple[str, str, bool]]


def kill_preview(s: Snapshot) -> KillPreview:
    orders = own_working(s)
    drill = _last_drill(s.state)
    times = [drill.get(k, "") for k in ("gate_shut_ms", "latch_ms", "cancel_ms", "verify_ms")]
    lots = s.lot_count or 0
    left = unwatched(s.state)
    worth = "" if left is None or left.value_usd is None else f" worth {f.money(left.value_usd)} USD"
    stays = f"{f.plural(lots, 'lot')}{worth}" if lots else ""
    return KillPreview(
        "not known how many now" if orders is None else f"{orders} now",
        [f"{t}{f.NBSP}ms" if t else "" for t in times],
        "Times from the last drill." if any(times) else "No drill has run yet, so no times are known.",
        stays,
    )


def _last_drill(state: BotState | None) -> dict[str, str]:
    done = [r for r in (state.receipts if state else []) if r.cmd == "drill" and r.state is ReceiptState.DONE]
    return dict(max(done, key=lambda r: r.seen_ms).result or {}) if done else {}


def flatten_preview(s: Snapshot) -> FlattenPreview:
    """What a flatten would bring at the marks, by the taker's fee, since it sells at market."""
    lots = [lot for p in (s.state.positions if s.state else None) or [] for lot in p.lots]
    account = s.state.account if s.state else None
    orders = own_working(s)
    order_text = "" if orders is None else f.plural(orders, "order")
    if not lots or account is None or any(lot.value_usd is None for lot in lots):
        return FlattenPreview(len(lots), order_text, [("Proceeds", "not known", False)])
    proceeds = sum(lot.value_usd or 0 for lot in lots)
    fees = proceeds * account.taker_fee_pct / 100
    realised = proceeds - fees - sum(lot.cost_usd for lot in lots)
    return FlattenPreview(
        len(lots),
        order_text,
        [
            ("Proceeds at the mark", f"about {f.money(proceeds)} USD", False),
            (f"Fees, taker {f.pct(account.taker_fee_pct)}", f"{f.signed(-fees)} USD", False),
            ("Realised PnL after all fees", f"{f.signed(realised)} USD", True),
        ],
    )
