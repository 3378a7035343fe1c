"""The state document: what the shell knows of itself around what the engine shows of its world."""

from dataclasses import replace

import orjson

from bot.app.alerts import alerts
from bot.app.ledger import lot_row
from bot.app.metrics import Samples, cpu_s, rss_mb
from bot.app.ports import Host
from bot.app.verdict import price_age_ms, verdict
from bot.engine import view
from bot.engine.account import balance_reconciliation
from bot.engine.execution import questions
from bot.engine.risk import failures
from bot.engine.state.engine_state import EngineState
from bot.engine.state.portfolio import signed_text
from bot.venues.port import StreamHealth
from shared.documents.account import POSITIONS_VERSION, PositionDoc
from shared.documents.control import KillDoc
from shared.documents.feeds import ChannelDoc, FeedsDoc, MetricsDoc
from shared.documents.market import MarketDoc, Quote
from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from shared.documents.strategy import StrategyDoc
from shared.money import plain
from shared.times import epoch_ms, from_epoch_ms, iso_seconds


def state(bot: Host) -> BotState:
    """The whole document, now."""
    now, engine = bot.clock.utc(), bot.engine
    bot.seq += 1
    state = engine.state if engine is not None else None
    if state is not None:
        state.clock.now_ms = epoch_ms(now)
    account = view.account(state) if state is not None else None
    differ_ms = balance_reconciliation.since_ms(state) if state is not None else None
    status, phase = status_and_phase(bot)
    lots = sum(1 for _ in state.positions.lots) if state is not None else len(bot.restored.lots)
    return BotState(
        ts=iso_seconds(now),
        mode=bot.settings.coin_mode.value,
        status=status,
        phase=phase,
        positions=_positions(bot, state) if state is not None and bot.synced else None,
        portfolio_value=account.equity if account is not None else None,
        ws_ok=bot.ws_ok,
        error=bot.error,
        ts_ms=epoch_ms(now),
        seq=bot.seq,
        interval_ms=500,
        boot_id=bot.identity.boot_id,
        pid=bot.identity.pid,
        started_at=bot.identity.started_at,
        build=bot.identity.build,
        config_hash=bot.identity.config_hash,
        supervised=bot.supervised,
        dry_run=bot.settings.dry_run and bot.settings.coin_mode.value == "live",
        live_lock=bot.live_lock.text(lots),
        alerts=alerts(bot, lots),
        boot=bot.boot.documents(bot.clock.monotonic_s()),
        account=account,
        orders=view.orders(state) if state is not None and bot.synced else None,
        risk=view.risk(state) if state is not None and bot.synced else None,
        differences=signed_text(state.account.differences) or None if state is not None else None,
        differences_since=iso_seconds(from_epoch_ms(differ_ms)) if differ_ms is not None else None,
        audit=view.audit(state) if state is not None else None,
        gates=view.gates(state) if state is not None and bot.synced else None,
        feeds=_feeds(bot),
        verdict=verdict(bot, status),
        strategy=_strategy(bot, state) if state is not None and bot.synced else None,
        metrics=_metrics(bot),
        control=bot.control_plane.document(),
        kill=_kill(bot),
        last_command_id=bot.control_plane.last_id,
        receipts=bot.control_plane.newest(),
        events=list(state.journal.events) if state is not None else [],
        io=bot.writer.io(bot.gate.latches.ledger_ok, bot.ledger_error),
    )


def _positions(bot: Host, state: EngineState) -> list[PositionDoc]:
    """Lots by product; a mark is as old as the last frame that confirmed it, which the core cannot know."""
    now_s = bot.clock.monotonic_s()
    return [replace(p, mark_age_ms=price_age_ms(bot, state, p.product_id, now_s)) for p in view.positions(state)]


def status_and_phase(bot: Host) -> tuple[Status, Phase]:
    """A legal pair of the contract."""
    if bot.boot.phase is Phase.ERROR:
        return Status.ERROR, Phase.ERROR
    if bot.ended:
        return Status.STOPPED, Phase.STOPPED
    if bot.engine is None or not bot.engine.state.control.ready:
        return Status.STARTING, bot.boot.phase
    return bot.engine.status, bot.engine.phase


def _strategy(bot: Host, state: EngineState) -> StrategyDoc:
    """What the strategy says, with the settings that it reads and its fitted models where it has any."""
    shown = view.strategy(state)
    if bot.strategy is None:
        return shown
    return replace(shown, models=bot.strategy.models(), settings=bot.strategy.settings_read)


def _kill(bot: Host) -> KillDoc | None:
    latch = bot.control_plane.latch
    if latch is None:
        return None
    progress = bot.kill_path.progress
    return KillDoc(
        latch_id=latch.latch_id,
        at=iso_seconds(from_epoch_ms(latch.at_ms)),
        at_ms=latch.at_ms,
        source=latch.source,
        gate_shut_ms=round(bot.control_plane.gate_shut_ms, 3),
        orders_found=progress.found,
        orders_cancelled=progress.cancelled,
        verified=progress.verified,
        cleared_ms=round(progress.cleared_ms, 1) if progress.cleared_ms is not None else None,
        note=progress.note,
    )


