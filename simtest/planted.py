"""Planted bugs: each switches one rule of the design off, or repeats a failure that became public.

A bug is one or more edits of the products' syntax trees, made in a copy of the sources; the patterns are explained in
simtest/code_pattern.py. An edit names no file, and a path like `world.fence.second_writer` by its last name: moving a
module or renaming a variable costs nothing. `money` marks bugs that touch money or kill.
"""

from typing import NamedTuple


class CodeEdit(NamedTuple):
    """`find`, which the products hold exactly once, becomes `put`."""

    find: str
    put: str
    within: str = ""  # the function or class around it, for what is found elsewhere too: "seen", "CoinbaseStream.run"
    every: bool = False  # wherever it is found, instead of in one place


class Planted(NamedTuple):
    """One bug."""

    name: str
    rule: str  # of the design, or the public failure
    money: bool
    edits: tuple[CodeEdit, ...]  # several: of one rule that is kept in several places, defence in depth
    needs: str = ""  # a fault that every seed is given besides its own, where the bug lies behind a rare one


# The account's fills by cursor make good what an order's own fills lack: both are switched off.
_NO_FEED = CodeEdit("await fills.read()", "None", every=True)
_NO_EXIT_CHECK = CodeEdit("if other and not settled: ...", "if False: ...")
_NO_CHASE = CodeEdit("$w.emit(FetchFills(...))", "None", "chase")

# A second writer shuts entries by itself.
_NO_FENCE = (
    CodeEdit("if second_writer is None: ...", "if True: ...", "second_writer"),
    CodeEdit("if second_writer is None and entries_blocked: ...", "if False: ..."),
    CodeEdit("if second_writer is not None: ...", "if False: ...", "second_writer_of_order"),
    CodeEdit("if entries_blocked: ...", "if False: ..."),
)
_NO_LATCH = CodeEdit("latch is None", "True", "may_enter")
_NO_LEVEL = CodeEdit("level is RUN", "True", "may_enter")
_LOSSES = "max_daily_loss_pct=0.02,sim_taker_fee_pct=0.9,risk_per_trade_pct=10,max_order_usd=0"
_MOVES = ",".join(["calm", "busy", *["move_take", "move_stop"] * 6])
_REGRIDS = ",".join(["regrid@1"] * 6)

