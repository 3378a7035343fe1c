"""The confirmation dialog of a command: what happens, what stays open, what it costs, what must be typed."""

from dataclasses import dataclass, field, replace

from dashboard.auth.roles import Principal
from dashboard.dispatch import wants_fresh
from dashboard.views import account, header, positions
from dashboard.views import commands as c
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.command_table import COMMANDS, Cmd
from shared.control import command_of


@dataclass(frozen=True, slots=True)
class LotChoice:
    """One of the actions on a lot: its dialog, and where things stand."""

    ask: str
    label: str
    now: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Confirmation:
    cmd: str
    args: dict[str, str]
    heading: str
    band: header.ModeBand
    steps: list[tuple[str, str]] = field(default_factory=list)
    warning: str = ""
    strong: str = ""
    rows: list[tuple[str, str, bool]] = field(default_factory=list)
    word: str = ""  # to be typed
    word_is: str = "confirm"  # the field that the typed word becomes
    button: str = ""
    icon: str = ""
    danger: bool = True
    small: str = ""
    why: str = ""  # it is not possible now
    confirm: bool = False  # the sign-in must be confirmed first
    choices: list[LotChoice] = field(default_factory=list)  # nothing is asked yet: what and where to comes first
    mark: str = ""  # the price beside the choices
    loss: str = ""  # the dialog that asks the same and allows the loss
    asked: str = ""  # what it is asked with


def confirmation_for(s: Snapshot, wanted: str, who: Principal) -> Confirmation | None:
    """The dialog for `cmd` or `cmd:target`; None = there is none."""
    word, _, target = wanted.partition(":")
    cmd = command_of(word)
    if cmd is None:
        return None
    made = {
        Cmd.KILL: _kill,
        Cmd.FLATTEN: _flatten,
        Cmd.RESET_KILL: _reset,
        Cmd.CLOSE_LOT: _close_lot,
        Cmd.CLOSE_PRODUCT: _close_product,
        Cmd.CANCEL: _cancel,
        Cmd.ADOPT: _adopt,
    }.get(cmd)
    wanted_of = f.clean(target)[:120]
    found = made(s, wanted_of, who) if made else _plain(s, cmd, wanted_of, who)
    if found is not None and not found.why and wants_fresh(who, s, cmd):
        return replace(found, confirm=True)
    return found


def _plain(s: Snapshot, cmd: Cmd, target: str, who: Principal) -> Confirmation | None:
    """As the table of commands has it, for one without a dialog of its own; None = it asks nothing of a person."""
    rule = COMMANDS[cmd]
    if not rule.typed and not rule.args:
        return None
    args, name = dict.fromkeys(rule.args[:1], target), f.words(cmd)
    return Confirmation(
        cmd.value, args, name, header.band(s), [(rule.help, "")], word=rule.typed, button=name, icon="play",
        danger=rule.sends, why=c.why_not(s, cmd, args, who.role.value),
    )  # fmt: skip


def _kill(s: Snapshot, _target: str, who: Principal) -> Confirmation:
    says = c.kill_preview(s)
    steps = [
        ("The order gate shuts: no more orders are sent.", says.times[0]),
        ("The kill is latched on disk: it survives crashes and reboots.", says.times[1]),
        (f"The bot's orders at the exchange are cancelled, {says.orders}.", says.times[2]),
        ("Two checks at the exchange confirm that none is left.", says.times[3]),
    ]
    warning = f"Still open: {says.stays}; " if says.stays else ""
    strong = "their exits are not managed while killed. " if says.stays else ""
    return Confirmation(
        "kill", {}, f"Kill {s.bot.process}", header.band(s), steps, warning, strong, word=COMMANDS[Cmd.KILL].typed,
        button="Kill",
        icon="kill", small=f"{says.drilled} Faster: hold K for one second on any page.",
        why=c.why_not(s, Cmd.KILL, role=who.role.value),
    )  # fmt: skip


def _flatten(s: Snapshot, _target: str, who: Principal) -> Confirmation:
    says = c.flatten_preview(s)
    steps = [
        ("Entries stop; the bot's orders are cancelled.", says.orders),
        ("Every lot is sold at market.", f.plural(says.lots, "lot")),
        ("Complete only when the exchange confirms it is flat.", "or dust"),
        ("The bot then stays stopped, so that it does not buy again.", ""),
    ]
    return Confirmation(
        "flatten", {}, "Flatten: sell everything", header.band(s), steps, rows=says.rows,
        word=COMMANDS[Cmd.FLATTEN].typed,
        button=f"Sell {f.plural(says.lots, 'lot')}", icon="flat", why=c.why_not(s, Cmd.FLATTEN, role=who.role.value),
    )  # fmt: skip


