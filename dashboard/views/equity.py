"""The equity curve as the server draws it (first paint, no script, no chart library), and its figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from dashboard.rows import LedgerCommand
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.market_data import EquityRow

RANGES = (("1d", "1D"), ("1w", "1W"), ("1m", "1M"), ("all", "All"))
_DAYS = {"1w": 7, "1m": 30}
GAP_S = 300  # notes come once a minute: across more than this the bot saw nothing, and no line is drawn
_FINEST = 400  # a gap narrower than two of so many parts of the width is not to be seen


@dataclass(frozen=True, slots=True)
class AccountCurve:
    """Points of the account, and the drawdown of the time-weighted curve (percent, <= 0), as the bot judged it.

    None = not known: an older version noted it.
    """

    at_s: list[int]
    equity: list[float]
    drawdown: list[float | None]
    curve: list[float | None]

    @property
    def deepest(self) -> float | None:
        return min((d for d in self.drawdown if d is not None), default=None)


@dataclass(frozen=True, slots=True)
class Flag:
    """Money that came in or went out: no result."""

    at_s: int
    value: float  # in quote currency when it was adopted, or now where it waits
    what: str  # "USD +4970"
    adopted: bool

    @property
    def say(self) -> str:
        how = "transfer" if self.adopted else "not adopted yet"
        return f"{f.signed(self.value)} ({self.what}), {how}"


def since(range_: str, now: datetime) -> int:
    """Where a range begins, in seconds since 1970: 1D is the UTC day, the others are rolling."""
    if range_ == "1d":
        return int(now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    days = _DAYS.get(range_)
    return 0 if days is None else int((now - timedelta(days=days)).timestamp())


def curve(rows: Sequence[EquityRow]) -> AccountCurve:
    """The columns of the rows."""
    down = [None if r.drawdown is None else -round(r.drawdown, 4) + 0.0 for r in rows]
    return AccountCurve([r.at_s for r in rows], [r.equity for r in rows], down, [r.curve for r in rows])


def now(s: Snapshot) -> EquityRow | None:
    """The newest point there is, from the state document, at the time of the oldest source that it rests on."""
    a = s.state.account if s.state else None
    if a is None or s.state is None:
        return None
    moved = a.transfers + a.waiting_value
    age_ms = s.state.verdict.figures_age_ms if s.state.verdict is not None else None
    return EquityRow(
        (s.state.ts_ms - (age_ms or 0)) // 1000, a.equity, a.cash, a.lots_value, moved, a.curve, a.drawdown_pct
    )


def until_now(rows: Sequence[EquityRow] | None, newest: EquityRow | None, since_s: int = 0) -> list[EquityRow] | None:
    """Notes of each minute with the newest point behind them, where it is newer."""
    if rows is None:
        return None
    if newest is None or newest.at_s < since_s or (rows and newest.at_s <= rows[-1].at_s):
        return list(rows)
    return [*rows, newest]


def flags(adopted: Iterable[LedgerCommand] | None, s: Snapshot, since_s: int) -> list[Flag]:
    """What was adopted since then, oldest first, and what waits for it."""
    found = [flag for command in adopted or () if (flag := _flag(command)) is not None and flag.at_s >= since_s]
    state = s.state
    if state is not None and state.differences and state.account is not None:
        at = f.of_text(state.differences_since)
        at_s = int(at.timestamp()) if at is not None else state.ts_ms // 1000
        if at_s >= since_s:
            found.append(Flag(at_s, state.account.waiting_value, f.clean(state.differences), False))
    return sorted(found, key=lambda flag: flag.at_s)


def _flag(command: LedgerCommand) -> Flag | None:
    result = command.result or {}
    try:
        value = float(result.get("value", ""))
    except ValueError:  # nothing differed any more
        return None
    seen = f.of_text(result.get("since"))
    at_s = int(seen.timestamp()) if seen is not None else command.seen_ms // 1000
    return Flag(at_s, value, f.clean(result.get("adopted", "")), True)


def pieces(at_s: Sequence[int]) -> list[range]:
    """Where the line is whole: indices of points between which the bot saw the account."""
    if not at_s:
        return []
    limit = max(GAP_S, 2 * (at_s[-1] - at_s[0]) / _FINEST)
    starts = [0, *(i for i in range(1, len(at_s)) if at_s[i] - at_s[i - 1] > limit)]
    return [range(first, last) for first, last in zip(starts, [*starts[1:], len(at_s)], strict=True)]


def plot(rows: Sequence[EquityRow] | None, moved: Sequence[Flag] = ()) -> Markup:
    """The same as an SVG drawing that scales, with a sentence for those who cannot see it."""
    if rows is None:
        return _empty("wait", "Not known yet.", "")
    if len(rows) < 2:
        return _empty("chart", "The first points appear within two minutes.", "Equity is recorded once a minute.")
    c = curve(rows)
    low, high = min(c.equity), max(c.equity)
    spread = (high - low) or 1.0
    first, last = c.at_s[0], c.at_s[-1]
    width = (last - first) or 1
    xs = [f"{1000 * (t - first) / width:.0f}" for t in c.at_s]
    points = [f"{x} {90 - 80 * (e - low) / spread:.1f}" for x, e in zip(xs, c.equity, strict=True)]
    whole = pieces(c.at_s)
    lines = ["M" + "L".join(points[i] for i in piece) + ("h0" if len(piece) == 1 else "") for piece in whole]
    area = "".join(f"{line}V100H{xs[piece[0]]}z" for line, piece in zip(lines, whole, strict=True))
    marks = "".join(f"M{1000 * (m.at_s - first) / width:.0f} 0V100" for m in moved if first <= m.at_s <= last)
    say = f"Equity from {f.money(c.equity[0])} to {f.money(c.equity[-1])} USD"
    if moved:
        say += f", including {f.signed(sum(m.value for m in moved))} deposited or withdrawn"
    if c.deepest is not None:
        say += f", largest drawdown {f.pct(-c.deepest + 0.0)}"
    if len(whole) > 1:
        say += f", {f.plural(len(whole) - 1, 'gap')} without data"
    return Markup(
        '<svg class="plot" role="img" aria-label="{say}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<path class="c-area" d="{area}"/><path class="c-flag" d="{marks}"/>'
        '<path class="c-line" d="{line}"/></svg>'
        '<svg class="plot dd" aria-hidden="true" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<path class="c-dd" d="{down}"/></svg>'
    ).format(say=say, area=area, line="".join(lines), marks=marks, down=_down(c, xs, whole))


def _down(c: AccountCurve, xs: Sequence[str], whole: Sequence[range]) -> str:
    """The drawdown as areas below zero; where it is not known there is none."""
    scale, path = c.deepest or -1.0, ""
    for piece in whole:
        open_ = ""  # where the area that is being drawn ends so far
        for i in piece:
            value = c.drawdown[i]
            if value is not None:
                path += f"{'L' if open_ else f'M{xs[i]} 0L'}{xs[i]} {100 * value / scale:.1f}"
                open_ = xs[i]
            elif open_:
                path, open_ = f"{path}L{open_} 0z", ""
        path += f"L{open_} 0z" if open_ else ""
    return path


def _empty(icon: str, bold: str, text: str) -> Markup:
    line = Markup("<br>{}").format(text) if text else ""
    return Markup(
        '<div class="empty tall"><svg class="i" aria-hidden="true"><use href="#i-{}"/></svg><p><b>{}</b>{}</p></div>'
    ).format(escape(icon), bold, line)