def _feeds(bot: Host) -> FeedsDoc | None:
    if bot.rest is None:
        return None
    now_s = bot.clock.monotonic_s()
    healths = [stream.health for stream in bot.streams]
    market = healths[0] if healths else None
    down = [h for h in healths if not h.connected]
    state = bot.engine.state if bot.engine is not None else None
    offset = state.clock.offset_ms if state is not None else bot.clock_offset_ms
    return FeedsDoc(
        ws_connected=bot.ws_ok,
        ws_since=iso_seconds(from_epoch_ms(market.since_ms)) if market and market.since_ms is not None else None,
        ws_age_ms=_age_ms(market, now_s),
        ws_reconnects=sum(h.reconnects for h in healths),
        ws_gaps=sum(h.gaps for h in healths),
        ws_messages=sum(h.messages for h in healths),
        ws_note="; ".join(f"{h.name}: {h.note}" for h in down) or None,
        channels=[
            ChannelDoc(channel=channel, product_id=product_id, age_ms=max(round((now_s - at_s) * 1000), 0))
            for h in (*healths, *((bot.depth.health,) if bot.depth is not None else ()))
            for (channel, product_id), at_s in h.channel_s.items()
        ],
        rest_ok=bot.rest.last_error is None and bot.rest.last_ms is not None,
        rest_last_ms=round(bot.rest.last_ms, 1) if bot.rest.last_ms is not None else None,
        rest_errors=bot.rest.errors,
        rest_calls=bot.rest.calls,
        rest_note=bot.rest.last_error,
        budget_pct=round(bot.limiter.left_pct, 1),
        clock_offset_ms=offset,
        clock_ok=offset is not None and abs(offset) <= 5000,
    )


def _age_ms(health: StreamHealth | None, now_s: float) -> int | None:
    if health is None or health.last_s is None:
        return None
    return max(round((now_s - health.last_s) * 1000), 0)


def _metrics(bot: Host) -> MetricsDoc | None:
    if bot.engine is None or bot.desk is None:
        return None
    state = bot.engine.state
    totals = state.journal.totals
    tick_to_order: Samples = bot.tick_to_order_ms
    return MetricsDoc(
        decisions={word: totals.get(f"signal_{word}", 0) for word in ("buy", "sell", "flat")},
        orders={side: totals.get(f"orders_{side}", 0) for side in ("buy", "sell")},
        trades={
            "open": totals.get("lots_opened", 0),
            "win": totals.get("wins", 0),
            "loss": totals.get("losses", 0),
        },
        vol_risk_factor=state.risk.last_vol_factor,
        model_mode=state.strategy.model_mode,
        walk_forward_fits=state.strategy.fits(),
        rss_mb=rss_mb(),
        cpu_s=cpu_s(),
        loop_lag_ms_p99=bot.loop_lag_ms.percentile(99) or 0.0,
        write_interval_ms_p99=bot.writer.interval_ms.percentile(99),
        tick_to_order_ms_p50=tick_to_order.percentile(50),
        tick_to_order_ms_p99=tick_to_order.percentile(99),
        ledger_commit_ms_p99=bot.commit_ms.percentile(99),
        guard_failures=failures.by_severity(state),
        decisions_missed=totals.get(questions.MISSED, 0),
    )


def positions_file(bot: Host) -> bytes:
    """`positions.json`: lots, latch and command memory as the ledger holds them, exact amounts as text."""
    now = bot.clock.utc()
    state = bot.engine.state if bot.engine is not None else None
    lots = [lot_row(lot) for lot in state.positions.lots] if state is not None else []
    latch = bot.control_plane.latch
    head = bot.ledger.known_head if bot.ledger is not None else None
    document = {
        "version": POSITIONS_VERSION,
        "ts": iso_seconds(now),
        "ts_ms": epoch_ms(now),
        "mode": bot.settings.coin_mode.value,
        "bot": bot.settings.bot_name,
        "ledger": {"seq": head[0], "chain": head[1]} if head else None,
        "lots": lots,
        "latch": {"latch_id": latch.latch_id, "at_ms": latch.at_ms, "source": latch.source} if latch else None,
        "wish": bot.control_plane.level.word,
        "commands": [receipt.id for receipt in bot.control_plane.newest()],
    }
    return orjson.dumps(document, default=plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def market_file(bot: Host) -> bytes:
    """`market.json`: best bid and ask of each product, and the best levels where the book is kept."""
    assert bot.engine is not None
    quotes = [
        Quote(
            product_id=product_id,
            bid=float(m.bid) if m.bid is not None else None,
            ask=float(m.ask) if m.ask is not None else None,
            last=float(m.price) if m.price is not None else None,
            at_ms=m.priced_ms or 0,
            price_increment_text=plain(m.instrument.price_increment),
            minutes=bot.minutes.shown(product_id),
        )
        for product_id, m in bot.engine.state.markets.by_product.items()
    ]
    depth = bot.depth.shown() if bot.depth is not None and bot.settings.depth_view else []
    document = MarketDoc(ts_ms=epoch_ms(bot.clock.utc()), quotes=quotes, depth=depth)
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