def _reset(s: Snapshot, _target: str, who: Principal) -> Confirmation:
    kill = s.state.kill if s.state else None
    code = f.short_id(kill.latch_id, 6) if kill else ""
    steps = [
        ("The latch is reset and the KILL file is removed.", ""),
        ("The bot is stopped: nothing is traded until you press Start.", ""),
    ]
    return Confirmation(
        "reset_kill", {}, "Reset kill", header.band(s), steps, word=code, word_is="latch_id", button="Reset the kill",
        icon="unlock", danger=False,
        small="The ID belongs to this kill, so an outdated click cannot reset a newer one.",
        why=c.why_not(s, Cmd.RESET_KILL, {"latch_id": "?"}, who.role.value),
    )  # fmt: skip


def _adopt(s: Snapshot, _target: str, who: Principal) -> Confirmation:
    """Exactly the difference shown is sent: if it has changed since, the bot refuses it."""
    text = s.state.differences if s.state else None
    args = {"differences": text} if text else {}
    steps = [
        ("Exactly this is booked as a transfer and excluded from the day's result.", ""),
        ("Entries resume, unless something else blocks them.", ""),
    ]
    if account.coins_left(s):
        steps.append(("Lots whose coins are gone are closed as dust, newest first.", ""))
    rows = [(one.currency, one.text, True) for one in account.differing(s)]
    return Confirmation(
        "adopt", args, "Adopt the difference", header.band(s), steps, rows=rows, word=COMMANDS[Cmd.ADOPT].typed,
        button="Adopt", icon="ok", danger=False, why=c.why_not(s, Cmd.ADOPT, args, who.role.value),
        small="Check the exchange's website first: a change that you did not make yourself is a warning.",
    )  # fmt: skip


def _close_lot(s: Snapshot, target: str, who: Principal) -> Confirmation | None:
    for doc in (s.state.positions if s.state else None) or []:
        called = positions.names(doc.lots)
        for one in doc.lots:
            if one.lot_id == target:
                lot = positions.lot(one, doc, called[one.lot_id], s)
                return _sale(
                    s, Cmd.CLOSE_LOT, {"lot_id": target}, f"Close {doc.product_id} {lot.name.lower()}",
                    one.value_usd, one.cost_usd, "lot", who,
                )  # fmt: skip
    return None


def _close_product(s: Snapshot, target: str, who: Principal) -> Confirmation | None:
    for doc in (s.state.positions if s.state else None) or []:
        if doc.product_id == target and doc.lots:
            return _sale(
                s, Cmd.CLOSE_PRODUCT, {"product_id": target}, f"Close all lots of {target}", doc.size_usd,
                doc.cost_usd, f.plural(len(doc.lots), "lot"), who,
            )  # fmt: skip
    return None


def _sale(
    s: Snapshot, cmd: Cmd, args: dict[str, str], heading: str, value: float | None, cost: float, what: str,
    who: Principal,
) -> Confirmation:  # fmt: skip
    account = s.state.account if s.state else None
    rows: list[tuple[str, str, bool]] = [("Proceeds", "not known", False)]
    if value is not None and account is not None:
        fee = value * account.taker_fee_pct / 100
        rows = [
            ("Proceeds at the mark", f"about {f.money(value)} USD", False),
            (f"Fee, taker {f.pct(account.taker_fee_pct)}", f"{f.signed(-fee)} USD", False),
            ("Realised PnL after all fees", f"{f.signed(value - fee - cost)} USD", True),
        ]
    steps = [("Its resting take-profit order is cancelled.", ""), (f"The {what} is sold at market.", "")]
    if cmd is Cmd.CLOSE_PRODUCT:
        steps = [("Their resting take-profit orders are cancelled.", ""), (f"{what} sold at market.", "")]
    return Confirmation(
        cmd.value, args, heading, header.band(s), steps, rows=rows, button="Sell", icon="flat",
        why=c.why_not(s, cmd, args, who.role.value),
    )  # fmt: skip


def _cancel(s: Snapshot, target: str, who: Principal) -> Confirmation | None:
    order = next((o for o in (s.state.orders if s.state else None) or [] if o.client_order_id == target), None)
    if order is None or order.purpose == "foreign":
        return None
    steps = [("A cancel request is sent to the exchange.", "")]
    if order.purpose == "take":
        steps.append(("The lot stays open; the bot places a new take-profit order unless it is stopped.", ""))
    args = {"client_order_id": target}
    return Confirmation(
        "cancel", args, f"Cancel {order.side.lower()} order, {order.product_id}", header.band(s), steps,
        button="Cancel the order", icon="x", danger=False, why=c.why_not(s, Cmd.CANCEL, args, who.role.value),
    )  # fmt: skip
