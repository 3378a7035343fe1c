"""Numbers, ages, durations, times and words as people read them: the one place that decides how they look.

Functions whose result carries markup return `Markup`; everything else is text that the template escapes.
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from markupsafe import Markup

NBSP = "\u00a0"
MINUS = "\u2212"
DASH = "\u2014"  # not known
Number = float | int | Decimal
_UNITS: tuple[tuple[int, str, int, str], ...] = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def _rounded(value: Number, digits: int) -> Decimal | None:
    """`value` half-even to `digits`; None for what is no number."""
    try:
        exact = value if isinstance(value, Decimal) else Decimal(repr(value))
        rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
        return rounded if rounded.is_finite() else None
    except (InvalidOperation, ValueError):
        return None


def number(value: Number | None, digits: int = 2, *, signed: bool = False) -> str:
    """`12,437.04`; with `signed`, `+118.72`. Zero has no sign, and there is no −0.00."""
    rounded = None if value is None else _rounded(value, digits)
    if rounded is None:
        return DASH
    text = f"{abs(rounded):,.{digits}f}"
    if rounded < 0:
        return MINUS + text
    return "+" + text if signed and rounded > 0 else text


def money(value: Number | None) -> str:
    """An amount in the quote currency, two digits, never shortened."""
    return number(value)


def signed(value: Number | None, digits: int = 2) -> str:
    """A change or a PnL: always with its sign."""
    return number(value, digits, signed=True)


def pct(value: Number | None, digits: int = 2) -> str:
    """`0.96 %` with a no-break space."""
    return DASH if value is None else number(value, digits) + NBSP + "%"


def signed_pct(value: Number | None, digits: int = 2) -> str:
    """`+0.96 %`."""
    return DASH if value is None else number(value, digits, signed=True) + NBSP + "%"


def count(value: int | None) -> str:
    """A whole number with thousands separated."""
    return DASH if value is None else number(value, 0)


def tone(value: Number | None, digits: int = 2) -> str:
    """The class that colours a gain or a loss; none for zero as it is shown, so sign and colour turn together."""
    rounded = None if value is None else _rounded(value, digits)
    if not rounded:
        return ""
    return "ok" if rounded > 0 else "bad"


def pnl(value: Number | None, digits: int = 2) -> Markup:
    """A signed amount in its colour."""
    return Markup(f'<span class="n {tone(value, digits)}">{signed(value, digits)}</span>')  # noqa: S704 (digits)


def pnl_pct(value: Number | None, digits: int = 2) -> Markup:
    """A signed percentage in its colour, as the small second line."""
    return Markup(f'<small class="{tone(value, digits)}">{signed_pct(value, digits)}</small>')  # noqa: S704 (digits)


def decimals(increment: str | None) -> int:
    """Digits after the point that an increment such as "0.01" asks for."""
    try:
        exponent = Decimal(increment or "0.01").normalize().as_tuple().exponent
    except InvalidOperation:
        return 2
    return max(0, -exponent) if isinstance(exponent, int) else 2


def _muted_zeros(text: str) -> Markup:
    """Trailing zeros after the point are muted; the point goes with them when nothing else is left."""
    if "." not in text:
        return Markup(text)  # noqa: S704 (digits)
    bare = text.rstrip("0").rstrip(".")
    zeros = text[len(bare) :]
    return Markup(f'{bare}<i class="z">{zeros}</i>' if zeros else bare)  # noqa: S704 (digits)


def price(value: Number | str | None, increment: str | None = "0.01") -> Markup:
    """A price to the product's increment."""
    return _muted_zeros(_plain(value, decimals(increment)))


def price_text(value: Number | str | None, increment: str | None = "0.01") -> str:
    """The same without markup, for labels and sentences."""
    return _plain(value, decimals(increment))


def size(value: Number | str | None, increment: str | None = "0.00000001") -> Markup:
    """A size to the product's increment."""
    return _muted_zeros(_plain(value, decimals(increment)))


def _plain(value: Number | str | None, digits: int) -> str:
    if value is None:
        return DASH
    try:
        return number(Decimal(value) if isinstance(value, str) else value, digits)
    except InvalidOperation:
        return DASH


def unit(text: str, of: str) -> Markup:
    """`12,437.04 USD` with its unit in muted ink."""
    return Markup('{}{}<small class="u">{}</small>').format(text, NBSP, of)


def milliseconds(value: Number | None) -> str:
    """A span given in milliseconds."""
    return DASH if value is None else duration(float(value) / 1000)


def offset(ms: Number | None) -> str:
    """A signed offset of clocks: `+12 ms`."""
    if ms is None:
        return DASH
    return number(ms, 0, signed=True) + NBSP + "ms" if abs(float(ms)) < 10_000 else duration(float(ms) / 1000)


