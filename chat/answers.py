"""What is said to a person who looks: from documents to lines. Pure. What is not known is said to be unknown."""

from collections.abc import Iterable, Sequence

from chat.bot_link import AlertsSeen
from chat.commands import CHAT_COMMANDS
from chat.messages import Content
from shared.chat_settings import ChatRole
from shared.documents.account import LotDoc, OrderDoc, PositionDoc
from shared.documents.alerts import AlertPhase, AlertStateDoc
from shared.documents.events import FOLDER_NOT_OWN
from shared.documents.risk import GateVerdict
from shared.documents.state import BotState, alert_of
from shared.figures import ago, money, number, percent, plainly
from shared.liveness import BotSeen
from shared.presence import Presence
from shared.unwatched import unwatched

# Of the order life: those that are over.
OVER = frozenset({"filled", "cancelled", "expired", "failed", "refused", "denied", "absent"})
MOST_ROWS = 30


def status(name: str, seen: BotSeen) -> Content:
    """The verdict with its reason, then the figures that every reader shows."""
    verdict, state = seen.verdict(), seen.state
    head = f"{name}: {verdict.word.shown.upper()}"
    if verdict.seconds is not None:
        head += f" for {ago(verdict.seconds)}"
    if state is None:
        return Content(head, (f"{seen.error or verdict.reason or 'There is no state file yet'}.",))
    lines = [f"Mode {state.mode}, phase {state.phase}{', dry run' if state.dry_run else ''}"]
    if verdict.reason:
        lines.append(f"{_sentence(verdict.reason)}.")
        left = unwatched(state)
        if left is not None and left.lots:
            lines.append(f"{_sentence(left.sentence())}.")
    lines += _as_of(seen)
    lines += [f"Error: {state.error}"] if state.error else []
    lines += [f"Live: {state.live_lock}"] if state.live_lock else []
    if state.kill is not None:
        cleared = "none of its orders is left" if state.kill.verified >= 2 else "orders may be left"
        lines.append(f"Killed {state.kill.at} by {state.kill.source}; {cleared}")
    lines += [f"control.json: {state.control.error}"] if not state.control.ok and state.control.error else []
    lines += [f"Equity {_equity(state)}"]
    lines += [f"Day {_day(state)}"] if state.account is not None else []
    lines.append(_holds(state))
    blocked = state.risk.entries_blocked if state.risk is not None else None
    lines += [f"No entries: {blocked}"] if blocked else []
    lines += [f"Alert: {alert.text}" for alert in state.alerts]
    return Content(head, tuple(lines))


def exposure(name: str, seen: BotSeen) -> Content:
    """What each product is worth at its mark, and its share of equity."""
    state = seen.state
    if state is None or state.positions is None:
        return _unknown(name, seen, "what is held")
    lines = _as_of(seen)
    equity = state.portfolio_value
    for position in state.positions:
        share = position.size_usd / equity if position.size_usd is not None and equity else None
        worth = money(position.size_usd) if position.size_usd is not None else "worth not known (no price)"
        lines.append(
            f"{position.product_id}  {worth}" + (f"  {percent(share, 1)} of equity" if share is not None else "")
        )
    if not state.positions:
        lines.append("No lots are open.")
    values = [position.size_usd for position in state.positions]
    known = [value for value in values if value is not None]
    if state.positions and len(known) == len(values):
        share = sum(known) / equity if equity else None
        lines.append(
            f"Together {money(sum(known))}" + (f", {percent(share, 1)} of equity" if share is not None else "")
        )
    account = state.account
    if account is not None:
        lines.append(f"Cash {money(account.cash)}, of it {money(account.held_in_orders)} held by orders")
        lines += [f"Other holdings {money(account.other_value)}"] if account.other_value else []
    lines.append(f"Equity {_equity(state)}")
    return Content(f"{name}: exposure", tuple(lines))