PLANTED: tuple[Planted, ...] = (
    # the audit trail
    Planted("command-without-an-entry", "I27", False, (CodeEdit("if $command.id not in found: ...", "if False: ..."),)),
    Planted(
        "audit-chain-forks",
        "I27",
        False,
        (CodeEdit('{"prev": $last.hash, **$_}', '{**$it, "prev": $last.hash if $last.seq % 3 else ""}'),),
    ),
    # 1 record first, send second
    Planted(
        "no-intent-before-send",
        "R1 A7",
        True,
        (
            CodeEdit(
                "committed = $self.commit(records) if records else True",
                (
                    "committed = True\n"
                    "if records:\n"
                    "    asyncio.get_running_loop().call_later(0.5, $self.commit, records)"
                ),
            ),
        ),
    ),
    Planted(
        "send-though-commit-failed",
        "R1 R11 F1 P20",
        True,
        (
            CodeEdit("if not committed: ...", "if False: ..."),
            CodeEdit("if not ledger_ok: ...", "if False: ...", "shut"),
        ),
        "ledger_full",
    ),
    Planted(
        "empty-client-order-id",
        "R1",
        True,
        (
            CodeEdit(
                '{"client_order_id": $id, "product_id": $product, **$_}', '{**$it, "client_order_id": ""}', "create"
            ),
        ),
    ),
    # 2 and 3 unknown
    Planted(
        "timeout-means-refused",
        "R2 P1 P5",
        True,
        (CodeEdit("$events.OutcomeUnknown($id, $why)", "$events.VenueRejected($id, $why)", "place"),),
        "lost_after",
    ),
    Planted(
        "timeout-means-denied",
        "R2 P6",
        True,
        (CodeEdit("$events.OutcomeUnknown($id, $why)", "$events.RiskRejected($id, $why)", "place"),),
        "lost_after",
    ),
    Planted(
        "order-again-after-timeout",
        "R4 P1 P2",
        True,
        (CodeEdit("$self._dispatch(OutcomeUnknown($id, $why))", "$self._begin($self._place(spec, began_s))", "place"),),
        "lost_after",
    ),
    Planted(
        "retry-with-a-new-id",
        "R4 P1",
        True,
        (
            CodeEdit(
                "$self._dispatch(OutcomeUnknown($spec.client_order_id, $why))",
                (
                    "from dataclasses import replace\n"
                    "again = replace($spec, client_order_id=$spec.client_order_id[:-1] + 'f')\n"
                    "$self._begin($self._place(again, began_s))"
                ),
                "OrderExecutor._place",
            ),
        ),
        "lost_after",
    ),
    Planted(
        "unknown-error-is-final", "R2 A5 P5", True, (CodeEdit("if not definitive: ...", "if False: ..."),), "mangle"
    ),
    Planted(
        "4xx-is-final",
        "R2 A5",
        True,
        (CodeEdit('if $error.code != "INVALID_ARGUMENT": ...', "if False: ..."),),
        "odd_status",
    ),
    Planted(
        "empty-body-is-an-empty-list",
        "R3 A5",
        True,
        (CodeEdit("if not isinstance(page, list): ...", ("page = page or []\nif False: ...")),),
        "lost_after:POST /orders:0.5,mangle:GET /orders:1.0,ws_hide:user:0.9",
    ),
    Planted(
        "absent-after-one-look",
        "R3 P3 P4",
        True,
        (CodeEdit("if absences >= ABSENCES_NEEDED and $span >= ABSENCE_SPAN_MS: ...", "if True: ..."),),
        "lost_after,list_lag::1.0,ws_hide:user:0.9",
    ),
    Planted(
        "absent-after-a-second",
        "R3 A6",
        True,
        (CodeEdit("ABSENCE_SPAN_MS", "1_000", "looked_up"),),
        "lost_after,list_lag::1.0,ws_hide:user:0.9",
    ),
    Planted(
        "lookup-error-is-absence",
        "R3 P3",
        True,
        (
            CodeEdit(
                "log.info($text, $id, $error)", "self._dispatch(ev.LookupResult($id, None, complete=True))", "look_up"
            ),
            _NO_FEED,
        ),
        "calm,busy,lost_after:POST /orders:0.5,lookups_fail:GET /orders:1.0,ws_hide:user:0.9",
    ),
    Planted(
        "unknown-is-never-looked-up",
        "R3",
        True,
        (CodeEdit("state is UNKNOWN or $order.order_id", "$order.order_id"),),
        "lost_after",
    ),
    Planted(
        "unknown-does-not-block", "R3", True, (CodeEdit("entries_in_flight(...)", "[]", "in_flight"),), "lost_after"
    ),
    Planted(
        "sent-orders-forgotten-at-boot",
        "R6 A7",
        True,
        (CodeEdit("$events.OutcomeUnknown($id, $why)", "$events.RiskRejected($id, $why)", "settle_unfinished"),),
        "crash_at_send",
    ),
    # 5 fills
    Planted("fills-counted-twice", "R5 P9", True, (CodeEdit("key in fill_keys", "False", "count"),)),
    Planted(
        "fill-memory-lost-at-boot",
        "R5 P9",
        True,
        (CodeEdit("set($restored.fill_keys)", "set()"),),
        "market:thin_book,risk_per_trade_pct=20,max_order_usd=0,entry_order=maker,crash,crash,crash",
    ),
    Planted(
        "fills-not-fetched",
        "R5 P8",
        True,
        (
            CodeEdit("if $after.order_id and owed: ...", "if False: ..."),
            _NO_FEED,
            _NO_CHASE,
        ),
    ),
    Planted(
        "fills-fetched-once",
        "R5 B9",
        True,
        (
            _NO_CHASE,
            _NO_FEED,
        ),
        "fill_lag",
    ),
    Planted(
        "settled-before-fills",
        "R5 P11",
        True,
        (
            CodeEdit("counted_size < filled_size", "False", "settled"),
            CodeEdit("state is not FILLED or counted_size > 0", "True"),
        ),
        "fill_lag",
    ),
    Planted(
        "first-page-of-fills-only",
        "R5 B9",
        True,
        (
            CodeEdit(
                '$self._pages($path, {"order_ids": $ids, **$_}, "fills")',
                '$self._pages($path, {"order_ids": $ids, "limit": 1}, "nothing")',
            ),
            _NO_FEED,
        ),
    ),
    Planted("fill-fee-ignored", "R12", True, (CodeEdit("$lot.entry_fee + fill.fee", "$lot.entry_fee"),)),
    Planted("partial-fill-lot-is-whole", "P11", True, (CodeEdit("$lot.base_left + fill.base_size", "$lot.base_left"),)),
    Planted(
        "sale-does-not-lower-the-lot", "P11", True, (CodeEdit("$lot.base_left - fill.base_size", "$lot.base_left"),)
    ),
    Planted(
        "money-in-floats",
        "R12",
        True,
        (CodeEdit("$lot.proceeds + $fill.price * $fill.base_size", "Decimal(float($it))"),),
    ),
    Planted(
        "dust-dropped",
        "I2",
        True,
        (CodeEdit("replace(..., dust=$left)", "replace($it, dust=ZERO)"),),
        f"calm,busy,quote_min:1,risk_per_trade_pct=0.2,{_REGRIDS},flatten",
    ),
    Planted("realised-without-fee", "I9", True, (CodeEdit("proceeds - exit_fee - $spent", "proceeds - $spent"),)),
    Planted("day-counts-no-realised", "I9", True, (CodeEdit("$day.realized + realized", "$day.realized"),)),
    # exits
    Planted(
        "take-not-cancelled-first",
        "I3 P10",
        True,
        (
            CodeEdit(
                ("if $working is not None:\n    if $purpose is $take and $may:\n        cancel(...)\n    return"),
                ("if $working is not None:\n    if $purpose is not $take:\n        return"),
            ),
            _NO_EXIT_CHECK,
        ),
    ),
    Planted(
        "cancel-is-believed",
        "A8",
        True,
        (CodeEdit("$world.step_order($order, $input.CANCEL)", "$world.step_order($order, $input.SEEN_CANCELLED)"),),
    ),
    Planted(
        "exit-memory-lost",
        "I3",
        True,
        (
            CodeEdit('{"exit_client_order_id": $id, "exit_reason": $_, **$_}', '{**$it, "exit_client_order_id": None}'),
            _NO_EXIT_CHECK,
        ),
        "crash,crash",
    ),
    Planted(
        "attempts-lost-at-boot",
        "R1 P28",
        True,
        (CodeEdit("dict($restored.attempts)", "{}", "OrdersState"),),
        "crash_at_send",
    ),
    Planted(
        "used-bar-lost",
        "I3",
        True,
        (
            CodeEdit("if known_for(...) is not None: ...", "if False: ...", "submit"),
            CodeEdit("$market.used_bar_s = $value", "$market.used_bar_s = None", "added"),
        ),
        "crash,crash,crash",
    ),
    Planted(
        "gone-means-cancelled",
        "P3 A9",
        True,
        (CodeEdit("_look($world, $order)", "$world.step_order($order, OrderInput.SEEN_CANCELLED)", "list_seen"),),
        "ws_hide",
    ),
    # what a person does to a lot by hand
    Planted(
        "moved-take-stays",
        "R11 HAND",
        True,
        (CodeEdit("if $order is not None and _may_replace(...): ...", "if False: ..."),),
        _MOVES,
    ),
    Planted(
        "move-is-done-when-asked-for",
        "R11 HAND",
        True,
        (CodeEdit('take_profit_order != "limit"', "True", "_follow"),),
        _MOVES,
    ),
    Planted(
        "take-moved-into-a-loss",
        "R11 HAND",
        True,
        (CodeEdit("if $price < $level and not $wanted: ...", "if False: ...", "take_refusal"),),
        _MOVES,
    ),
    Planted(
        "moved-stop-forgotten",
        "R11 HAND",
        True,
        (CodeEdit("replace_lot($lot, stop_ticks=$_)", "$lot", "move_stop"),),
        _MOVES,
    ),
    Planted(
        "part-is-all-of-it",
        "R11 HAND",
        True,
        (CodeEdit("_go_on($state, $job, $lot, $lot.base_left - $keep)", "_go_on($state, $job, $lot, $lot.base_left)"),),
        ",".join(["calm", "busy", *["sell_part"] * 8]),
    ),
    # a bot that does not do its job: the reference model sees it on any seed
    Planted("never-buys", "R1 ENTRY", True, (CodeEdit('if signal != "buy" or $_: ...', "if True: ...", "consider"),)),
    Planted(
        "buys-on-sell",
        "R1 ENTRY",
        True,
        (
            CodeEdit('$market.signal != "buy"', '$market.signal != "sell"', "consider"),
            CodeEdit('OPEN if $market.signal == "buy" else SHUT', 'OPEN if $market.signal == "sell" else SHUT'),
        ),
    ),
    Planted(
        "exits-never-judged", "R3 STOP", True, (CodeEdit("if price is None or not may_exit: ...", "if True: ..."),)
    ),
    Planted(
        "take-never-rests",
        "R2 TAKE",
        True,
        (CodeEdit('if take_profit_order != "limit" or not may_exit: ...', "if True: ..."),),
    ),
    Planted(
        "stop-of-the-last-entry",
        "R3 STOP",
        True,
        (
            CodeEdit(
                "for $lot in $lots: ...",
                "for $lot in [replace_lot(one, stop_ticks=$lots[-1].stop_ticks) for one in $lots]: ...",
                "judge",
            ),
        ),
    ),
    Planted(
        "trail-never-moves", "R4 TRAIL", True, (CodeEdit("max(peak_ticks, price_ticks)", "peak_ticks", "trail_step"),)
    ),
    Planted("nobody-is-promoted", "R5 PROMOTE", True, (CodeEdit("if promoted is not None: ...", "if False: ..."),)),
    Planted(
        "sell-signal-ignored",
        "R9 SIGNAL",
        True,
        (CodeEdit("exit_by_signal($reason, $signal, $on)", "$reason", "judge"),),
    ),
    Planted(
        "weight-never-bought",
        "R10 WEIGHT",
        True,
        (CodeEdit("if not paused($s, $p, Side.BUY) and first_shut($s, $m) is None: ...", "if False: ..."),),
    ),
    Planted(
        "weight-never-sold",
        "R10 WEIGHT",
        True,
        (CodeEdit("if sellable and next_sale($s, $m) is not None: ...", "if False: ..."),),
    ),
    Planted("zero-inside-the-band-stays", "R10 WEIGHT", True, (CodeEdit("if target == 0.0: ...", "if False: ..."),)),
    Planted(
        "weight-of-all-equity",
        "R10 WEIGHT",
        True,
        (CodeEdit("product_share_quote($equity, $pct, len($s.products))", "product_share_quote($equity, $pct, 1)"),),
    ),
    Planted(
        "no-opinion-is-cash",
        "R10 WEIGHT",
        True,
        (
            CodeEdit(
                "$w if isinstance($t, Exposure) and not math.isnan($w) else None",
                "(0.0 if math.isnan($w) else $w) if isinstance($t, Exposure) else None",
            ),
        ),
    ),
    Planted(
        "bid-never-times-out",
        "R6 CANCEL",
        True,
        (CodeEdit("if now_ms >= deadline_ms: ...", "if False: ...", "why_end"),),
    ),
    Planted(
        "flat-is-claimed",
        "R7 FLATTEN",
        True,
        (
            CodeEdit("$sell($state, $lot, $reason($job))", "None", "chase"),
            CodeEdit("len(unsellable) == len(left) and not entries", "True", "chase"),
        ),
    ),
    # two bots under one name
    Planted(
        "no-epoch-in-the-id",
        "E5",
        True,
        (CodeEdit("epoch", "self.facts(*parts)[:8]", "OrderIdCodec.make"),),
        "calm,busy,copied_folder",
    ),
    Planted(
        "second-writer-unseen",
        "E5",
        True,
        (CodeEdit("$since is not None and $made >= $since", "False", "is_foreign"),),
        "calm,busy,copied_folder",
    ),
    Planted("second-writer-does-not-shut", "E5", True, (*_NO_FENCE,), "calm,busy,copied_folder"),
    Planted(
        "second-writer-forgotten",
        "E5",
        True,
        (CodeEdit("facts.get(SECOND_WRITER)", "None"),),
        "calm,busy,copied_folder,crash_at_commit:after commit:0.02",
    ),
    Planted(
        "orders-from-before-the-start-are-foreign",
        "E5 F6",
        False,
        (CodeEdit("$since is not None and $made >= $since", "$since is not None", "is_foreign"),),
        "busy,market:lively,lose_ledger",
    ),
    # 8 and 9 kill, stop, pause
    Planted("kill-in-memory-only", "R8", True, (CodeEdit("ledger.latch($latch)", "None", "kill"),), "start,kill,crash"),
    Planted(
        "latch-not-restored",
        "R8 P19",
        True,
        (CodeEdit("if restored.latch is not None: ...", "if False: ..."),),
        "start,kill,crash",
    ),
    Planted(
        "gate-ignores-kill",
        "R9",
        True,
        (
            CodeEdit("if killed or $file: ...", "if False: ..."),
            _NO_LATCH,
        ),
        "start,kill",
    ),
    Planted(
        "gate-asked-too-early",
        "R9 J1",
        True,
        (
            CodeEdit("await admit($spec)", "None"),
            CodeEdit(
                "refusal = $gate.refusal($spec)",
                ("$it\nawait self._rest.admit($spec)\nawait self._clock.sleep(8.0)"),
            ),
            CodeEdit("shut() if shut is not None else None", "None"),
        ),
        "throttle::0.5,start,kill",
    ),
    Planted(
        "kill-knows-open-only",
        "A9",
        True,
        (CodeEdit('{"order_status": list($working), **$_}', '{**$it, "order_status": ["OPEN"]}'),),
        "calm,busy,status_lag::1.0,kill",
    ),
    Planted(
        "kill-looks-once",
        "R9",
        True,
        (CodeEdit("while latched(): ...", "for _ in range(1): ..."),),
        "status_before::0.5,start,kill",
    ),
    Planted(
        "kill-cancels-nothing",
        "R9",
        True,
        (CodeEdit("count(await $rest.cancel($ids), progress)", "None"),),
        "start,kill",
    ),
    Planted(
        "kill-cancels-everybody",
        "I4",
        True,
        (CodeEdit("$ids.is_ours(...)", "True", "own_open_orders"),),
        "foreign_order,start,kill",
    ),
    Planted(
        "damaged-kill-is-garbage",
        "R9 J1 F4",
        True,
        (CodeEdit("$kill or broken_kill", "$kill"),),
        "calm,busy,start,broken_kill",
    ),
    Planted(
        "last-key-wins",
        "R9 J1 F4",
        True,
        (
            CodeEdit("if twice is not None: ...", "if False: ..."),
            CodeEdit("if kill is not None and $level is not KILL and $ring: ...", "if False: ..."),
        ),
        "calm,busy,start,broken_kill",
    ),
    Planted(
        "kill-switch-off-lifts",
        "R8 J4",
        True,
        (
            CodeEdit(
                "if $look.level is not None: ...",
                (
                    "if $look.level is not None and self.latch is not None:\n"
                    "    self.latch = None\n"
                    "    bot.gate.latches.killed = False\n"
                    "if $look.level is not None: ..."
                ),
            ),
        ),
        "start,kill,pause",
    ),
    Planted(
        "pause-only-shown",
        "I6",
        True,
        (
            CodeEdit("latches.level = level", "None", "set_level"),
            _NO_LEVEL,
        ),
        "start,pause",
    ),
    Planted(
        "gate-ignores-stop",
        "I6",
        True,
        (
            CodeEdit("if latches.level >= STOP: ...", "if False: ..."),
            _NO_LEVEL,
        ),
        "start,stop",
    ),
    # 11 limits, freshness, loss
    Planted("no-breaker", "I8 P19", True, (CodeEdit("judge_breaker(...)", "None"),), _LOSSES),
    Planted("breaker-reset-by-restart", "I8 P19", True, (CodeEdit("recovered.day", "None"),), f"{_LOSSES},crash"),
    Planted(
        "breaker-does-not-shut",
        "I8",
        True,
        (CodeEdit("breaker_ms if day is not None else None", "None", "tripped_ms"),),
        _LOSSES,
    ),
    Planted(
        "stale-data-trades",
        "R11 P12",
        False,
        (
            CodeEdit("$open if age_ms <= $limit else $shut", "$open", "feed"),
            CodeEdit("age_ms > $limit", "False"),
        ),
        "ws_mute_product",
    ),
    Planted(
        "no-order-rate",
        "R11 H7",
        True,
        (CodeEdit("now_ms - at_ms < MINUTE_MS", "False", every=True),),
        "max_orders_per_min=2",
    ),
    Planted(
        "order-cap-off",
        "R11",
        True,
        (
            CodeEdit("capped_quote($quote, max_order_usd)", "capped_quote($quote, 0.0)", every=True),
            CodeEdit("max_order_usd", "0", "notional"),
        ),
        "max_order_usd=20",
    ),
    Planted(
        "lot-caps-off",
        "R11",
        True,
        (CodeEdit("not lots_open(...)", "False", "lots", every=True),),
        "max_total_lots=2,max_concurrent_lots=1",
    ),
    Planted(
        "sizes-off-increment",
        "R12 P18",
        True,
        (
            CodeEdit("floor_to($size, base_increment)", '$size * Decimal("0.99999999999")'),
            CodeEdit("if value is not None and value % increment != 0: ...", "if False: ..."),
        ),
    ),
    Planted(
        "unexplained-balances-ignored",
        "B7 P7",
        True,
        (CodeEdit("if $mark is None or abs($value) >= UNEXPLAINED_MIN: ...", "if False: ..."),),
        "calm,manual_trade",
    ),
    Planted(
        "maker-buys-the-plan-again",
        "P11",
        True,
        (CodeEdit("$job.planned_quote - spent_quote", "$job.planned_quote", "left_size"),),
        "market:thin_book,entry_order=maker,max_order_usd=150,risk_per_trade_pct=3",
    ),
    Planted(
        "kill-in-too-large-a-batch",
        "R9 A8",
        True,
        (CodeEdit("BATCH = 100", "BATCH = 1000"),),
        "start,stray_orders@1,kill",
    ),
    # the live permission
    Planted(
        "sales-need-the-permission",
        "I24",
        True,
        (CodeEdit("$entry if purpose is ENTRY else sales()", "$entry"),),
        "live,busy,permission_end",
    ),
    Planted(
        "no-permission-is-asked-for",
        "I24",
        True,
        (
            CodeEdit("live_permission.problem(...)", "None"),
            CodeEdit("assert data is not None", "return 'open'"),
        ),
        "live,busy,permission_end",
    ),
    Planted(
        "a-copy-is-believed",
        "I24",
        True,
        (
            CodeEdit("marks[$name] != marks[$name]", "False"),
            *_NO_FENCE,
        ),
        "calm,live,busy,copied_folder",
    ),
    # storage and process
    Planted(
        "commits-are-not-synced", "F3", True, (CodeEdit('"PRAGMA synchronous=FULL"', '"PRAGMA synchronous=NORMAL"'),)
    ),
    Planted(
        "restore-lifts-the-kill",
        "F6 J1",
        True,
        (
            CodeEdit("($newer or $told).latch", "None"),
            CodeEdit('$killed or kill.exists() or ($folder / "KILL").exists()', "$killed"),
            CodeEdit(('if ($folder / "KILL").exists():\n    $kill.touch(...)'), "$kill.unlink(missing_ok=True)"),
            CodeEdit("$found.append(decode_control(read_bytes(control)))", "None"),
        ),
        "calm,restore@0.02,kill",
    ),
    Planted(
        "restore-forgets-the-wish",
        "F6 J5",
        True,
        (
            CodeEdit("$carry.desired_state($encoder, level)", "$carry.desired_state($encoder, TradingState.RUN)"),
            CodeEdit("max([least, *$said])", "TradingState.RUN"),
        ),
        "calm,restore@0.02,pause",
    ),
    Planted(
        "restore-is-trusted-blindly",
        "F6",
        True,
        (CodeEdit("((RESTORED, $text), *$rest)", "$rest"),),
        "calm,restore@0.02",
    ),
    Planted(
        "restored-past-is-not-fetched",
        "F6",
        True,
        (CodeEdit("if lacks: ...", "if False: ..."),),
        "calm,busy,restore@0.9",
    ),
    Planted(
        "two-bots-at-once",
        "R7 E5",
        True,
        (CodeEdit("flock($handle, LOCK_EX | LOCK_NB)", "None", "InstanceLock.acquire"),),
        "calm,second_bot",
    ),
    Planted("lost-lock-unseen", "R7 E5", True, (CodeEdit("lock.still_ours()", "True"),), "calm,lock_gone,start"),
    Planted("removed-ledger-unseen", "F6", True, (CodeEdit("inodes.get(path)", "None"),), "calm,busy,ledger_removed@1"),
    Planted(
        "old-grid-for-ever",
        "H4 R12",
        True,
        (CodeEdit("RULES_S = $seconds", "RULES_S = 1e9"),),
        "calm,regrid@0.1,regrid@0.3,regrid@0.8,entry_order=maker",
    ),
    Planted(
        "tasks-pile-up",
        "R15",
        False,
        (CodeEdit("watch_ledger()", ("$it\nasyncio.get_running_loop().create_task(asyncio.sleep(1e6))")),),
    ),
    # stream and process
    Planted(
        "gaps-ignored",
        "R17 C3 P8",
        False,
        (CodeEdit("if number > expected: ...", "if False: ..."),),
        "calm,busy,ws_gap:market:0.05",
    ),
    Planted(
        "silence-is-life", "R17 C1 P12", False, (CodeEdit("SILENCE_S = $seconds", "SILENCE_S = 5e7"),), "ws_silent"
    ),
    Planted(
        "order-news-do-not-matter",
        "R17 C1",
        False,
        (CodeEdit("$prices or order_news", "$prices"),),
        "calm,busy,ws_silent:user:1.0,ws_refuse:user:1.0",
    ),
    Planted(
        "stream-gives-up",
        "R17 C9",
        False,
        (
            CodeEdit(
                "Backoff($first, $most, $rng, least_s=$least)",
                "Backoff(900.0, 900.0, $rng, least_s=$least)",
                "CoinbaseStream.run",
            ),
        ),
        "ws_cut",
    ),
    Planted("no-sync", "R5 R6", True, (CodeEdit("await desk.sync()", "None", "clock_b"),)),
    Planted(
        "state-written-in-place",
        "R14 F4",
        False,
        (
            CodeEdit(
                "$fs.write_whole($paths.state, $state, ...)", "$paths.state.write_bytes($state[: len($state) // 2])"
            ),
        ),
    ),
    Planted("seq-stands-still", "I10", False, (CodeEdit("$bot.seq += 1", "$bot.seq += 0"),)),
    Planted(
        "backlog-dropped",
        "F1 P20",
        True,
        (CodeEdit("$self.ledger_failed(error)", ("$self._backlog.clear()\n$it"), "commit"),),
        "ledger_full",
    ),
    Planted(
        "day-turns-twice",
        "G4 I20",
        False,
        (CodeEdit("utc_day($now) > utc_day($before)", "utc_day($now) >= utc_day($before) and $now % 600_000 < 1_000"),),
    ),
    Planted(
        "day-by-our-own-clock",
        "G2 I20",
        True,
        (
            CodeEdit("$now_ms + (offset_ms or 0)", "$now_ms", "exchange_ms"),
            CodeEdit("in_doubt", "False", "turn"),
        ),
        "calm,clock_jump@0.9",
    ),
    Planted(
        "missing-order-ends-the-bot",
        "P22 E7",
        False,
        (CodeEdit("ExchangeError", "NoAnswerGot", "look_up"),),
        "throttle",
    ),
    Planted("401-ends-the-boot", "D6 P15", False, (CodeEdit("doubt_key and $refused", "$refused"),), "unauthorized"),
    # found by outsiders; each survived until it had a test of its own
    Planted(
        "market-exit-to-the-nearest-step",
        "R12 I3",
        True,
        (
            CodeEdit(
                "$market.instrument.floor_size($lot.base_left)",
                "round($lot.base_left / $market.instrument.base_increment) * $market.instrument.base_increment",
                "next_size",
            ),
            CodeEdit("if base_size is None or $size > base_left: ...", "if False: ...", "holdings"),
        ),
        # COIN-SIM fills in whole steps: only coarser ones make a lot that is none.
        f"calm,busy,quote_min:1,{_REGRIDS},flatten",
    ),
    Planted(
        "fee-tier-learnt-once",
        "H4",
        True,
        (CodeEdit("$portfolio.rates = event.rates", "$portfolio.rates = before or event.rates", "fees_seen"),),
        "calm,fees@0.9",
    ),
    Planted("crash-booked-as-a-clean-end", "R15 E1", True, (CodeEdit("code != EXIT_CRASH", "True", "end"),)),
    Planted(
        "clock-offset-the-wrong-way-round",
        "G2 I20",
        True,
        (CodeEdit("epoch_ms(there) - $ours", "-($it)", "clock_offset_ms"),),
    ),
    Planted(
        "no-sync-after-a-streams-return",
        "R17 C9",
        True,
        (CodeEdit("if up and was is False: ...", "if False: ...", "stream_changed"),),
    ),
    Planted(
        "day-named-by-the-local-clock",
        "I20",
        True,
        (CodeEdit("from_epoch_ms(exchange_ms)", "$it.astimezone()", "turn"),),
    ),
    Planted(
        "waiting-records-in-front",
        "F1 P20",
        True,
        (CodeEdit("$self.backlog.extend(records)", "$self._backlog[:0] = records", "commit", every=True),),
    ),
    Planted(
        "cancel-queued-is-cancelled",
        "A8",
        True,
        (CodeEdit('{"CANCELLED": $cancelled, **$_}', '{**$it, "CANCEL_QUEUED": $cancelled}'),),
    ),
    Planted(
        "product-dropped-at-reconnect",
        "R17 C9",
        False,
        (
            CodeEdit(
                "$self.product_ids",
                "($it[:-1] or $it) if $self.health.reconnects else $it",
                "CoinbaseStream.session",
            ),
        ),
    ),
    Planted("rate-memory-lost-at-boot", "R11 H7", True, (CodeEdit("order_times(...)", "()", "restored"),)),
    # what is published
    Planted("a-command-is-done-again", "P5 J4", True, (CodeEdit("seen_ids.update(...)", "None"),)),
    Planted(
        "a-crash-is-booked-as-an-end",
        "P6 E7",
        False,
        (CodeEdit('{"boot_id": $id, "at_ms": $now, **$_}', '{**$it, "ended_ms": $now}', "boot_began"),),
    ),
    Planted(
        "crashes-are-not-counted",
        "P6 E7",
        False,
        (CodeEdit("unclean_starts(...)", "0"),),
        "safe_starts=3,crash,crash,crash,crash",
    ),
    Planted("an-order-is-not-counted", "P3", False, (CodeEdit('$state.count("orders")', "None", "send"),)),
    Planted("a-lot-is-not-counted", "P3", False, (CodeEdit('$state.count("lots_opened")', "None", "into_entry"),)),
    Planted(
        "flat-is-claimed-at-once",
        "P5 J8",
        True,
        (CodeEdit("if len(unsellable) == len(left) and $none: ...", "if True: ..."),),
    ),
    Planted("day-transfers-dropped", "P7 B7", True, (CodeEdit("$day.transfers + $value", "$day.transfers", "book"),)),
    Planted(
        "locked-entries-are-no-alert",
        "P8 I17",
        False,
        (CodeEdit("$found.append(AlertDoc(code=ENTRIES_LOCKED, text=$text))", "None"),),
    ),
    Planted(
        "a-latch-is-not-published",
        "P9",
        False,
        (CodeEdit('$state.entries_blocked or ("day loss limit reached" if $tripped else None)', "None"),),
    ),
)
