"""What the control file asks for, carried out: kill first, then levels, then once-commands, each with its receipt.

"Seen" is persisted before anything is done, "done" after it; what an earlier run saw and did not finish is
done again, which is harmless by construction (`twice` in `shared.command_table`).
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from bot.app import reload
from bot.app.command_audit import CommandAudit
from bot.app.control import ControlReader, as_seen
from bot.app.kill_path import drill
from bot.app.ports import CommandPorts
from bot.app.state_documents import status_and_phase
from bot.domain import events as ev
from bot.domain.intents import SaveReceipt
from bot.domain.kinds import Purpose
from bot.engine.state.control import Latch
from bot.venues.errors import ExchangeError
from shared.command_table import COMMANDS, Cmd
from shared.control import LEVEL_OF, Command, TradingState, command_of, is_expired, malformed, refusal
from shared.documents.control import ControlDoc, ReceiptDoc, ReceiptState
from shared.ledger.db import LedgerError
from shared.settings import Loaded, load
from shared.times import epoch_ms, from_epoch_ms, parse_time

log = logging.getLogger("control")
OWN_FLATTEN = "flatten:"  # and the latch: the id of the flatten that a kill leads to by KILL_FLATTEN
RECEIPTS_KEPT = 64
RECEIPTS_SHOWN = 32
NAMELESS = frozenset({"KILL file", "kill_switch", "command kill", "a kill in the ring"})
NAME_WITHIN_MS = 5_000
TOUCH_S = 1.0


class Commands:
    """The control plane of one bot."""

    def __init__(self, bot: CommandPorts) -> None:
        self._bot = bot
        self.reader = ControlReader(bot.paths, bot.fs)
        self.hands = CommandAudit(bot, lambda: self.latch)
        self.level = TradingState.PAUSE  # until the file and the ledger were read
        self.latch: Latch | None = None
        self.latch_kept = True  # in the ledger; until it is, the file KILL keeps it over the end of this process
        self._touched_s = 0.0
        self.gate_shut_ms = 0.0
        self.last_id: str | None = None
        self._receipts: OrderedDict[str, ReceiptDoc] = OrderedDict()
        self._waiting: dict[str, TradingState] = {}  # level commands whose receipt waits for the effect
        self._unfinished: list[tuple[Command, int]] = []  # with the time they were seen, epoch ms
        self._unrecorded: list[tuple[Command, int]] = []  # seen while the ledger could not be written
        self._killing = ""  # the latch whose kill path was started
        self._tasks: set[asyncio.Task[None]] = set()
        self.load_settings: Callable[[], Loaded] = load

    def restore(self) -> None:
        """Take up the wish, the latch and the command memory of the ledger, then the file's first word."""
        bot = self._bot
        assert bot.ledger is not None
        receipts, ids, self._unfinished = bot.ledger.receipts()
        self._receipts = OrderedDict((receipt.id, receipt) for receipt in receipts)
        self.last_id = receipts[-1].id if receipts else None
        self.reader.seen_ids = ids
        facts = bot.ledger.facts()
        kept = facts.get("wish")
        wish = TradingState[kept.upper()] if kept and kept.upper() in TradingState.__members__ else None
        void = facts.get("void", "").upper()
        self.reader.void_level = TradingState[void] if void in TradingState.__members__ else None
        now = bot.clock.utc()
        self.level = self.reader.first(wish, now, bot.clock.monotonic_s())
        bot.gate.latches.level = self.level
        if bot.restored.latch is not None:
            self.latch = named(bot.restored.latch, bot.restored.key_values)
            bot.gate.latches.killed = True
        if self.level is TradingState.KILL:
            self.level = self.reader.level = TradingState.STOP
            bot.gate.latches.level = TradingState.STOP
        void_word = self.reader.void_level.word.upper() if self.reader.void_level is not None else ""
        if self.reader.good is not None and (self.level is not wish or void_word != void):
            self._persist_wish()
        # The first look acts on whatever the file asks for beyond the level: kill, and commands not seen yet.
        self.reader._key = None
        before = self.last_id
        self.tick()
        if wish is not None and self.level not in (wish, TradingState.KILL) and self.last_id == before:
            self.hands.level(self.level.word, "control.json changed while the bot was down")

    def document(self) -> ControlDoc:
        return self.reader.document(TradingState.KILL if self.latch is not None else self.level)

    def newest(self) -> list[ReceiptDoc]:
        """The newest receipts, oldest first."""
        return list(self._receipts.values())[-RECEIPTS_SHOWN:]

    def tick(self) -> None:
        """One look at the file, and the receipts that waited for an effect."""
        bot = self._bot
        looked_s = bot.clock.monotonic_s()
        void = self.reader.void_level
        look = self.reader.look(bot.clock.utc(), looked_s)
        killers = [f"command by {command.by}" for command in look.commands if command.cmd == Cmd.KILL]
        if look.kill is not None and self.latch is None:
            self.kill(killers[0] if killers else look.kill, looked_s)
        elif killers:
            self._name_kill(killers[0])
        if look.level is not None:
            self.set_level(look.level, look.source)
        elif self.reader.void_level is not void:
            self._persist_wish()
        for command in look.commands:
            self._take(command)
        if self.latch is not None and not self.latch_kept and looked_s - self._touched_s >= TOUCH_S:
            self._latch_by_file()  # whoever took it away did so for a reset, which the ledger has to take as well
        if self._waiting:
            self._finish_levels()
        if look.changed or look.commands:
            bot.writer.poke()

    def set_level(self, level: TradingState, source: str) -> None:
        """The wish changed: the gate first, then the ledger, then the engine."""
        bot = self._bot
        self.level = level
        bot.gate.latches.level = level
        bot.gate.latches.safe = bot.gate.latches.safe and level is not TradingState.RUN
        self._persist_wish()
        bot.dispatch(ev.TradingStateSet(level, source))

    def _persist_wish(self) -> None:
        assert self._bot.ledger is not None
        try:
            now_ms, void = epoch_ms(self._bot.clock.utc()), self.reader.void_level
            self._bot.ledger.fact("void", void.word if void is not None else "", now_ms)
            self._bot.ledger.fact("wish", self.level.word, now_ms)
        except LedgerError as error:
            self._bot.ledger_failed(error)

    def kill(self, source: str, seen_s: float) -> None:
        """Shut the gate at once, then make it last, then cancel."""
        bot = self._bot
        bot.gate.latches.killed = True
        self.gate_shut_ms = (bot.clock.monotonic_s() - seen_s) * 1000
        self.latch = latch = Latch(f"kill-{bot.rng.uuid4().hex[:8]}", source, epoch_ms(bot.clock.utc()))
        log.warning("KILL by %s: order gate shut, latch %s", source, latch.latch_id)
        self.hands.killed(latch)
        try:
            assert bot.ledger is not None
            bot.ledger.latch(latch)
            self.latch_kept = True
        except LedgerError as error:
            bot.ledger_failed(error)
            self.latch_kept = False
            self._latch_by_file()
        bot.dispatch(ev.KillLatched(latch.latch_id, source, latch.at_ms))
        bot.writer.lots_changed()
        bot.writer.poke()
        self.start_kill_path()

    def _name_kill(self, source: str) -> None:
        """The file KILL is there before the command that made it: the latch was shut by then, and is named now."""
        bot, latch = self._bot, self.latch
        if latch is None or latch.source not in NAMELESS or epoch_ms(bot.clock.utc()) - latch.at_ms > NAME_WITHIN_MS:
            return
        self.latch = replace(latch, source=source)
        bot.dispatch(ev.KillSourceKnown(latch.latch_id, source))
        bot.writer.poke()

    def _latch_by_file(self) -> None:
        """An empty file can still be made on a full disk."""
        self._touched_s = self._bot.clock.monotonic_s()
        try:
            self._bot.fs.touch(self._bot.paths.kill)
        except OSError as error:
            log.critical("the latch is in memory only: %s", error)

    def start_kill_path(self) -> None:
        """A path of its own for each latch: what was proven for the one before says nothing of this one, and its
        pause between two looks is not waited for."""
        bot, latch = self._bot, self.latch
        if latch is not None and self._killing != latch.latch_id:
            self._killing = latch_id = latch.latch_id
            bot.kill_path.begin()
            self._begin(bot.kill_path.run(lambda: self._is_shut_by(latch_id), bot.writer.poke))
        if bot.settings.kill_flatten and self.latch is not None:
            command = Command(seq=0, id=own_flatten(self.latch), cmd=Cmd.FLATTEN, at="", by="KILL_FLATTEN")
            self._take(command, own=True)

    def _is_shut_by(self, latch_id: str) -> bool:
        return self.latch is not None and self.latch.latch_id == latch_id

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._bot.supervise)
        task.add_done_callback(self._tasks.discard)
        return task

    # Once-commands.

    def _take(self, command: Command, *, own: bool = False) -> None:
        """A command that was not seen before; `own`: the bot's own, which no status and no time refuses."""
        bot = self._bot
        command = as_seen(command)
        seen_ms = epoch_ms(bot.clock.utc())
        self.last_id = command.id
        self.hands.command(command, own=own)
        self._keep(
            ReceiptDoc(
                id=command.id,
                cmd=command.cmd[:24],
                state=ReceiptState.SEEN,
                by=command.by,
                sent_ms=_sent_ms(command),
                seen_ms=seen_ms,
            )
        )
        try:
            assert bot.ledger is not None
            bot.ledger.command_seen(command, seen_ms)
        except LedgerError as error:
            bot.ledger_failed(error)
            self._unrecorded.append((command, seen_ms))
        log.info("command %s by %s seen (%s)", command.cmd, command.by, command.id)
        self._act(command, redo=own)

    @property
    def unrecorded(self) -> bool:
        """A command was seen while the ledger could not be written."""
        return bool(self._unrecorded)

    def record_seen(self) -> None:
        """Persist what was seen while the ledger could not be written. Raises LedgerError."""
        assert self._bot.ledger is not None
        while self._unrecorded:
            self._bot.ledger.command_seen(*self._unrecorded[0])
            del self._unrecorded[0]

    def redo_unfinished(self) -> None:
        """What an earlier run saw and did not finish."""
        waiting, self._unfinished = self._unfinished, []
        for command, seen_ms in waiting:
            log.info("command %s (%s) is resumed", command.cmd, command.id)
            # It may have ended between "seen" and the refusal that was due.
            if command.cmd not in LEVEL_OF and not self._is_own(command):
                if command.id.startswith(OWN_FLATTEN):  # it has sold already, so it did not expire
                    self.finish(command.id, ReceiptState.FAILED, "superseded: the kill latch was lifted")
                    continue
                if is_expired(command, from_epoch_ms(seen_ms)):
                    self.finish(command.id, ReceiptState.EXPIRED, "it expired while waiting")
                    continue
                wrong = malformed(command.cmd, command.args)
                if wrong is not None:
                    self.finish(command.id, ReceiptState.REJECTED, wrong)
                    continue
            self._act(command, redo=True)

    def _is_own(self, command: Command) -> bool:
        """The flatten of the kill that holds, by KILL_FLATTEN."""
        return self.latch is not None and command.id == own_flatten(self.latch)

    def _act(self, command: Command, *, redo: bool) -> None:
        bot = self._bot
        if command.cmd in LEVEL_OF:
            self._waiting[command.id] = LEVEL_OF[command.cmd]
            if command.cmd == Cmd.START and self.level is TradingState.RUN and not redo:
                # The wish was start all along, so no change of level says that a person pressed Start again: that
                # is what leaves SAFE and lifts the entries latch.
                self.set_level(TradingState.RUN, command.by)
            return
        status, _ = status_and_phase(bot)
        if not redo:
            if is_expired(command, bot.clock.utc()):
                self.finish(command.id, ReceiptState.EXPIRED, "it expired while waiting")
                return
            reason = refusal(command.cmd, command.args, status)
            if reason is not None:
                self.finish(command.id, ReceiptState.REJECTED, reason)
                return
        if command.cmd == Cmd.RESET_KILL:
            self._reset_kill(command)
        elif command.cmd == Cmd.DRILL:
            self._begin(self._drill(command))
        elif command.cmd == Cmd.RELOAD:
            self._reload(command)
        else:
            known = command_of(command.cmd)
            locked = bot.gate.nothing_sold() if known is not None and COMMANDS[known].sends else None
            if locked is not None:  # before the level is changed and a take is cancelled
                self.finish(command.id, ReceiptState.REJECTED, locked)
                return
            if command.cmd == Cmd.FLATTEN and redo and self.latch is None and self.level < TradingState.STOP:
                # Taken up again it would sell what was bought since, and stop a bot that was told to run.
                self.finish(command.id, ReceiptState.FAILED, f"superseded: the level is {self.level.word}")
                return
            if command.cmd == Cmd.FLATTEN:
                self.level = max(self.level, TradingState.STOP)
                self.reader.hold_stop()
                bot.gate.latches.level = self.level
                self._persist_wish()
            if bot.engine is None or not bot.engine.view.control.ready:
                self._unfinished.append((command, epoch_ms(bot.clock.utc())))  # taken up when the boot is over
                return
            bot.dispatch(ev.CommandReceived(command))

    def _finish_levels(self) -> None:
        """Level commands are done when their effect is there, not when they were read."""
        bot = self._bot
        for command_id, level in list(self._waiting.items()):
            if level is TradingState.KILL:
                progress = bot.kill_path.progress
                if self.latch is None:
                    self._ended(command_id, ReceiptState.FAILED, "the latch was lifted before the cancels were proven")
                elif progress.cleared_ms is not None:
                    result = {
                        "orders_cancelled": str(progress.cancelled),
                        "cleared_ms": f"{progress.cleared_ms:.0f}",
                        "gate_shut_ms": f"{self.gate_shut_ms:.3f}",
                    }
                    self._ended(command_id, ReceiptState.DONE, None, result)
            elif level is not self.level:
                self._ended(command_id, ReceiptState.DONE, f"superseded: the level is {self.level.word}")
            elif self.latch is not None and level is TradingState.RUN:
                self._ended(command_id, ReceiptState.REJECTED, "killed: reset the latch first")
            elif level is not TradingState.STOP or self._stop_is_done():
                self._ended(command_id, ReceiptState.DONE, None)

    def _stop_is_done(self) -> bool:
        """No purchase of ours may still fill; before there is an engine, by what the ledger knows."""
        bot = self._bot
        if bot.engine is not None:
            return bot.engine.view.control.stop_is_done
        return all(order.settled or order.spec.purpose is not Purpose.ENTRY for order in bot.restored.orders)

    def _ended(
        self, command_id: str, state: ReceiptState, reason: str | None, result: Mapping[str, str] | None = None
    ) -> None:
        del self._waiting[command_id]
        self.finish(command_id, state, reason, result)

    def finish(
        self, command_id: str, state: ReceiptState, reason: str | None, result: Mapping[str, str] | None = None
    ) -> None:
        """Persist and show the end of a command."""
        self._bot.commit([SaveReceipt(command_id, state, reason, result)])
        self.shown(command_id, state, reason, result)

    def shown(self, command_id: str, state: ReceiptState, reason: str | None, result: Mapping[str, str] | None) -> None:
        """The end of a command, for the state file; the ledger has it already."""
        receipt = self._receipts.get(command_id)
        if receipt is None:
            return
        done_ms = epoch_ms(self._bot.clock.utc())
        detail = dict(result) if result else None
        self._keep(replace(receipt, state=state, done_ms=done_ms, reason=reason, result=detail))
        log.info("command %s %s%s", receipt.cmd, state, f": {reason}" if reason else "")
        self._bot.writer.poke()

    def _keep(self, receipt: ReceiptDoc) -> None:
        self._receipts[receipt.id] = receipt
        while len(self._receipts) > RECEIPTS_KEPT:
            self._receipts.popitem(last=False)

    def _reset_kill(self, command: Command) -> None:
        bot, good = self._bot, self.reader.good
        wanted = command.args.get("latch_id")
        if self.latch is None:
            self.finish(command.id, ReceiptState.DONE, "the latch is already lifted")
            return
        if wanted != self.latch.latch_id:
            self.finish(command.id, ReceiptState.REJECTED, f"the latch is {self.latch.latch_id}, not {wanted}")
            return
        if bot.fs.exists(bot.paths.kill):
            self.finish(command.id, ReceiptState.REJECTED, "the file KILL is still there")
            return
        if (good is not None and good.level is TradingState.KILL) or self.reader.broken_kill is not None:
            self.finish(command.id, ReceiptState.REJECTED, "control.json still says kill")
            return
        try:
            assert bot.ledger is not None
            bot.ledger.lift(self.latch.latch_id, epoch_ms(bot.clock.utc()), command.by)
        except LedgerError as error:
            bot.ledger_failed(error)
            self._latch_by_file()
            self.finish(command.id, ReceiptState.FAILED, "the ledger cannot be written; the file KILL is there again")
            return
        lifted, self.latch = self.latch, None
        self.level = TradingState.STOP
        self.reader.hold_stop()
        bot.gate.latches.level = TradingState.STOP
        bot.gate.latches.killed = False
        self._persist_wish()
        bot.dispatch(ev.KillLifted(lifted.latch_id, command.by))
        bot.writer.lots_changed()
        self.finish(command.id, ReceiptState.DONE, None)

    async def _drill(self, command: Command) -> None:
        bot = self._bot
        rest = bot.kill_rest()
        if rest is None:
            why = bot.live_lock.sales() or "the exchange's key is not available yet"
            self.finish(command.id, ReceiptState.FAILED, why)
            return
        try:
            self.finish(command.id, ReceiptState.DONE, None, await drill(rest, bot.ids, bot.clock))
        except ExchangeError as error:
            self.finish(command.id, ReceiptState.FAILED, str(error))

    def _reload(self, command: Command) -> None:
        """Take up what `.env` says now, all of it or nothing."""
        self.finish(command.id, *reload.answer(self._bot, self.load_settings, command.by))


def own_flatten(latch: Latch) -> str:
    """The id of the flatten that a kill leads to by KILL_FLATTEN."""
    return OWN_FLATTEN + latch.latch_id


def named(latch: Latch, facts: Mapping[str, str]) -> Latch:
    """The latch with the source that became known after it was shut."""
    latch_id, _, source = facts.get("kill_by", "").partition(" ")
    return replace(latch, source=source) if latch_id == latch.latch_id else latch


def _sent_ms(command: Command) -> int | None:
    try:
        return epoch_ms(parse_time(command.at))
    except ValueError:
        return None
