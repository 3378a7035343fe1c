"""The state document: what the engine shows, and what the process around it knows of itself."""

from dataclasses import replace

import orjson

from bot.app.alerts import alerts
from bot.app.ledger import lot_row
from bot.app.metrics import Samples, cpu_s, rss_mb
from bot.app.ports import (
    FeedsSource,
    KillSource,
    MarketFileSource,
    MetricsSource,
    PhaseSource,
    PositionsSource,
    StateSource,
    VerdictSource,
)
from bot.app.verdict import price_age_ms, verdict
from bot.engine.views.engine_view import EngineView
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


def state(bot: StateSource) -> BotState:
    """The whole document, now."""
    now, engine = bot.clock.utc(), bot.engine
    bot.seq += 1
    view = engine.seen_at(now) if engine is not None else None
    synced = view if bot.synced else None  # before, what is held is the ledger's word alone
    account = view.account.document() if view is not None else None
    differ_ms = view.account.differences_since_ms if view is not None else None
    status, phase = status_and_phase(bot)
    lots = view.positions.lot_count if view is not None else len(bot.restored.lots)
    return BotState(
        ts=iso_seconds(now),
        mode=bot.settings.coin_mode.value,
        status=status,
        phase=phase,
        positions=_positions(bot, synced) if synced is not None else None,
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
        orders=synced.orders.documents() if synced is not None else None,
        risk=synced.risk.document() if synced is not None else None,
        differences=view.account.differences_text if view is not None else None,
        differences_since=iso_seconds(from_epoch_ms(differ_ms)) if differ_ms is not None else None,
        audit=view.records.reconciliation() if view is not None else None,
        gates=synced.gates.document() if synced is not None else None,
        feeds=_feeds(bot),
        verdict=verdict(bot, status),
        strategy=_strategy(bot, synced) if synced is not None else None,
        metrics=_metrics(bot),
        control=bot.control_plane.document(),
        kill=_kill(bot),
        last_command_id=bot.control_plane.last_id,
        receipts=bot.control_plane.newest(),
        events=view.records.events if view is not None else [],
        io=bot.writer.io(bot.gate.latches.ledger_ok, bot.ledger_error),
    )


def _positions(bot: VerdictSource, view: EngineView) -> list[PositionDoc]:
    """Lots by product; a mark is as old as the last frame that confirmed it, which the engine cannot know."""
    now_s = bot.clock.monotonic_s()
    return [replace(p, mark_age_ms=price_age_ms(bot, view, p.product_id, now_s)) for p in view.positions.documents()]


def status_and_phase(bot: PhaseSource) -> tuple[Status, Phase]:
    """A legal pair of the contract."""
    if bot.boot.phase is Phase.ERROR:
        return Status.ERROR, Phase.ERROR
    if bot.ended:
        return Status.STOPPED, Phase.STOPPED
    if bot.engine is None or not bot.engine.view.control.ready:
        return Status.STARTING, bot.boot.phase
    return bot.engine.view.control.status, bot.engine.view.control.phase


def _strategy(bot: StateSource, view: EngineView) -> StrategyDoc:
    """What the strategy says, with the settings that it reads and its fitted models where it has any."""
    shown = view.strategy.document()
    if bot.strategy is None:
        return shown
    port = bot.strategy
    return replace(shown, models=port.models(), settings=port.settings_read, members=port.members)


def _kill(bot: KillSource) -> KillDoc | None:
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


def _feeds(bot: FeedsSource) -> FeedsDoc | None:
    if bot.rest is None:
        return None
    now_s = bot.clock.monotonic_s()
    healths = [stream.health for stream in bot.streams]
    market = healths[0] if healths else None
    down = [h for h in healths if not h.connected]
    offset = bot.engine.view.clock_offset_ms if bot.engine is not None else bot.clock_offset_ms
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
        rest_rate_limited=bot.rest.rate_limited,
        budget_pct=round(bot.limiter.left_pct, 1),
        clock_offset_ms=offset,
        clock_ok=offset is not None and abs(offset) <= 5000,
    )


def _age_ms(health: StreamHealth | None, now_s: float) -> int | None:
    if health is None or health.last_s is None:
        return None
    return max(round((now_s - health.last_s) * 1000), 0)


def _metrics(bot: MetricsSource) -> MetricsDoc | None:
    if bot.engine is None or bot.desk is None:
        return None
    view = bot.engine.view
    count = view.records.count
    tick_to_order: Samples = bot.tick_to_order_ms
    return MetricsDoc(
        decisions={word: count(f"signal_{word}") for word in ("buy", "sell", "flat")},
        orders={side: count(f"orders_{side}") for side in ("buy", "sell")},
        trades={
            "open": count("lots_opened"),
            "win": count("wins"),
            "loss": count("losses"),
        },
        vol_risk_factor=view.risk.last_vol_factor,
        model_mode=view.strategy.model_mode,
        walk_forward_fits=view.strategy.fits,
        rss_mb=rss_mb(),
        cpu_s=cpu_s(),
        loop_lag_ms_p99=bot.loop_lag_ms.percentile(99) or 0.0,
        write_interval_ms_p99=bot.writer.interval_ms.percentile(99),
        tick_to_order_ms_p50=tick_to_order.percentile(50),
        tick_to_order_ms_p99=tick_to_order.percentile(99),
        ledger_commit_ms_p99=bot.commit_ms.percentile(99),
        guard_failures=view.risk.failures,
        decisions_missed=view.strategy.answers_missed,
        latencies={
            "order_ack": bot.desk.order_ms.all.document(),
            "ledger_commit": bot.commit_ms.all.document(),
            "loop_lag": bot.loop_lag_ms.all.document(),
            "tick_to_order": tick_to_order.all.document(),
        }
        | ({"rest_request": bot.rest.latencies.document()} if bot.rest is not None else {}),
    )


def positions_file(bot: PositionsSource) -> bytes:
    """`positions.json`: lots, latch and command memory as the ledger holds them, exact amounts as text."""
    now = bot.clock.utc()
    lots = (
        [lot_row(lot) | {"side": lot.side.value} for lot in bot.engine.view.positions.lots()]
        if bot.engine is not None
        else []
    )
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


def market_file(bot: MarketFileSource) -> bytes:
    """`market.json`: best bid and ask of each product, and the best levels where the book is kept."""
    assert bot.engine is not None
    quotes = [
        Quote(
            product_id=m.product_id,
            bid=float(m.bid) if m.bid is not None else None,
            ask=float(m.ask) if m.ask is not None else None,
            last=float(m.price) if m.price is not None else None,
            at_ms=m.priced_ms or 0,
            price_increment_text=plain(m.instrument.price_increment),
            minutes=bot.minutes.shown(m.product_id),
        )
        for m in bot.engine.view.markets.all()
    ]
    depth = bot.depth.shown() if bot.depth is not None and bot.settings.depth_view else []
    document = MarketDoc(ts_ms=epoch_ms(bot.clock.utc()), quotes=quotes, depth=depth)
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
