"""What moving a lot's take or stop, or selling a part of it, would come to: figures after fees, and refusals.

The checks are the engine's own (`shared.lot_checks`), so what is refused here is refused there in the same words; the
engine checks again at the price of its moment.
"""

from dataclasses import dataclass
from decimal import Decimal

from dashboard.views import commands
from dashboard.views.snapshot import Snapshot
from shared.command_table import Cmd
from shared.documents.account import AccountDoc, LotDoc, PositionDoc
from shared.lot_checks import OFF, part_refusal, positive, stop_refusal, take_refusal
from shared.money import plain

_ACTIONS = {Cmd.MOVE_TAKE: "take", Cmd.MOVE_STOP: "stop", Cmd.SELL_PART: "size"}


@dataclass(frozen=True, slots=True)
class LotPreview:
    """Amounts in the quote currency, percentages in percent; None = not known, or there is none."""

    lot_id: str
    product_id: str
    kind: str
    action: str  # take, stop, size
    asked: str  # the price or size as it would be sent; none = off
    cmd: str  # to be sent with `args`, as it stands here
    args: dict[str, str]
    refusal: str | None  # why it cannot be sent; None = it can
    confirm: str | None  # the argument that would let it pass, set to yes
    base_size: str  # that the price applies to: all of the lot, or the part that is sold
    now: str | None  # where the level stands
    mark: float | None
    break_even: float
    price_increment: str
    from_mark_pct: float | None
    value: float | None  # base_size at the asked price; a part: at the mark
    fee_pct: float | None
    fee: float | None
    result: float | None  # after the entry's and the exit's fee
    result_pct: float | None  # of what the lot cost
    rest_size: str | None  # of the lot, after a part is sold
    note: str | None  # what else is to be known


def find(s: Snapshot, lot_id: str) -> tuple[PositionDoc, LotDoc] | None:
    """An open lot and its product; None = there is none of that id."""
    for doc in (s.state.positions if s.state else None) or []:
        for lot in doc.lots:
            if lot.lot_id == lot_id:
                return doc, lot
    return None


def preview_take(s: Snapshot, doc: PositionDoc, lot: LotDoc, text: str, role: str, *, at_a_loss: bool) -> LotPreview:
    """The lot's take at the price that `text` spells."""
    args = {"lot_id": lot.lot_id, "price": text.strip()}
    why, confirm, price = _not_now(s, Cmd.MOVE_TAKE, args, lot, role), None, None
    try:
        price = positive(text, "the price")
        args["price"] = plain(price)
        refused = _take_refusal(doc, lot, price, at_a_loss=at_a_loss)
        if refused is not None and _take_refusal(doc, lot, price, at_a_loss=True) is None:
            confirm = "at_a_loss"
    except ValueError as error:
        refused = str(error)
    if at_a_loss:
        args["at_a_loss"] = "yes"
    fee = s.state.account.take_fee_pct if s.state and s.state.account else None
    note = "it sells below what the lot cost with its fees" if price is not None and price < _break_even(lot) else None
    return _made(doc, lot, Cmd.MOVE_TAKE, args, why or refused, confirm, price, fee, lot.take_price_text, note)


def preview_stop(s: Snapshot, doc: PositionDoc, lot: LotDoc, text: str, role: str) -> LotPreview:
    """The lot's stop at the price that `text` spells, or off."""
    off = text.strip().lower() == OFF
    args = {"lot_id": lot.lot_id, "price": OFF if off else text.strip()}
    why, price, refused = _not_now(s, Cmd.MOVE_STOP, args, lot, role), None, None
    if not off:
        try:
            price = positive(text, "the price")
            args["price"] = plain(price)
            take = Decimal(lot.take_price_text) if lot.take_price_text else None
            refused = stop_refusal(price, increment=Decimal(doc.price_increment_text), mark=_mark(doc), take=take)
        except ValueError as error:
            refused = str(error)
    now = plain(Decimal(str(lot.stop_price))) if lot.stop_price is not None else OFF
    note = "the stop is judged by the bot and sells at market: the price that it gets may be lower"
    if off:
        note = "the lot has no stop loss then" if not lot.trail_active else "its trailing stop stays"
    elif lot.trail_active and lot.trail_stop is not None and price is not None and float(price) <= lot.trail_stop:
        note = f"its trailing stop at {plain(Decimal(str(lot.trail_stop)))} is higher and sells first"
    return _made(doc, lot, Cmd.MOVE_STOP, args, why or refused, None, price, _taker_pct(s), now, note)


