"""What must hold before live orders are allowed, each as one row: key, clock, fees, limits, trial, kill drill."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bot.app.kill_path import drill
from bot.domain.balances import FeeRates
from bot.engine.execution.edge import adjusted, fees_of, ways_out
from bot.rules.entries import runner_tp_pct
from bot.venues import registry
from bot.venues.errors import ExchangeError, RateLimited
from bot.venues.net import SystemNet
from bot.venues.port import Access, ApiKey, BadKey, TradingClient, ids_of
from cli.doctor.check import DiagnosticRow, bad, good, note, warn
from shared.figures import plainly
from shared.ledger.db import LedgerError
from shared.ledger.key_values import read_key_value
from shared.ledger.open import open_reader
from shared.ledger.schema import lots
from shared.ports import SystemClock, SystemRng
from shared.settings import Mode, Profile, Settings
from shared.times import epoch_ms

CLOCK_LIMIT_MS = 2_000
RATE_TRIES = 3
TRIAL_LOTS = 10
TRIALS = (Mode.SIM, Mode.REPLAY, Mode.PAPER)


@dataclass(frozen=True, slots=True)
class Checklist:
    """All rows, and the key they were made with; None = there is no usable one."""

    rows: list[DiagnosticRow]
    key: ApiKey | None


def run(settings: Settings, where: object, trial: Path) -> Checklist:
    """Look at everything; nothing is ordered, nothing is cancelled."""
    rows = [_mode(settings), *limits(settings)]
    key: ApiKey | None = None
    try:
        key = registry.load().load_key(settings, where, may_wait=False)
    except BadKey as error:
        rows.append(bad("key", str(error), "Fix COINBASE_KEY_FILE"))
    if key is not None:
        rows += asyncio.run(_at_the_exchange(settings, where, key))
    rows.append(trial_result(trial))
    return Checklist(rows, key)


def _mode(s: Settings) -> DiagnosticRow:
    if s.coin_mode is not Mode.LIVE:
        return bad("mode", f"COIN_MODE={s.coin_mode}", "COIN_MODE=live, with a DATA_DIR of its own")
    if s.profile is Profile.DEV:
        return bad("mode", "PROFILE=dev", "PROFILE=canary first, prod later")
    lock = "DRY_RUN=true: orders stay locked until it is false" if s.dry_run else "DRY_RUN=false"
    return good("mode", f"live, profile {s.profile}, {lock}")


def limits(s: Settings) -> list[DiagnosticRow]:
    """The limits that the permission is bound to; a missing one is said."""
    day = f"{plainly(s.max_daily_loss_pct)} % of equity" + (
        f" or {plainly(s.max_daily_loss_usd)} USD" if s.max_daily_loss_usd else ""
    )
    rows = [
        note("day loss", f"at most {day}, drawdown {plainly(s.max_drawdown_pct)} %"),
        note("size", f"{s.sizing}, {plainly(s.risk_per_trade_pct)} % of equity, {s.max_total_lots} lots in all"),
    ]
    for key, value, text in (
        ("MAX_ORDER_USD", s.max_order_usd, "a single order"),
        ("MAX_TOTAL_USD", s.max_total_usd or s.max_base, "all lots together"),
        ("MAX_IMPACT_BP", s.max_impact_bp, "how far an entry moves the price"),
    ):
        if not value:
            rows.append(warn("limits", f"no limit on {text}", f"{key}=… in .env"))
    if not s.edge_gate:
        rows.append(
            warn("limits", "EDGE_GATE is off: entries whose fees exceed their target are allowed", "EDGE_GATE=true")
        )
    return rows


async def _at_the_exchange(settings: Settings, where: object, key: ApiKey) -> list[DiagnosticRow]:
    clock, net = SystemClock(), SystemNet()
    venue = registry.load()
    rest = venue.trading_client(Access(where, key, net, clock, SystemRng()), venue.budget(clock), "checks")
    rows = []
    try:
        for name, look in (
            ("key", lambda: _rights(rest)),
            ("clock", lambda: _clock(rest)),
            ("fees", lambda: _fees(rest, settings)),
            ("kill drill", lambda: _drill(rest, settings, clock)),
        ):
            rows.append(await _asked(name, look))
    finally:
        net.close()
    return rows


async def _asked(name: str, look: Callable[[], Awaitable[DiagnosticRow]]) -> DiagnosticRow:
    try:
        for _ in range(RATE_TRIES):
            try:
                return await look()
            except RateLimited:
                await asyncio.sleep(1)
        return await look()
    except ExchangeError as error:
        return bad(name, f"the exchange says: {error}", "Try again; ./coin doctor")


async def _rights(rest: TradingClient) -> DiagnosticRow:
    rights = await rest.key_rights()
    if rights.can_transfer:
        return bad("key", "it has the transfer right", "Create one with the rights View and Trade only")
    if not rights.can_view or not rights.can_trade:
        return bad("key", "it lacks the view or trade right", "Create one with both rights")
    return good("key", "may view and trade, not transfer")


async def _clock(rest: TradingClient) -> DiagnosticRow:
    await rest.server_time()  # the first request makes the connection
    asked_ms = time.time() * 1000
    there = await rest.server_time()
    offset_ms = epoch_ms(there) - (asked_ms + time.time() * 1000) / 2
    if abs(offset_ms) > CLOCK_LIMIT_MS:
        return bad("clock", f"{offset_ms:+.0f} ms off the exchange's", "Set this machine's clock (NTP)")
    return good("clock", f"{offset_ms:+.0f} ms")


async def _fees(rest: TradingClient, s: Settings) -> DiagnosticRow:
    return ways_out_pay(s, await rest.fees())


def ways_out_pay(s: Settings, rates: FeeRates) -> DiagnosticRow:
    """Every way out of every kind of lot against the account's fees: a tick only where none of them loses."""
    fees = fees_of(s, rates)
    first = s.take_profit_pct
    last = min(first, s.scalp_tp_min_pct) if s.scalp_tp_decay_enable else first
    kinds = {"runner": runner_tp_pct(first, s.runner_tp_mult), "scalp": first}
    kinds |= {"last scalp": last} if last < first else {}
    ways = {kind: ways_out(s, fees, tp) for kind, tp in kinds.items()}
    told = {way.text for found in ways.values() for way in found}
    text = f"tier {rates.tier}, in {fees.entry:.3f} %, take {fees.take:.3f} %, at market {fees.market:.3f} %; "
    text += "; ".join(sorted(told, reverse=True))
    lost = {kind: way for kind, found in ways.items() if (way := next((w for w in found if not w.pays), None))}
    mend = "Raise TAKE_PROFIT_PCT, leave TRAIL_ACTIVATE_PCT unset, or ENTRY_ORDER=maker"
    losing = ", ".join(f"a {kind}'s {way.word}" for kind, way in lost.items())
    if len(lost) == len(ways):
        return bad("fees", f"{text}. No kind of lot covers them: {losing}", mend)
    if lost and not s.edge_gate:
        return bad("fees", f"{text}. At a loss: {losing}", f"EDGE_GATE=true blocks such entries. {mend}")
    if lost:
        return warn("fees", f"{text}. At a loss: {losing}", f"Not opened while EDGE_GATE is on. {mend}")
    why = adjusted(s, fees)
    return good("fees", f"{text}. {why}" if why else text)


