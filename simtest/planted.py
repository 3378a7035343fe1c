"""Planted bugs: each switches one rule of the design off, or repeats a failure that became public.

A bug is a change of text in one file, applied to a copy of the sources. `money` marks those that touch money or kill.
"""

# ruff: noqa: E501  (the sources that are changed stand here as they are)

from typing import NamedTuple


class Planted(NamedTuple):
    """`old`, which stands in the file exactly once, becomes `new`."""

    name: str
    rule: str  # of spec §6, or the public failure
    money: bool
    path: str
    old: str
    new: str
    more: tuple[tuple[str, str, str], ...] = ()  # (path, old, new) of the same rule elsewhere: defence in depth
    needs: str = ""  # a fault that every seed is given besides its own, where the bug lies behind a rare one


_REST, _DESK, _APP = "bot/coinbase/rest.py", "bot/runtime/desk.py", "bot/runtime/app.py"
_FLOW, _FILLS, _EXITS = "bot/core/flow.py", "bot/core/fills.py", "bot/core/exits.py"
_LOTS, _ACCOUNT, _LEDGER = "bot/core/lots.py", "bot/core/account.py", "bot/runtime/ledger.py"
_GATE, _KILL, _COMMANDS = "bot/runtime/gate.py", "bot/runtime/kill.py", "bot/runtime/commands.py"
_WORLD, _ORDERS, _BOOT = "bot/core/world.py", "bot/core/orders.py", "bot/runtime/boot.py"
_PUT_BACK = "shared/ledger/put_back.py"
_STREAM, _GATES, _ENTRIES = "bot/coinbase/stream.py", "bot/core/gates.py", "bot/core/entries.py"
_FENCE = "bot/core/fence.py"

# The account's fills by cursor make good what an order's own fills lack: both are switched off.
_NO_FEED = ((_DESK, "await self.fills.read()", "pass"), (_BOOT, "await bot.desk.fills.read()", "pass"))
_ONE_EXIT = ("bot/core/risk/pretrade.py", "if other and not order.settled:", "if False:")

_NO_FENCE = (
    (_GATES, "if world.fence.second_writer is None:\n        return Gate(", "if True:\n        return Gate("),
    (
        _GATES,
        "if world.fence.second_writer is None and world.entries_blocked:",
        "if world.fence.second_writer is None and world.entries_blocked and False:",
    ),
    ("bot/core/risk/pretrade.py", "if world.fence.second_writer is not None:", "if False:"),
    ("bot/core/risk/pretrade.py", "if world.entries_blocked:", "if False:"),
)  # a second writer shuts entries by itself

