"""Lots and positions: what is held, each lot on one scale, and whether the sums agree with the exchange."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from dashboard.views import results, track
from dashboard.views.snapshot import Snapshot
from shared.documents.account import LotDoc, PositionDoc
from shared.documents.state import BotState
from shared.verdict import Verdict


@dataclass(frozen=True, slots=True)
class LotRow:
    id: str
    short: str
    kind: str  # runner or scalp
    name: str  # "Runner", "Scalp 1"
    opened: datetime | None
    age: str
    size: str
    value: float | None
    open_price: str
    break_even: str
    pct: float | None
    tone: str  # bad below open, m until the fees are earned, ok beyond
    take: str
    to_go: float | None  # percent the mark must rise
    take_state: str  # "", "cancelled", "off"
    trail: str  # the trailing stop's price, or from where it would trail
    trail_peak: str
    trail_active: bool
    stop: str
    stop_go: float | None  # percent the mark may fall (negative)
    pnl: float | None
    pnl_pct: float | None
    x_now: float | None
    x_even: float
    x_take: float | None
    x_stop: float | None
    off_scale: str
    exit: str  # what its exit does now: resting, exiting …
    selling: str  # the same in a word while an order is at work; "" = none is
    say: str  # the track in words
    take_moved: str = ""  # by whom and when; "" = it stands where the settings put it
    stop_moved: str = ""


@dataclass(frozen=True, slots=True)
class PositionRow:
    product_id: str
    symbol: str
    lots: list[LotRow]
    kinds: str
    mark: str
    mark_age_s: float | None
    mark_state: str
    size: str
    value: float | None
    pnl: float | None
    pnl_pct: float | None
    next_take: str
    next_go: float | None
    x_even: float
    say: str
    increment: str
    weight: str  # what is held beside its target; "" where products are not held at weights
    spark: str = ""


@dataclass(frozen=True, slots=True)
class HeldPanel:
    """The four figures of the Positions page, and the rows."""

    known: bool
    positions: list[PositionRow]
    lots: int
    value: float | None
    pnl: float | None  # with what sold parts of open lots brought
    sold: float  # of it, sold parts
    fees: float | None
    share_pct: float | None
    nearest: tuple[str, str, float] | None  # (lot, its price, percent to go)
    sums: str  # agree, differ, unknown
    sums_say: str
    not_in_lots: list[tuple[str, str, str, str]]
    first: str  # what makes the first lot, for a page without any


@dataclass(frozen=True, slots=True)
class NextExitRow:
    kind: str
    name: str
    what: str
    go: float
    unwatched: bool = False  # only the bot keeps it, and it does not see


_SELLING = {
    "resting": "sale resting", "cancelling": "sale being cancelled", "exiting": "being sold",
    "dust": "too small to sell",
}  # fmt: skip


def names(lots: list[LotDoc]) -> dict[str, str]:
    """`Runner`, `Scalp 1`, `Scalp 2`, `Holding 1` in the order of opening."""
    out, scalps, runners, holdings = {}, 0, 0, 0
    total_runners = sum(lot.kind == "runner" for lot in lots)
    for lot in sorted(lots, key=lambda lot: lot.opened_ms):
        if lot.kind == "runner":
            runners += 1
            out[lot.lot_id] = "Runner" if total_runners == 1 else f"Runner {runners}"
        elif lot.kind == "holding":
            holdings += 1
            out[lot.lot_id] = f"Holding {holdings}"
        else:
            scalps += 1
            out[lot.lot_id] = f"Scalp {scalps}"
    return out


def _move(price: float | None, base: float) -> float | None:
    return None if price is None or base <= 0 else 100 * (price / base - 1)


def lot(doc: LotDoc, position: PositionDoc, name: str, s: Snapshot) -> LotRow:
    inc = position.price_increment_text
    move = doc.unrealized_pct if doc.unrealized_pct is not None else _move(position.mark, doc.open_price)
    even = _move(doc.break_even_price, doc.open_price) or 0.0
    take = _move(doc.take_price, doc.open_price)
    guard, trails = _guard(doc)
    stop = _move(guard, doc.open_price)
    to_go = _move(doc.take_price, position.mark) if position.mark else None
    tone = "m" if move is None else ("bad" if move < 0 else "ok" if move >= even else "m")
    killed = s.killed
    off = [f.signed_pct(v) for v in (move,) if track.beyond(v) and v is not None]
    cost = doc.cost_usd
    aim = "no take profit" if take is None else f"take profit {f.signed_pct(take)}"
    say = f"{name}: {f.signed_pct(move)} since open; break-even {f.signed_pct(even)}, {aim}"
    return LotRow(
        id=doc.lot_id,
        short=f.short_id(doc.lot_id, 6),
        kind=doc.kind,
        name=name,
        opened=f.of_ms(doc.opened_ms),
        age=f.span(max(0.0, s.now.timestamp() - doc.opened_ms / 1000)),
        size=f.size(doc.base_size_text, position.base_increment_text),
        value=doc.value_usd,
        open_price=doc.open_price_text,
        break_even=f.price_text(doc.break_even_price, inc),
        pct=move,
        tone=tone,
        take=doc.take_price_text or "",
        to_go=to_go,
        take_state="none" if take is None else "cancelled" if killed and doc.exit_state != "exiting" else "",
        trail=f.price_text(doc.trail_stop, inc) if trails and doc.trail_stop else "",
        trail_peak=f.price_text(doc.trail_peak, inc) if doc.trail_peak else "",
        trail_active=trails,
        stop=f.price_text(doc.stop_price, inc) if doc.stop_price else "",
        stop_go=_move(guard, position.mark) if guard and position.mark else None,
        pnl=doc.unrealized_pnl,
        pnl_pct=None if doc.unrealized_pnl is None or not cost else 100 * doc.unrealized_pnl / cost,
        x_now=None if move is None else track.x(move),
        x_even=track.x(even),
        x_take=None if take is None or killed else track.x(take),
        x_stop=None if stop is None or stop < -90 else track.x(stop),
        off_scale=off[0] if off else "",
        exit=_exit(doc),
        selling=_SELLING.get(doc.exit_state, ""),
        say=say,
        take_moved=_moved(doc.take_moved_by, doc.take_moved_ms, s),
        stop_moved="" if trails else _moved(doc.stop_moved_by, doc.stop_moved_ms, s),
    )


def _guard(doc: LotDoc) -> tuple[float | None, bool]:
    """The price at which the lot is sold when it falls, and whether the trail makes it: the higher of the two sells."""
    trails = doc.trail_active and (doc.stop_price or 0.0) <= (doc.trail_stop or 0.0)
    return (doc.trail_stop if trails else doc.stop_price), trails


def _moved(by: str | None, at_ms: int | None, s: Snapshot) -> str:
    return f"moved by {f.clean(by)}, {f.clock(f.of_ms(at_ms), s.now)}" if by is not None and at_ms is not None else ""


def _exit(doc: LotDoc) -> str:
    reason = f", {f.exit_reason(doc.exit_reason)}" if doc.exit_reason else ""
    return {
        "resting": f"{_resting(doc)} resting at the exchange",
        "cancelling": f"{_resting(doc)} is being cancelled",
        "exiting": f"being sold{reason}",
        "dust": "dust: too small to sell",
    }.get(doc.exit_state, "take profit managed by the bot" if doc.kind != "holding" else "held for its target weight")


def _resting(doc: LotDoc) -> str:
    return "take-profit order" if doc.kind != "holding" else "sale for its target weight"


def _weight(doc: PositionDoc, s: Snapshot) -> str:
    """What is held beside its target weight; "" where products are not held at weights."""
    signals = s.state.strategy.signals if s.state and s.state.strategy else []
    target = next((x.target for x in signals if x.product_id == doc.product_id), None)
    if target is None:
        return ""
    wanted = "no opinion: kept" if target.target_pct is None else f"target {f.pct(target.target_pct, 1)}"
    return f"holds {f.pct(target.held_pct, 1)} of its share, {wanted}"


def at_weights(s: Snapshot) -> bool:
    """Whether the bot says that it holds products at target weights."""
    signals = s.state.strategy.signals if s.state and s.state.strategy else []
    return any(one.target is not None for one in signals)


def first_lot(s: Snapshot) -> str:
    """What makes the first lot, where there is none."""
    if at_weights(s):
        return "A product is bought as soon as its target weight asks for it and all gates of purchases are open."
    return "The first buy signal with all gates open opens a runner."


def position(doc: PositionDoc, s: Snapshot, spark: str = "") -> PositionRow:
    called = names(doc.lots)
    lots = [lot(one, doc, called[one.lot_id], s) for one in sorted(doc.lots, key=lambda one: one.opened_ms)]
    runners = sum(one.kind == "runner" for one in lots)
    holdings = sum(one.kind == "holding" for one in lots)
    counts = ((runners, "runner"), (len(lots) - runners - holdings, "scalp"), (holdings, "holding"))
    kinds, weight = [f.plural(n, w) for n, w in counts if n], _weight(doc, s)
    takes = [one for one in lots if one.to_go is not None and not one.take_state]
    nearest = min(takes, key=lambda one: one.to_go or 0, default=None)
    mark_age_s = (
        None if doc.mark_age_ms is None else doc.mark_age_ms / 1000 + ((s.age_s or 0.0) if s.old or s.late else 0.0)
    )
    evens = sorted(one.x_even for one in lots)
    moves = ", ".join(f"{one.name} {f.signed_pct(one.pct)}" for one in lots)
    return PositionRow(
        product_id=doc.product_id,
        symbol=doc.symbol,
        lots=lots,
        kinds=", ".join(filter(None, (", ".join(kinds) or "no lots", weight))),
        mark=f.price_text(doc.mark, doc.price_increment_text),
        mark_age_s=mark_age_s,
        mark_state=f.age_state(mark_age_s) if mark_age_s is not None else "fresh",
        size=f.size(doc.base_size_text, doc.base_increment_text),
        value=doc.size_usd,
        pnl=doc.unrealized_pnl,
        pnl_pct=None if doc.unrealized_pnl is None or not doc.cost_usd else 100 * doc.unrealized_pnl / doc.cost_usd,
        next_take=nearest.take if nearest else "",
        next_go=nearest.to_go if nearest else None,
        x_even=evens[len(evens) // 2] if evens else track.x(0),
        say=f"{doc.product_id} lots: {moves or 'none'}",
        increment=doc.price_increment_text,
        weight=weight,
        spark=spark,
    )


def held(s: Snapshot, sparks: dict[str, str] | None = None) -> HeldPanel:
    state = s.state
    if state is None or state.positions is None:
        return HeldPanel(False, [], 0, None, None, 0.0, 0.0, None, None, "unknown", "not known yet", [], "")
    rows = [position(p, s, (sparks or {}).get(p.product_id, "")) for p in state.positions if p.lots]
    docs = [p for p in state.positions if p.lots]
    lots = [one for p in docs for one in p.lots]
    value = _sum([p.size_usd for p in docs])
    pnl = results.open_lots(s).pnl
    equity = state.account.equity if state.account else None
    sums, say = _sums(state, s)
    return HeldPanel(
        True,
        rows,
        len(lots),
        value,
        pnl,
        sum(one.sold_pnl for one in lots),
        _fees(state, docs),
        100 * value / equity if value is not None and equity else None,
        _nearest(rows),
        sums,
        say,
        _not_in_lots(state),
        first_lot(s),
    )


def _sum(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if len(known) == len(values) else None


def _fees(state: BotState, docs: list[PositionDoc]) -> float | None:
    """Entry fees that were paid and the exits' at the maker's rate, which the lots' takes wait for."""
    value = _sum([one.value_usd for p in docs for one in p.lots])
    if state.account is None or value is None:
        return None
    return sum(one.entry_fee_usd for p in docs for one in p.lots) + value * state.account.maker_fee_pct / 100


