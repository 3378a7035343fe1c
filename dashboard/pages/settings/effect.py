"""What stands in "Before you apply": the changes, what follows, how the bot takes them up, what ends by them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboard import settings_backtest
from dashboard.settings_form import label_of, with_unit
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared import live_permission
from shared.setting_change import SettingsEffect
from shared.times import from_epoch_ms

Point = tuple[str, str, str, str]  # state, icon, what it says, and the rest of it


@dataclass(frozen=True, slots=True)
class EditRow:
    """`now`, `new`: for reading; `raw`, `written`: what the form sends."""

    key: str
    label: str
    now: str
    new: str
    raw: str
    written: str


@dataclass(frozen=True, slots=True)
class EffectView:
    """`problems`: key to why it is refused; `confirm`: where a sign-in is confirmed first, "" = not needed."""

    edits: tuple[EditRow, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    may: bool = False
    confirm: str = ""
    sets: tuple[str, ...] = ()  # candle sets that it can be compared on
    tested: tuple[str, ...] = ()  # the changed settings that a backtest applies

    @property
    def count(self) -> str:
        return f.plural(len(self.edits), "change") if self.edits else ""

    @property
    def labels(self) -> Mapping[str, str]:
        return {key: label_of(key) for key in self.problems if key}


def shown(
    made: SettingsEffect,
    how: str,
    s: Snapshot,
    permission: bytes | None,
    sets: tuple[str, ...],
    *,
    may: bool,
    confirm: str,
) -> EffectView:
    rows = tuple(
        EditRow(
            edit.key, label_of(edit.key), with_unit(edit.key, edit.now),
            with_unit(edit.key, edit.new), edit.now, edit.written,
        )
        for edit in made.edits
    )  # fmt: skip
    points = [_taken_up(made, how, s)]
    if made.follows:
        told = [f"{key} {f.clean(now) or 'empty'} to {f.clean(new) or 'empty'}" for key, now, new in made.follows]
        points.append(("warn", "warns", "Changes with it:", f"{f.listed(told)}."))
    points.append(_permission(made, permission))
    return EffectView(rows, {}, tuple(points), may, confirm, sets, tuple(settings_backtest.compared(made)))


def _taken_up(made: SettingsEffect, how: str, s: Snapshot) -> Point:
    if not s.fresh:
        return ("off", "off", "The bot does not answer.", "It takes this up at its next start.")
    if how == "reload":
        text = "It holds from the next decision on. Open lots, resting orders and tripped limits stay as they are."
        return ("ok", "ok", "Reload, no restart.", text)
    late = list(made.restarts)
    if not late:
        text = "This alone would need none, but .env has other changes that the bot does not run with yet."
        return ("warn", "info", "A restart takes it up.", text)
    which = (
        "" if len(late) == len(made.edits) + len(made.follows) else f"{f.listed(late)} cannot change while it runs. "
    )
    text = f"{which}It takes some seconds; what rests at the exchange stays. You press the button when it suits."
    return ("warn", "info", "A restart takes it up.", text)


def _permission(made: SettingsEffect, data: bytes | None) -> Point:
    """What becomes of the permission for live orders, by name."""
    bound = [edit.key for edit in made.edits if edit.key not in live_permission.HARMLESS]
    voided = live_permission.voided_by(data, made.after.settings)
    ours = [text for text in voided if text.partition(" ")[0] in bound]
    if not bound:
        return ("ok", "ok", "No live permission ends by it.", "These settings are not part of what one is given for.")
    if data is None:
        text = f"None is there now. A later one is given for the new value of {f.listed(bound)}."
        return ("ok", "ok", "No live permission ends by it.", text)
    if not ours:
        return ("ok", "ok", "No live permission ends by it.", "It was given for these values, or cannot be read.")
    return (
        "warn",
        "warns",
        f"Ends the live permission{_granted(data)}.",
        f"{f.clean(live_permission.named(ours))}. Live entries are locked until ./coin enable-live; exits go on.",
    )


def _granted(data: bytes) -> str:
    found = live_permission.read(data)
    return f" of {from_epoch_ms(found.granted_ms):%-d %b}"