def duration(seconds: float | None) -> str:
    """38 ms · 0.4 s · 14.2 s · 4 min 12 s · 3 d 4 h: two units at most."""
    if seconds is None:
        return DASH
    if seconds < 0:
        return MINUS + duration(-seconds)
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}{NBSP}ms" if seconds >= 0.001 or seconds == 0 else f"{seconds * 1000:.1f}{NBSP}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}{NBSP}s"
    whole = round(seconds)
    for size_s, name, smaller_s, smaller in _UNITS:
        if whole >= size_s:
            rest = whole % size_s // smaller_s
            head = f"{whole // size_s}{NBSP}{name}"
            return f"{head}{NBSP}{rest}{NBSP}{smaller}" if rest else head
    return f"{whole}{NBSP}s"


def age(seconds: float) -> str:
    """The age of what is shown, in tenths so that it keeps its width; never less than a tenth."""
    return duration(max(0.1, seconds))


def span(seconds: float | None) -> str:
    """A duration that need not be exact: milliseconds below a second, whole seconds from ten on."""
    if seconds is None:
        return DASH
    if 0 <= seconds < 1:
        return f"{seconds * 1000:.0f}{NBSP}ms"
    if 10 <= seconds < 59.5:
        return f"{seconds:.0f}{NBSP}s"
    return duration(seconds)


def age_state(seconds: float) -> str:
    """fresh, late (> 1.5 s), stale (> 5 s) or dead (> 60 s): the shape of an age."""
    if seconds > 60:
        return "dead"
    if seconds > 5:
        return "stale"
    return "late" if seconds > 1.5 else "fresh"


def clock(at: datetime | None, now: datetime) -> str:
    """HH:MM:SS today (UTC), else `18 Nov 22:40`."""
    if at is None:
        return DASH
    at = at.astimezone(UTC)
    if at.date() == now.astimezone(UTC).date():
        return f"{at:%H:%M:%S}"
    year = f" {at:%Y}" if at.year != now.year else ""
    return f"{at.day} {at:%b}{year} {at:%H:%M}"


def when(at: datetime | None, now: datetime, css: str = "") -> Markup:
    """A time element; the page's script adds local time as its title."""
    if at is None:
        return Markup("\u2014")
    kind = f' class="{css}"' if css else ""
    stamp = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Markup(f'<time{kind} datetime="{stamp}">{clock(at, now)}</time>')  # noqa: S704 (digits, a class of ours)


def of_ms(at_ms: int | None) -> datetime | None:
    """The time of a `…_ms` field; None where it is missing or absurd."""
    if at_ms is None:
        return None
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def of_text(at: str | None) -> datetime | None:
    """The time of an ISO 8601 field; None where it holds none."""
    if not at:
        return None
    try:
        parsed = datetime.fromisoformat(at)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def plural(n: int, one: str, many: str | None = None) -> str:
    """`1 lot`, `6 lots`."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def words(name: str) -> str:
    """A name of the code as words: `close_lot` becomes `Close lot`."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """With a capital, unless it begins with the name of a file; names of settings and paths stay as they are."""
    first, _, _ = text.partition(" ")
    return text if "." in first.rstrip(".") else text[:1].upper() + text[1:]


_EXIT_REASONS = {
    "take": "take profit",
    "stop": "stop loss",
    "trail": "trailing stop",
    "signal": "SELL signal",
    "target": "target weight",
    "command": "manual close",
    "unknown": "not known",
}


def exit_reason(word: str) -> str:
    """Why a lot was or is being closed, in the field's words; a word of another kind as it is."""
    return _EXIT_REASONS.get(word, word)


def listed(items: list[str]) -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1] if items else ""


def mebibytes(n: int | float | None) -> str:
    """Bytes as a person reads them."""
    if n is None:
        return DASH
    for name, size_b in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if n >= size_b:
            return f"{n / size_b:.{0 if n >= 10 * size_b else 1}f}{NBSP}{name}"
    return f"{n:.0f}{NBSP}B"


def short_id(text: str | None, keep: int = 8) -> str:
    """The end of an id, which is what tells two of them apart."""
    if not text:
        return DASH
    return text if len(text) <= keep else text.rpartition("-")[2][-keep:]


_ASCII_MINUS = re.compile(r"(?<![\w.\-])-(?=\d)")


def minus(text: str) -> str:
    """Negative figures inside a text get the sign that has a figure's width."""
    return _ASCII_MINUS.sub(MINUS, text)


def clean(text: str) -> str:
    """Text from elsewhere for one line: control and direction characters are made visible, not obeyed."""
    return "".join(c if c.isprintable() and not _is_bidi(c) else f"\\u{ord(c):04x}" for c in text)


def _is_bidi(c: str) -> bool:
    return "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" or c in "\u200e\u200f\u061c"