def _nearest(rows: list[PositionRow]) -> tuple[str, str, float] | None:
    best = None
    for row in rows:
        for one in row.lots:
            if one.to_go is not None and not one.take_state and (best is None or one.to_go < best[2]):
                best = (f"{row.product_id} {one.name.lower()}", f.price_text(one.take, row.increment), one.to_go)
    return best


def _sums(state: BotState, s: Snapshot) -> tuple[str, str]:
    """Do lots and dust agree with what the exchange says we own? Holdings that are not ours are no error."""
    known = [p for p in state.positions or [] if p.exchange_base_text is not None]
    synced = f.of_text(state.account.synced_at) if state.account else None
    ago = f", {f.span(max(0.0, (s.now - synced).total_seconds()))} ago" if synced else ""
    if not known:
        return "unknown", "the exchange has not been asked yet"
    short = [p.product_id for p in known if (p.difference_text or "0").startswith("-")]
    if short:
        return "differ", f"the exchange holds less than the lots: {', '.join(short)}"
    if s.old or s.verdict.word is Verdict.BLIND:
        return "unknown", f"the exchange's balance covered all lots{ago}"
    return "agree", f"the exchange's balance covers all lots{ago}"


def _not_in_lots(state: BotState) -> list[tuple[str, str, str, str]]:
    """(asset, size, value, why) of what is held outside lots."""
    rows: list[tuple[str, str, str, str]] = []
    account = state.account
    if account is not None:
        held = account.held_in_orders
        why = f"Cash, {f.money(held)} held in orders" if held else "Cash, all available"
        rows.append((account.quote_currency, f.money(account.cash), f.money(account.cash), why))
    for p in state.positions or []:
        extra = p.difference_text
        if extra and extra.strip("0.-+") and not extra.startswith("-"):
            worth = None
            if p.mark is not None:
                worth = float(extra) * p.mark
            rows.append((p.symbol, extra, f.money(worth), "Not part of a lot: dust, or not bought by this bot"))
    return rows


def next_exits(s: Snapshot, most: int = 3) -> list[NextExitRow]:
    """The exits that are nearest, by the move that each needs; while the bot does not see, who keeps each."""
    out = []
    unseen = s.old or s.verdict.word is Verdict.BLIND
    for doc in (s.state.positions if s.state else None) or []:
        called = names(doc.lots)
        for one in doc.lots:
            if doc.mark is None:
                continue
            name = f"{doc.product_id} {called[one.lot_id].lower()}"
            go = _move(one.take_price, doc.mark)
            if go is not None:
                price = f.price_text(one.take_price, doc.price_increment_text)
                rests = ", resting at the exchange" if unseen and one.exit_state == "resting" else ""
                out.append(NextExitRow(one.kind, name, f"take profit {price}{rests}", go, unseen and not rests))
            guard, trails = _guard(one)
            fall = _move(guard, doc.mark) if guard else None
            if fall is not None and guard:
                word = "trailing stop" if trails else "stop loss"
                price = f.price_text(guard, doc.price_increment_text)
                left = ", managed by the bot: not monitored" if unseen else ""
                out.append(NextExitRow(one.kind, name, f"{word} {price}{left}", fall, unseen))
    return sorted(out, key=lambda e: abs(e.go))[:most]