def _take_refusal(doc: PositionDoc, lot: LotDoc, price: Decimal, *, at_a_loss: bool) -> str | None:
    return take_refusal(
        price,
        increment=Decimal(doc.price_increment_text),
        mark=_mark(doc),
        stop=Decimal(str(lot.stop_price)) if lot.stop_price is not None else None,
        break_even=_break_even(lot),
        at_a_loss=at_a_loss,
    )


def preview_part(s: Snapshot, doc: PositionDoc, lot: LotDoc, text: str, role: str) -> LotPreview:
    """A part of the lot, of the base units that `text` spells, sold at market."""
    args = {"lot_id": lot.lot_id, "base_size": text.strip()}
    why, size, refused = _not_now(s, Cmd.SELL_PART, args, lot, role), None, None
    try:
        size = positive(text, "the size")
        args["base_size"] = plain(size)
        refused = part_refusal(
            size,
            held=Decimal(lot.base_size_text),
            increment=Decimal(doc.base_increment_text),
            base_min=Decimal(doc.base_min_text),
            quote_min=Decimal(doc.quote_min_text),
            mark=_mark(doc),
        )
    except ValueError as error:
        refused = str(error)
    note = "sold at market: the price that it gets may be lower; the take then rests for what is left"
    return _made(doc, lot, Cmd.SELL_PART, args, why or refused, None, _mark(doc), _taker_pct(s), None, note, size)


def _not_now(s: Snapshot, cmd: Cmd, args: dict[str, str], lot: LotDoc, role: str) -> str | None:
    why = commands.why_not(s, cmd, args, role)
    if why:
        return why
    if lot.kind == "holding":
        return f"{lot.product_id} is held at a target weight: the strategy decides what is sold"
    return "it is being sold" if lot.exit_state == "exiting" else None


def _made(
    doc: PositionDoc, lot: LotDoc, cmd: Cmd, args: dict[str, str], refusal: str | None, confirm: str | None,
    price: Decimal | None, fee_pct: float | None, now: str | None, note: str | None, part: Decimal | None = None,
) -> LotPreview:  # fmt: skip
    held = Decimal(lot.base_size_text)
    size = part if part is not None else held if cmd is not Cmd.SELL_PART else None
    value = float(size * price) if price is not None and size is not None else None
    fee = value * fee_pct / 100 if value is not None and fee_pct is not None else None
    cost = lot.cost_usd * float(size / held) if size is not None and held else None
    result = value - fee - cost if value is not None and fee is not None and cost is not None else None
    rest = held - part if part is not None and part < held else None
    return LotPreview(
        lot_id=lot.lot_id,
        product_id=doc.product_id,
        kind=lot.kind,
        action=_ACTIONS[cmd],
        asked=args["base_size" if cmd is Cmd.SELL_PART else "price"],
        cmd=cmd.value,
        args=args,
        refusal=refusal,
        confirm=confirm,
        base_size=plain(size) if size is not None else lot.base_size_text,
        now=now,
        mark=doc.mark,
        break_even=lot.break_even_price,
        price_increment=doc.price_increment_text,
        from_mark_pct=100 * (float(price) / doc.mark - 1) if price is not None and doc.mark else None,
        value=value,
        fee_pct=fee_pct,
        fee=fee,
        result=result,
        result_pct=100 * result / cost if result is not None and cost else None,
        rest_size=plain(rest) if rest is not None else None,
        note=note,
    )


def _mark(doc: PositionDoc) -> Decimal | None:
    return Decimal(str(doc.mark)) if doc.mark is not None else None


def _break_even(lot: LotDoc) -> Decimal:
    return Decimal(str(lot.break_even_price))


def _taker_pct(s: Snapshot) -> float | None:
    account: AccountDoc | None = s.state.account if s.state else None
    return account.taker_fee_pct if account is not None else None