PLANTED: tuple[Planted, ...] = (
    # the audit trail
    Planted("command-without-an-entry", "I27", False, "bot/runtime/hands.py",
            "            if command.id not in found:", "            if command.id not in found and False:"),
    Planted("audit-chain-forks", "I27", False, "shared/audit_log.py",
            '"prev": last.hash})', '"prev": last.hash if last.seq % 3 else ""})'),
    # 1 record first, send second
    Planted("no-intent-before-send", "R1 A7", True, _APP,
            "committed = self.commit(records) if records else True",
            "committed = True\n        if records:\n"
            "            asyncio.get_running_loop().call_later(0.5, self.commit, records)"),
    Planted("send-though-commit-failed", "R1 R11 F1 P20", True, _APP, "if not committed:\n", "if not committed and False:\n",
            ((_GATE, "if not latches.ledger_ok:", "if False:"),), needs="ledger_full"),
    Planted("empty-client-order-id", "R1", True, _REST,
            '"client_order_id": spec.client_order_id,\n            "product_id"', '"client_order_id": "",\n            "product_id"'),
    # 2 and 3 unknown
    Planted("timeout-means-refused", "R2 P1 P5", True, _DESK,
            "except NoAnswerGot as error:\n            self._dispatch(ev.NoAnswer(spec.client_order_id, str(error)))",
            "except NoAnswerGot as error:\n            self._dispatch(ev.Refused(spec.client_order_id, str(error)))", needs="lost_after"),
    Planted("timeout-means-denied", "R2 P6", True, _DESK,
            "except NoAnswerGot as error:\n            self._dispatch(ev.NoAnswer(spec.client_order_id, str(error)))",
            "except NoAnswerGot as error:\n            self._dispatch(ev.Denied(spec.client_order_id, str(error)))", needs="lost_after"),
    Planted("order-again-after-timeout", "R4 P1 P2", True, _DESK,
            "except NoAnswerGot as error:\n            self._dispatch(ev.NoAnswer(spec.client_order_id, str(error)))",
            "except NoAnswerGot as error:\n            self._begin(self._place(spec, began_s))", needs="lost_after"),
    Planted("retry-with-a-new-id", "R4 P1", True, _DESK,
            "except NoAnswerGot as error:\n            self._dispatch(ev.NoAnswer(spec.client_order_id, str(error)))",
            "except NoAnswerGot as error:\n            from dataclasses import replace\n"
            "            again = replace(spec, client_order_id=spec.client_order_id[:-1] + 'f')\n"
            "            self._begin(self._place(again, began_s))", needs="lost_after"),
    Planted("unknown-error-is-final", "R2 A5 P5", True, _REST, "if not definitive:", "if False:", needs="mangle"),
    Planted("4xx-is-final", "R2 A5", True, _REST, 'if error.code != "INVALID_ARGUMENT":', "if False:", needs="odd_status"),
    Planted("empty-body-is-an-empty-list", "R3 A5", True, _REST, "if not isinstance(page, list):", "page = page or []\n            if False:", needs="lost_after:POST /orders:0.5,mangle:GET /orders:1.0,ws_hide:user:0.9"),
    Planted("absent-after-one-look", "R3 P3 P4", True, _FLOW,
            "if order.absences >= ABSENCES_NEEDED and world.now_ms - first >= ABSENCE_SPAN_MS:", "if True:", needs="lost_after,list_lag::1.0,ws_hide:user:0.9"),
    Planted("absent-after-a-second", "R3 A6", True, _FLOW, "ABSENCE_SPAN_MS = 60_000", "ABSENCE_SPAN_MS = 1_000", needs="lost_after,list_lag::1.0,ws_hide:user:0.9"),
    Planted("lookup-error-is-absence", "R3 P3", True, _DESK,
            'log.info("look-up of %s: %s", action.client_order_id, error)\n            return',
            "self._dispatch(ev.LookedUp(action.client_order_id, None, complete=True))\n            return", more=_NO_FEED, needs="calm,busy,lost_after:POST /orders:0.5,lookups_fail:GET /orders:1.0,ws_hide:user:0.9"),
    Planted("unknown-is-never-looked-up", "R3", True, _FLOW,
            "elif order.state is OrderState.UNKNOWN or order.order_id:", "elif order.order_id:", needs="lost_after"),
    Planted("unknown-does-not-block", "R3", True, _GATES, "entries = world.entries_in_flight(market.product.product_id)", "entries = []", needs="lost_after"),
    Planted("sent-orders-forgotten-at-boot", "R6 A7", True, _BOOT,
            'bot.dispatch(ev.NoAnswer(coid, "the bot ended before an answer came"))',
            'bot.dispatch(ev.Denied(coid, "the bot ended before an answer came"))', needs="crash_at_send"),
    # 5 fills
    Planted("fills-counted-twice", "R5 P9", True, _FILLS, "if key in world.fill_keys:\n        return None", "if key in ():\n        return None"),
    Planted("fill-memory-lost-at-boot", "R5 P9", True, _WORLD, "set(restored.fill_keys)", "set()", needs="market:thin_book,risk_per_trade_pct=20,max_order_usd=0,entry_order=maker,crash,crash,crash"),
    Planted("fills-not-fetched", "R5 P8", True, _FLOW,
            "if after.order_id and owed:\n        world.emit(FetchFills(after.order_id))", "if after.order_id and owed:\n        pass", more=(*_NO_FEED, (_FLOW, "if order.done and order.order_id:\n            world.emit(FetchFills(order.order_id))", "if order.done and order.order_id:\n            pass"),)),
    Planted("fills-fetched-once", "R5 B9", True, _FLOW,
            "if order.done and order.order_id:\n            world.emit(FetchFills(order.order_id))", "if order.done and order.order_id:\n            pass", more=_NO_FEED, needs="fill_lag"),
    Planted("settled-before-fills", "R5 P11", True, _ORDERS, "if not self.done or self.counted_size < self.filled_size:", "if not self.done:", needs="fill_lag", more=((_ORDERS, "return self.state is not OrderState.FILLED or self.counted_size > 0", "return True"),)),
    Planted("first-page-of-fills-only", "R5 B9", True, _REST, '{"order_ids": [order_id], "limit": 100}, "fills"', '{"order_ids": [order_id], "limit": 1}, "nothing"', more=_NO_FEED),
    Planted("fill-fee-ignored", "R12", True, _LOTS, "entry_fee=lot.entry_fee + fill.fee,", "entry_fee=lot.entry_fee,"),
    Planted("partial-fill-lot-is-whole", "P11", True, _LOTS, "base_left=lot.base_left + fill.base_size,", "base_left=lot.base_left,"),
    Planted("sale-does-not-lower-the-lot", "P11", True, _LOTS, "base_left=lot.base_left - fill.base_size,", "base_left=lot.base_left,"),
    Planted("money-in-floats", "R12", True, _LOTS, "proceeds=lot.proceeds + fill.price * fill.base_size,",
            "proceeds=Decimal(float(lot.proceeds + fill.price * fill.base_size)),"),
    Planted("dust-dropped", "I2", True, _LOTS, "dust=lot.base_left,", "dust=ZERO,", needs="calm,busy,quote_min:1,risk_per_trade_pct=0.2,regrid@1,regrid@1,regrid@1,regrid@1,regrid@1,regrid@1,flatten"),
    Planted("realised-without-fee", "I9", True, "shared/lot_money.py", "return proceeds - exit_fee - spent", "return proceeds - spent"),
    Planted("day-counts-no-realised", "I9", True, _FILLS, "realized=world.day.realized + realized", "realized=world.day.realized"),
    # exits
    Planted("take-not-cancelled-first", "I3 P10", True, _EXITS,
            "if working.spec.purpose is Purpose.TAKE and world.may_sell:\n            cancel(world, working)  # what rests stays where the sale after it could not be sent\n        return",
            "if working.spec.purpose is not Purpose.TAKE:\n            return", more=(_ONE_EXIT,)),
    Planted("cancel-is-believed", "A8", True, _EXITS, "world.step_order(order, OrderInput.CANCEL)\n", "world.step_order(order, OrderInput.SEEN_CANCELLED)\n"),
    Planted("exit-memory-lost", "I3", True, _LEDGER, '"exit_client_order_id": lot.exit_client_order_id,', '"exit_client_order_id": None,', more=(_ONE_EXIT,), needs="crash,crash"),
    Planted("attempts-lost-at-boot", "R1 P28", True, _WORLD, "dict(restored.attempts)", "{}", needs="crash_at_send"),
    Planted("used-bar-lost", "I3", True, _ENTRIES, "if world.own_ids.known_for(spec.client_order_id) is not None:", "if False:", needs="crash,crash,crash", more=(("bot/core/universe.py", "market.used_bar_s = int(used) if used else None", "market.used_bar_s = None"),)),
    Planted("gone-means-cancelled", "P3 A9", True, _FLOW,
            "            _look(world, order)\n\n\ndef fills_seen", "            world.step_order(order, OrderInput.SEEN_CANCELLED)\n\n\ndef fills_seen", needs="ws_hide"),
    # two bots under one name
    Planted("no-epoch-in-the-id", "E5", True, "bot/core/ids.py", "-{epoch}{digest[EPOCH_LENGTH : EPOCH_LENGTH + FACTS_LENGTH]}", "-{digest[:32]}", needs="calm,busy,copied_folder"),
    Planted("second-writer-unseen", "E5", True, _FENCE, "made_since = world.fence.since_ms is not None and shown.created_ms >= world.fence.since_ms", "made_since = False", needs="calm,busy,copied_folder"),
    Planted("second-writer-does-not-shut", "E5", True, _GATES, "if world.fence.second_writer is None:\n        return Gate(", "if True:\n        return Gate(", needs="calm,busy,copied_folder",
            more=((_GATES, "if world.fence.second_writer is None and world.entries_blocked:", "if world.fence.second_writer is None and world.entries_blocked and False:"),
                  ("bot/core/risk/pretrade.py", "if world.fence.second_writer is not None:", "if False:"), ("bot/core/risk/pretrade.py", "if world.entries_blocked:", "if False:"))),
    Planted("second-writer-forgotten", "E5", True, "bot/core/fence_memory.py", "facts.get(SECOND_WRITER) or None", "None", needs="calm,busy,copied_folder,crash_at_commit:after commit:0.02"),
    Planted("orders-from-before-the-start-are-foreign", "E5 F6", False, _FENCE, "world.fence.since_ms is not None and shown.created_ms >= world.fence.since_ms", "world.fence.since_ms is not None", needs="busy,market:lively,lose_ledger"),
    # 8 and 9 kill, stop, pause
    Planted("kill-in-memory-only", "R8", True, _COMMANDS, "bot.ledger.latch(latch)\n", "pass\n", needs="start,kill,crash"),
    Planted("latch-not-restored", "R8 P19", True, _COMMANDS, "if bot.restored.latch is not None:", "if False:", needs="start,kill,crash"),
    Planted("gate-ignores-kill", "R9", True, _GATE, "if latches.killed or self._fs.exists(self._paths.kill):", "if False:", needs="start,kill", more=((_WORLD, "self.ready and self.level is TradingState.RUN and self.latch is None", "self.ready and self.level is TradingState.RUN"),)),
    Planted("gate-asked-too-early", "R9 J1", True, _DESK,
            "await self._rest.admit(spec)  # it may take long; what the gate says after it counts\n        refusal = self._gate.refusal(spec)\n",
            "refusal = self._gate.refusal(spec)\n        await self._rest.admit(spec)\n        await self._clock.sleep(8.0)\n", needs="throttle::0.5,start,kill", more=((_REST, "reason = shut() if shut is not None else None", "reason = None"),)),
    Planted("kill-knows-open-only", "A9", True, _REST, '{"order_status": list(WORKING), "limit": 1000}', '{"order_status": ["OPEN"], "limit": 1000}', needs="calm,busy,status_lag::1.0,kill"),
    Planted("kill-looks-once", "R9", True, _KILL, "while latched():", "for _ in range(1):", needs="status_before::0.5,start,kill"),
    Planted("kill-cancels-nothing", "R9", True, _KILL, "self._count(await rest.cancel(ids[start : start + BATCH]), progress)", "pass", needs="start,kill"),
    Planted("kill-cancels-everybody", "I4", True, _KILL, "is_ours(", "(lambda *_: True)(", needs="foreign_order,start,kill"),
    Planted("damaged-kill-is-garbage", "R9 J1 F4", True, "bot/runtime/control.py", "kill=kill or self.broken_kill,", "kill=kill,", needs="calm,busy,start,broken_kill"),
    Planted("last-key-wins", "R9 J1 F4", True, "shared/control_json.py", "if twice is not None:", "if False:", needs="calm,busy,start,broken_kill", more=(("shared/control.py", "if kill is not None and found.level is not TradingState.KILL", "if False and found.level is not TradingState.KILL"),)),
    Planted("kill-switch-off-lifts", "R8 J4", True, _COMMANDS, "if look.level is not None:",
            "if look.level is not None and self.latch is not None:\n            self.latch = None\n"
            "            bot.gate.latches.killed = False\n        if look.level is not None:", needs="start,kill,pause"),
    Planted("pause-only-shown", "I6", True, _COMMANDS, "bot.gate.latches.level = level\n", "pass\n", needs="start,pause", more=((_WORLD, "self.ready and self.level is TradingState.RUN and self.latch is None", "self.ready and self.latch is None"),)),
    Planted("gate-ignores-stop", "I6", True, _GATE, "if latches.level >= TradingState.STOP:", "if False:", needs="start,stop", more=((_WORLD, "self.ready and self.level is TradingState.RUN and self.latch is None", "self.ready and self.latch is None"),)),
    # 11 limits, freshness, loss
    Planted("no-breaker", "I8 P19", True, _ACCOUNT, "    _judge_breaker(world, world.day)\n", "", needs="max_daily_loss_pct=0.02,sim_taker_fee_pct=0.9,risk_per_trade_pct=10,max_order_usd=0"),
    Planted("breaker-reset-by-restart", "I8 P19", True, _WORLD, "self.day: Day | None = restored.day", "self.day: Day | None = None", needs="max_daily_loss_pct=0.02,sim_taker_fee_pct=0.9,risk_per_trade_pct=10,max_order_usd=0,crash"),
    Planted("breaker-does-not-shut", "I8", True, _GATES, "if world.day.breaker_ms is not None:", "if False:", needs="max_daily_loss_pct=0.02,sim_taker_fee_pct=0.9,risk_per_trade_pct=10,max_order_usd=0", more=(("bot/core/risk/pretrade.py", "if world.day is not None and world.day.breaker_ms is not None:", "if False:"),)),
    Planted("stale-data-trades", "R11 P12", False, _GATES, "verdict = _OPEN if age_ms <= limit_ms else _FAULT", "verdict = _OPEN", needs="ws_mute_product", more=((_GATE, "if age_ms is None or age_ms > self._settings.stale_data_sec * 1000:", "if age_ms is None:"),)),
    Planted("no-order-rate", "R11 H7", True, "bot/core/risk/rate.py", "if world.now_ms - at_ms < MINUTE_MS))", "if False))", needs="max_orders_per_min=2"),
    Planted("order-cap-off", "R11", True, "bot/core/risk/sizing.py", "factor), s.max_order_usd)", "factor), 0.0)",
            (("bot/core/risk/pretrade.py", "most = world.settings.max_order_usd", "most = 0"),
             (_GATE, "limit = self._settings.max_order_usd", "limit = 0")), needs="max_order_usd=20"),
    Planted("lot-caps-off", "R11", True, "bot/core/gates.py", "if not lots_open(", "if False and not lots_open(", needs="max_total_lots=2,max_concurrent_lots=1"),
    Planted("sizes-off-increment", "R12 P18", True, "bot/core/model.py",
            "return floor_to(base_size, self.base_increment)", "return base_size * Decimal('0.99999999999')", more=(("bot/core/risk/pretrade.py", "if value is not None and value % increment != 0:", "if False:"),)),
    Planted("unexplained-balances-ignored", "B7 P7", True, _ACCOUNT, "if mark is None or abs(value) >= UNEXPLAINED_MIN:", "if False:", needs="calm,manual_trade"),
    Planted("maker-buys-the-plan-again", "P11", True, "bot/core/maker.py", "left = job.planned_quote - job.spent_quote", "left = job.planned_quote", needs="market:thin_book,entry_order=maker,max_order_usd=150,risk_per_trade_pct=3"),
    Planted("kill-in-too-large-a-batch", "R9 A8", True, _KILL, "BATCH = 100", "BATCH = 1000", needs="start,stray_orders@1,kill"),
    # the live permission
    Planted("sales-need-the-permission", "I24", True, "bot/runtime/live_lock.py",
            "return self.reason() if purpose is Purpose.ENTRY else self.sales()", "return self.reason()", needs="live,busy,permission_end"),
    Planted("no-permission-is-asked-for", "I24", True, "bot/runtime/live_lock.py",
            "return live_permission.problem(data, self._terms, key.name, key.secret, now_ms)", "return None", more=(("bot/runtime/live_lock.py", "        assert data is not None\n", "        return 'open'\n"),), needs="live,busy,permission_end"),
    Planted("a-copy-is-believed", "I24", True, "shared/folder_identity.py",
            "if name in found.marks and name in marks and found.marks[name] != marks[name]:", "if False:", needs="calm,live,busy,copied_folder", more=_NO_FENCE),
    # storage and process
    Planted("commits-are-not-synced", "F3", True, "shared/ledger/open.py", "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"),
    Planted("restore-lifts-the-kill", "F6 J1", True, _PUT_BACK, "latch, since_ms = (newer or told).latch, older.last_ms", "latch, since_ms = None, older.last_ms",
            ((_PUT_BACK, 'paths.kill.exists() or (folder / "KILL").exists()', "False"),
             (_PUT_BACK, '    if (folder / "KILL").exists():\n', "    paths.kill.unlink(missing_ok=True)\n    if False:\n"),
             ("shared/control.py", "found.append(decode_control(files.read_bytes(paths.control)))", "pass")), needs="calm,restore@0.02,kill"),
    Planted("restore-forgets-the-wish", "F6 J5", True, _PUT_BACK, "carry.desired_state(encoder, level)", "carry.desired_state(encoder, TradingState.RUN)",
            (("shared/control.py", "level = max([least, *(said.level for said in found)])", "level = TradingState.RUN"),), needs="calm,restore@0.02,pause"),
    Planted("restore-is-trusted-blindly", "F6", True, "shared/ledger/restore_mark.py", "for key, value in ((RESTORED, text), ", "for key, value in (", needs="calm,restore@0.02"),
    Planted("restored-past-is-not-fetched", "F6", True, _BOOT, "        if lacks:\n", "        if False:\n", needs="calm,busy,restore@0.9"),
    Planted("two-bots-at-once", "R7 E5", True, "bot/runtime/lock.py", "fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass", needs="calm,second_bot"),
    Planted("lost-lock-unseen", "R7 E5", True, "bot/runtime/process.py", "if not self.lock.still_ours() and", "if False and", needs="calm,lock_gone,start"),
    Planted("removed-ledger-unseen", "F6", True, "bot/runtime/ledger_files.py", "            known = self._inodes.get(path)\n", "            known = None\n", needs="calm,busy,ledger_removed@1"),
    Planted("old-grid-for-ever", "H4 R12", True, "bot/runtime/clocks.py", "RULES_S = 45.0", "RULES_S = 1e9", needs="calm,regrid@0.1,regrid@0.3,regrid@0.8,entry_order=maker"),
    Planted("tasks-pile-up", "R15", False, "bot/runtime/clocks.py", "        bot.watch_ledger()\n", "        bot.watch_ledger()\n        asyncio.get_running_loop().create_task(asyncio.sleep(1e6))\n"),
    # stream and process
    Planted("gaps-ignored", "R17 C3 P8", False, _STREAM, "if number > self._expected:", "if False:", needs="calm,busy,ws_gap:market:0.05"),
    Planted("silence-is-life", "R17 C1 P12", False, _STREAM, "SILENCE_S = 5.0", "SILENCE_S = 5e7", needs="ws_silent"),
    Planted("order-news-do-not-matter", "R17 C1", False, _APP, "down = self._prices_note or self._order_news", "down = self._prices_note", needs="calm,busy,ws_silent:user:1.0,ws_refuse:user:1.0"),
    Planted("stream-gives-up", "R17 C9", False, _STREAM, "backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)", "backoff_s = backoff_s * 60", needs="ws_cut"),
    Planted("no-sync", "R5 R6", True, "bot/runtime/clocks.py", "                await bot.desk.sync()\n", "                pass\n"),
    Planted("state-written-in-place", "R14 F4", False, "bot/runtime/state_writer.py",
            "self._fs.write_whole(self._paths.state, state, durable=durable)", "self._paths.state.write_bytes(state[: len(state) // 2])"),
    Planted("seq-stands-still", "I10", False, "bot/runtime/report.py", "bot.seq += 1", "bot.seq += 0"),
    Planted("backlog-dropped", "F1 P20", True, _APP, "self._backlog.extend(records)\n            self.ledger_failed(error)", "self.ledger_failed(error)", needs="ledger_full"),
    Planted("day-turns-twice", "G4 I20", False, "bot/core/rules/day.py", "return utc_day(now_ms) > utc_day(previous_ms)", "return utc_day(now_ms) >= utc_day(previous_ms) and now_ms % 600_000 < 1_000"),
    Planted("day-by-our-own-clock", "G2 I20", True, "bot/core/world.py", "return self.now_ms + (self.clock_offset_ms or 0)", "return self.now_ms", needs="calm,clock_jump@0.9", more=((_ACCOUNT, " or world.clock_doubt:", ":"),)),
    Planted("missing-order-ends-the-bot", "P22 E7", False, _DESK, "except ExchangeError as error:\n            log.info(\"look-up",
            "except NoAnswerGot as error:\n            log.info(\"look-up", needs="throttle"),
    Planted("401-ends-the-boot", "D6 P15", False, _BOOT, "if doubt_key and isinstance(error, Unauthorized):", "if isinstance(error, Unauthorized):", needs="unauthorized"),
)  # fmt: skip
