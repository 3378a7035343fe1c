"""The dialogs of one lot: what to do and where to (a form that asks again), then its effect, then the button."""

from dashboard.auth.roles import Principal
from dashboard.confirmation import Confirmation, LotChoice
from dashboard.views import commands as c
from dashboard.views import format as f
from dashboard.views import header, lot_preview, positions
from dashboard.views.lot_preview import LotPreview
from dashboard.views.snapshot import Snapshot
from shared.command_table import Cmd

HAND = (Cmd.MOVE_TAKE, Cmd.MOVE_STOP, Cmd.SELL_PART)
_BUTTONS = {Cmd.MOVE_TAKE: "Move the take profit", Cmd.MOVE_STOP: "Move the stop loss", Cmd.SELL_PART: "Sell the part"}
_CHOICES = _BUTTONS | {Cmd.SELL_PART: "Sell a part"}
_VALUE_CHARS = 40


def lot_dialog(
    s: Snapshot, cmd: Cmd, lot_id: str, who: Principal, value: str = "", *, at_a_loss: bool = False
) -> Confirmation | None:
    """Without a value the choice; with one its effect. None = there is no such lot."""
    found = lot_preview.find(s, lot_id)
    if found is None:
        return None
    doc, lot = found
    tick = doc.price_increment_text
    name = f"{doc.product_id} {positions.names(doc.lots)[lot_id].lower()}"
    value, role = f.clean(value).strip()[:_VALUE_CHARS], who.role.value
    if not value:
        args = {"lot_id": lot_id, "price": "?", "base_size": "?"}
        now = {
            Cmd.MOVE_TAKE: f"now {f.price_text(lot.take_price_text, tick)}" if lot.take_price_text else "none",
            Cmd.MOVE_STOP: f"now {f.price_text(lot.stop_price, tick)}" if lot.stop_price else "none",
            Cmd.SELL_PART: f"holds {lot.base_size_text} {doc.symbol}",
        }
        choices = [LotChoice(f"{one.value}:{lot_id}", _CHOICES[one], now[one], one is cmd) for one in HAND]
        return Confirmation(
            cmd.value, {}, f"Change {name}", header.band(s), choices=choices, why=c.why_not(s, cmd, args, role),
            mark=f.price_text(doc.mark, tick) if doc.mark is not None else "not known",
            small="A take or stop is a price, and none turns a stop off; a part is a size in base units.",
        )  # fmt: skip
    if cmd is Cmd.MOVE_TAKE:
        shown = lot_preview.preview_take(s, doc, lot, value, role, at_a_loss=at_a_loss)
    elif cmd is Cmd.MOVE_STOP:
        shown = lot_preview.preview_stop(s, doc, lot, value, role)
    else:
        shown = lot_preview.preview_part(s, doc, lot, value, role)
    steps = _steps(cmd, shown, tick, rests=lot.exit_state == "resting")
    return Confirmation(
        cmd.value, shown.args, f"{_BUTTONS[cmd]}: {name}", header.band(s), steps,
        rows=_rows(cmd, shown, doc.symbol, tick), button=_BUTTONS[cmd], icon="flat" if cmd is Cmd.SELL_PART else "ok",
        danger=cmd is Cmd.SELL_PART, why=f.sentence(shown.refusal) + "." if shown.refusal else "",
        small=f.sentence(shown.note) + "." if shown.note else "",
        loss=f"{cmd.value}:{lot_id}" if shown.refusal and shown.confirm else "", asked=shown.asked,
    )  # fmt: skip


def _steps(cmd: Cmd, shown: LotPreview, tick: str, *, rests: bool) -> list[tuple[str, str]]:
    if cmd is Cmd.MOVE_STOP:
        return [("The bot judges the stop at every price from then on.", "")]
    first = [("Its resting take-profit order is cancelled.", "")] if rests else []
    if cmd is Cmd.MOVE_TAKE:
        return [*first, ("A take-profit order rests at the new price.", _price(shown.asked, tick))]
    return [*first, ("The part is sold at market.", shown.base_size), ("The take rests anew for what is left.", "")]


def _price(text: str, tick: str) -> str:
    """A price that may be no number: what a person wrote, or none."""
    return f.price_text(text, tick) if text.replace(".", "", 1).isdigit() else text


def _rows(cmd: Cmd, shown: LotPreview, symbol: str, tick: str) -> list[tuple[str, str, bool]]:
    rows: list[tuple[str, str, bool]] = []
    if shown.now is not None:
        rows.append(("From", _price(shown.now, tick), False))
    to = _price(shown.asked, tick) if cmd is not Cmd.SELL_PART else f"{shown.base_size} {symbol}"
    rows.append(("Part" if cmd is Cmd.SELL_PART else "To", to, False))
    if shown.value is not None and shown.fee is not None and shown.result is not None:
        rows += [
            ("Proceeds", f"about {f.money(shown.value)} USD", False),
            (f"Fee {f.pct(shown.fee_pct)}", f"{f.signed(-shown.fee)} USD", False),
            ("Result after all fees", f"{f.signed(shown.result)} USD", True),
        ]
    if shown.rest_size is not None:
        rows.append(("Stays", f"{shown.rest_size} {symbol}", False))
    return rows