def position(name: str, seen: BotSeen, products: Sequence[str]) -> Content:
    """Each lot of the products named; of all without one."""
    state = seen.state
    if state is None or state.positions is None:
        return _unknown(name, seen, "what is held")
    chosen = [one for one in state.positions if _is_among(one.product_id, products)]
    lines = _as_of(seen)
    for one in chosen:
        lines.append(_position(one))
        lines += [f"  {_lot(lot)}" for lot in one.lots]
    if not chosen:
        lines.append(f"No lot of {' or '.join(products)} is open." if products else "No lots are open.")
    return Content(f"{name}: positions", tuple(lines))


def orders(name: str, seen: BotSeen) -> Content:
    """Orders that are not over."""
    state = seen.state
    if state is None or state.orders is None:
        return _unknown(name, seen, "its orders")
    working = [order for order in state.orders if order.state not in OVER]
    lines = [*_as_of(seen), *(_order(order) for order in working[:MOST_ROWS])]
    if len(working) > MOST_ROWS:
        lines.append(f"… and {len(working) - MOST_ROWS} more")
    if not working:
        lines.append("No order is open.")
    return Content(f"{name}: orders", tuple(lines))


def pnl(name: str, seen: BotSeen) -> Content:
    """The day's result by its parts, open lots, drawdown."""
    state = seen.state
    account = state.account if state is not None else None
    if state is None or account is None:
        return _unknown(name, seen, "its account")
    limit = f" (limit {plainly(account.drawdown_limit_pct)} %)" if account.drawdown_limit_pct else ""
    lines = [
        *_as_of(seen),
        f"Day {_day(state)}",
        f"  realised {money(account.day_realized, signed=True)}, "
        f"unrealised {money(account.day_unrealized_change, signed=True)}, fees {money(account.day_fees)}",
        f"  lots closed {account.day_lots_closed}: {account.day_wins} won, {account.day_losses} lost",
        f"Open lots {money(account.open_pnl, signed=True) if account.open_pnl is not None else 'not known (no price)'}",
        f"Drawdown {number(account.drawdown_pct)} %{limit}",
        f"Equity {_equity(state)}",
    ]
    return Content(f"{name}: result of {account.day} UTC", tuple(lines))


def why(name: str, seen: BotSeen, products: Sequence[str]) -> Content:
    """Why no entry is made now: each product's sentence, then the gates that are shut."""
    state = seen.state
    if state is None or state.gates is None:
        return _unknown(name, seen, "its gates")
    lines = _as_of(seen)
    blocked = state.risk.entries_blocked if state.risk is not None else None
    lines += [f"No entries: {blocked}"] if blocked else []
    chosen = [one for one in state.gates.products if _is_among(one.product_id, products)]
    for one in chosen:
        lines.append(f"{one.product_id}: {one.sentence}")
        if not products:
            continue
        for gate in (gate for gate in one.gates if gate.verdict is not GateVerdict.OPEN):
            opens = f"; opens {gate.opens}" if gate.opens else ""
            lines.append(
                f"  {gate.title}: {gate.verdict} ({gate.value or 'not known'}, needs {gate.limit or '?'}){opens}"
            )
    if not chosen:
        lines.append(f"{' or '.join(products) or 'No product'} is not traded.")
    return Content(f"{name}: why no trade now", tuple(lines))


def alerts(seen: AlertsSeen) -> Content:
    """What fires, the worst first."""
    if seen.document is None:
        return Content("Alerts: not known", (f"{_sentence(seen.trouble or 'no document')}.",))
    found = seen.document
    lines = [f"{_sentence(seen.trouble)}. As of then:"] if seen.trouble is not None else []
    lines += [_alert(alert, found.ts_ms) for alert in found.firing]
    if not found.firing:
        lines.append(f"Nothing fires. {len(found.rules)} rules watch {', '.join(found.bots)}.")
    return Content(f"Alerts: {len(found.firing)}", tuple(lines))