async def _drill(rest: TradingClient, s: Settings, clock: SystemClock) -> DiagnosticRow:
    found = await drill(rest, ids_of(registry.load(), s), clock)
    text = f"found {found['own_orders']} open orders of the bot in {found['found_ms']} ms, cancelled none"
    return good("kill drill", text)


def trial_result(folder: Path) -> DiagnosticRow:
    """What the bot did on the simulator or on paper, from that trial's ledger."""
    for name in ("ledger.db", "ledger-paper.db", "ledger-replay.db"):
        path = folder / name
        if path.exists():
            found = _trial(path)
            if found is not None:
                return found
    way = "Let it trade on the simulator or on paper first: ./coin start with COIN_MODE=sim"
    return bad("trial", f"no ledger of a trial in {folder}", way)


def _trial(path: Path) -> DiagnosticRow | None:
    """None = a ledger of live trading: no trial."""
    try:
        engine = open_reader(path)
        with engine.connect() as db:
            mode = read_key_value(db, "mode")
            query = "SELECT realized_pnl FROM lots WHERE closed_ms IS NOT NULL AND realized_pnl IS NOT NULL"
            results = db.column(query, of=lots)
        engine.dispose()
    except LedgerError as error:
        return bad("trial", f"{path.name} cannot be read ({type(error).__name__})", "./coin doctor")
    if mode not in TRIALS:
        return None
    if not results:
        return bad("trial", f"{mode}: no lot was closed yet", "Let it trade there until lots were closed")
    total = sum(results, Decimal(0))
    wins = sum(1 for result in results if result > 0)
    text = f"{mode}: {len(results)} lots closed, {wins} with a gain, {total:+.2f} in all"
    if len(results) < TRIAL_LOTS or total < 0:
        return warn("trial", text, "That is little evidence: check twice before you go on")
    return good("trial", text)
