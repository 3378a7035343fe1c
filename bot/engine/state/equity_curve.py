"""The time-weighted curve: what one unit of money has become, whatever was paid in or taken out meanwhile.

Between two transfers the curve moves as equity does; at a transfer it stands still. The drawdown is the fall from the
curve's highest point, so a deposit neither hides a loss nor makes a gain, and a withdrawal is no loss. It is the one
drawdown there is: MAX_DRAWDOWN_PCT latches by it, and every page shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.rules import risk as rule
from shared.money import ZERO, plain

FACT, PEAK_FACT = "curve", "peak_equity"
ONE = Decimal(1)
_STEP = Decimal("1e-24")  # the curve is kept to so many digits
_CENTS = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """Where the curve stood when equity was `base`, and its highest point. It began at 1."""

    index: Decimal = ONE
    base: Decimal = ZERO  # 0 = there was no money: the curve waits for some
    peak: Decimal = ONE

    @classmethod
    def restored(cls, facts: Mapping[str, str]) -> "EquityCurve":
        """What the ledger kept. One of before the curve kept the highest equity alone, moved by each transfer."""
        kept, peak = facts.get(FACT), facts.get(PEAK_FACT)
        if kept:
            curve = cls(*map(Decimal, kept.split(" ")))
            if peak is None or plain(curve.peak_equity) == peak:
                return curve
        return cls(base=Decimal(peak)) if peak and Decimal(peak) > 0 else cls()

    def to_text(self) -> str:
        return " ".join(map(plain, (self.index, self.base, self.peak)))

    def at(self, equity: Decimal) -> Decimal:
        """Where the curve stands with this equity."""
        if self.base <= 0:
            return self.index
        return (self.index * max(equity, ZERO) / self.base).quantize(_STEP)

    @property
    def peak_equity(self) -> Decimal:
        """The equity with which the curve would stand at its highest point; 0 = there is no money."""
        if self.peak == self.index:
            return self.base
        return (self.base * self.peak / self.index).quantize(_CENTS)

    def drawdown_pct(self, equity: Decimal) -> float:
        """Fall from the highest point in percent, >= 0."""
        if self.base <= 0:
            return rule.drawdown_pct(float(self.peak), float(self.index))
        return rule.drawdown_pct(float(self.peak_equity), float(equity))

    def seen(self, equity: Decimal) -> "EquityCurve":
        """The curve after a judged equity: a new highest point, or the first money."""
        if self.base <= 0:
            return replace(self, base=equity) if equity > 0 else self
        now = self.at(equity)
        return EquityCurve(now, equity, now) if now > self.peak else self

    def moved(self, before: Decimal, after: Decimal) -> "EquityCurve":
        """The curve over a transfer that took equity from `before` to `after`: it stands where it stood."""
        now = self.at(before)
        if now <= 0:  # all was lost: new money begins anew
            return EquityCurve(base=max(after, ZERO))
        return replace(self, index=now, base=max(after, ZERO))

    def rebased(self, equity: Decimal) -> "EquityCurve":
        """The highest point is where the curve is now."""
        now = self.at(equity)
        return EquityCurve(now, equity, now) if now > 0 else EquityCurve(base=max(equity, ZERO))