def help_of(role: ChatRole, prefix: str) -> Content:
    """The commands that this person may give. `prefix`: what is typed before each word."""
    lines = [
        f"{prefix}{one.word}{f' {one.takes}' if one.takes else ''}: {one.help}"
        for one in CHAT_COMMANDS.values()
        if role.may(one.role)
    ]
    return Content(f"You are {role}", tuple(lines))


def _unknown(name: str, seen: BotSeen, what: str) -> Content:
    verdict = seen.verdict()
    reason = f": {verdict.reason}" if verdict.reason else ""
    return Content(f"{name}: {verdict.word.shown.upper()}", (f"Not known yet: {what}{reason}.",))


def _as_of(seen: BotSeen) -> list[str]:
    """How old the figures below are, where that is more than the blink of an eye."""
    verdict = seen.verdict()
    if seen.presence is not Presence.FRESH:
        old = f"{ago(seen.age_s)} old" if seen.age_s is not None else "of an unknown age"
        lines = [f"{verdict.word.shown.upper()}: the bot's last report, {old}:"]
    elif verdict.blind:
        lines = [f"The figures are {ago(verdict.figures_age_s or 0.0)} old:"]
    else:
        lines = []
    if (foreign := alert_of(seen.state, FOLDER_NOT_OWN)) is not None:
        lines.append(foreign.text)
    return lines


def _equity(state: BotState) -> str:
    return money(state.portfolio_value) if state.portfolio_value is not None else "not known yet"


def _day(state: BotState) -> str:
    account = state.account
    assert account is not None
    return f"{money(account.day_pnl, signed=True)} ({number(account.day_pnl_pct, signed=True)} %)"


def _holds(state: BotState) -> str:
    if state.positions is None:
        return "Positions not known yet"
    if not state.positions:
        return "No lots are open"
    parts = [f"{p.base_size_text} {p.symbol} ({len(p.lots)} {_plural(len(p.lots), 'lot')})" for p in state.positions]
    return f"Holds {', '.join(parts)}"


def _position(one: PositionDoc) -> str:
    mark = number(one.mark) if one.mark is not None else "not known"
    old = f", confirmed {ago(one.mark_age_ms / 1000)} ago" if one.mark_age_ms is not None else ""
    pnl_ = money(one.unrealized_pnl, signed=True) if one.unrealized_pnl is not None else "not known"
    return f"{one.product_id}  {one.base_size_text} {one.symbol}, mark {mark}{old}, result {pnl_}"


def _lot(lot: LotDoc) -> str:
    result = money(lot.unrealized_pnl, signed=True) if lot.unrealized_pnl is not None else "result not known"
    stop = f", stop {number(lot.stop_price)}" if lot.stop_price is not None else ", no stop"
    trail = f", trailing stop {number(lot.trail_stop)}" if lot.trail_active and lot.trail_stop is not None else ""
    take = f", take {lot.take_price_text}" if lot.take_price_text is not None else ", no take"
    return f"{lot.kind} {lot.base_size_text} at {lot.open_price_text}: {result}{take}{stop}{trail}"


def _order(order: OrderDoc) -> str:
    size = plainly(order.base_size) if order.base_size is not None else f"{money(order.quote_size)} worth"
    price = f" at {number(order.limit_price)}" if order.limit_price is not None else " at the market"
    filled = f", {plainly(order.filled_size)} filled" if order.filled_size else ""
    return f"{order.product_id}  {order.side} {size}{price}, {order.purpose}, {order.state}{filled}"


def _alert(alert: AlertStateDoc, now_ms: int) -> str:
    lasts = ago(max(0.0, (now_ms - alert.since_ms) / 1000))
    known = f" Acknowledged by {alert.acknowledged_by}." if alert.phase is AlertPhase.ACKNOWLEDGED else ""
    return f"{alert.severity.upper()} {alert.name}, {lasts}: {alert.title}.{known}"


def _is_among(product_id: str, products: Iterable[str]) -> bool:
    wanted = {one.upper() for one in products}
    return not wanted or product_id in wanted or product_id.partition("-")[0] in wanted


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
