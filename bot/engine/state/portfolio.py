"""Cash, holdings and equity: what the exchange said last, moved on by every fill since."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from bot.domain.balances import Balance, FeeRates
from bot.domain.fills import Fill
from bot.domain.kinds import Side
from shared.money import ZERO, plain

EDGE_MS = 2_000  # clocks and the exchange's own books differ by so much at most
UNCERTAIN_MAX = 6
# Of a currency: the exchange keeps orders by quote size to 16 decimals, and where it rounds is not told.
NOISE = Decimal("1e-9")
GAP_MS = 25_000  # news of a fill lags so long at most


def moved_by(fill: Fill, base: str, quote: str) -> dict[str, Decimal]:
    """What one fill and its fee do to the balances."""
    sign = 1 if fill.side is Side.BUY else -1
    moved = {base: sign * fill.base_size, quote: -sign * fill.price * fill.base_size}
    taken_from = fill.fee_currency or quote
    moved[taken_from] = moved.get(taken_from, ZERO) - fill.fee
    return moved


def signed_text(amounts: Mapping[str, Decimal]) -> str:
    """`BTC -0.5, USD +100`: what people read of differences, what the ledger keeps, and what `adopt` must name."""
    return ", ".join(f"{currency} {'+' if a > 0 else ''}{plain(a)}" for currency, a in sorted(amounts.items()) if a)


def from_signed(text: str | None) -> dict[str, Decimal]:
    """The amounts of `signed_text`. Raises ValueError or ArithmeticError for anything else."""
    pairs = (part.split(" ") for part in text.split(", ")) if text else ()
    return {currency: Decimal(amount) for currency, amount in pairs}


def _amounts(text: str) -> dict[str, Decimal]:
    pairs = (part.split("=") for part in text.split(" ")) if text else ()
    return {currency: Decimal(amount) for currency, amount in pairs}


def _text(amounts: dict[str, Decimal]) -> str:
    return " ".join(f"{currency}={plain(amount)}" for currency, amount in sorted(amounts.items()) if amount)


class Portfolio:
    """Balances by currency. A fill moves them at once; a quiet answer of the exchange confirms or corrects them.

    `kept`: the text of an earlier run. What that run knew is compared with the first answer of this one: what
    differs is the gap, which late news of a fill may still explain.
    """

    def __init__(self, quote: str, kept: str | None = None) -> None:
        self.quote = quote
        self.totals: dict[str, Decimal] = {}
        self.rates: FeeRates | None = None
        self.synced_ms: int | None = None
        self.asked_ms = 0  # when the balances were asked for: what was filled before is in them
        self.moved_ms = 0  # when a fill last moved them
        self._uncertain: list[dict[str, Decimal]] = []
        self.doubt: dict[str, Decimal] = {}  # a difference that was seen once; seen again, it is believed
        self.gap: dict[str, Decimal] = {}  # what came while the bot was down, until it is sure
        self.gap_ms: int | None = None  # when it was first seen
        self.holds: dict[str, Decimal] = {}  # currency → held for open orders, as the exchange said last
        self._kept_ms: int | None = None  # when the kept balances were asked for; None = nothing was kept
        self._gap_from_ms: int | None = None  # when those were asked for from which the gap is counted
        self._gap_asked_ms: int | None = None  # when those were asked for that showed it
        if kept:
            self._restore(kept)

    def _restore(self, kept: str) -> None:
        """What cannot be read counts as nothing kept."""
        try:
            times, totals, gap, *uncertain = kept.split("|")
            kept_ms, *gap_times = map(int, times.split(","))
            balances, was_gap = _amounts(totals), _amounts(gap)
            moves = [_amounts(text) for text in uncertain]
        except (ValueError, ArithmeticError):
            return
        self.asked_ms, self._kept_ms, self.totals, self.gap, self._uncertain = (
            kept_ms,
            kept_ms,
            balances,
            was_gap,
            moves,
        )
        self._gap_from_ms = gap_times[0] if gap_times else kept_ms if was_gap else None
        self._gap_asked_ms = gap_times[1] if len(gap_times) > 1 else None

    def to_text(self) -> str:
        """What must survive a restart: asked[,gap counted from[,gap seen]], ms; balances; gap; uncertain fills."""
        times = [ms for ms in (self.asked_ms, self._gap_from_ms, self._gap_asked_ms) if ms is not None]
        return "|".join([",".join(map(str, times)), *map(_text, (self.totals, self.gap, *self._uncertain))])

    @property
    def known(self) -> bool:
        return self.synced_ms is not None

    @property
    def cash(self) -> Decimal:
        """Quote currency, available and held."""
        return self.totals.get(self.quote, ZERO)

    def apply_fill(self, fill: Fill, base: str, now_ms: int) -> None:
        """Move base and quote by one fill and its fee."""
        for currency, amount in moved_by(fill, base, self.quote).items():
            self.totals[currency] = self.totals.get(currency, ZERO) + amount
        self.moved_ms = now_ms

    def adopt(self, balances: Iterable[Balance], asked_ms: int, now_ms: int) -> dict[str, Decimal] | None:
        """Take the exchange's word for all balances; the answer is by how much each differed from ours.

        None = not taken: a difference that shows for the first time may be a fill whose news is still on its way.
        """
        balances = tuple(balances)
        seen = {balance.currency: balance.total for balance in balances}
        first = not self.known
        differences: dict[str, Decimal] = {}
        for currency in sorted(seen.keys() | self.totals.keys()):
            difference = seen.get(currency, ZERO) - self.totals.get(currency, ZERO)
            if abs(difference) > NOISE and not (first and self._kept_ms is None):
                differences[currency] = difference
        news = self._explaining(differences) if differences else None
        explained = news is not None
        if differences and not explained and differences != self.doubt and not first:
            self.doubt = differences
            return None
        for moved in news or ():
            if self.gap and self.asked_ms == self._gap_asked_ms:
                # The answer that showed the gap told of this fill as well: it is no part of what nobody knows.
                self._widen_gap(moved, self.gap_ms)
        self.doubt, self._uncertain = {}, []
        self.totals, self.asked_ms, self.synced_ms = seen, asked_ms, now_ms
        self.holds = {balance.currency: balance.hold for balance in balances if balance.hold}
        if first:
            if not self.gap:  # one that an earlier run saw, and nothing explained yet, began before this run
                self._gap_from_ms = self._kept_ms
            if differences and not explained:
                self._gap_asked_ms = asked_ms
            self._widen_gap({} if explained else differences, now_ms)
            return {}
        return {} if explained else differences

    def _widen_gap(self, amounts: dict[str, Decimal], first_seen_ms: int | None) -> None:
        for currency, amount in amounts.items():
            self.gap[currency] = self.gap.get(currency, ZERO) + amount
        self.gap = {currency: amount for currency, amount in self.gap.items() if amount}
        self.gap_ms = first_seen_ms if self.gap else None
        if not self.gap:
            self._gap_from_ms = self._gap_asked_ms = None

    def close_gap(self, now_ms: int) -> dict[str, Decimal]:
        """The gap once it has stood for long enough to be believed, given out once; else nothing."""
        if self.gap_ms is None or now_ms - self.gap_ms < GAP_MS:
            return {}
        gap, self.gap, self.gap_ms, self._gap_from_ms, self._gap_asked_ms = self.gap, {}, None, None, None
        return gap

    def learn(self, fill: Fill, base: str, exchange_ms: int, now_ms: int) -> dict[str, Decimal]:
        """A fill that is news to us; `exchange_ms` is its time by our clock. An old one is in the balances already.

        The answer is what an old one moved back then, as far as the gap did not know of it.
        """
        applied, late = exchange_ms >= self.asked_ms, dict[str, Decimal]()
        if applied:
            self.apply_fill(fill, base, now_ms)
        elif self.gap and (self._gap_from_ms is None or exchange_ms >= self._gap_from_ms - EDGE_MS):
            back = {currency: -amount for currency, amount in moved_by(fill, base, self.quote).items()}
            self._widen_gap(back, self.gap_ms)
        else:
            late = moved_by(fill, base, self.quote)
        if self.synced_ms is not None and self.asked_ms - EDGE_MS <= exchange_ms <= self.synced_ms + EDGE_MS:
            # Filled while the balances were being told: whether they hold it, the next answer shows.
            sign = -1 if applied else 1
            moved = moved_by(fill, base, self.quote)
            self._uncertain.append({currency: sign * amount for currency, amount in moved.items()})
            del self._uncertain[:-UNCERTAIN_MAX]
        return late

    def _explaining(self, differences: dict[str, Decimal]) -> list[dict[str, Decimal]] | None:
        """Which of the uncertain fills make these very differences; None = they do not."""
        for chosen in range(1, 1 << len(self._uncertain)):
            news = [moved for index, moved in enumerate(self._uncertain) if chosen >> index & 1]
            total: dict[str, Decimal] = {}
            for moved in news:
                for currency, amount in moved.items():
                    total[currency] = total.get(currency, ZERO) + amount
            if all(
                abs(total.get(currency, ZERO) - differences.get(currency, ZERO)) <= NOISE
                for currency in total.keys() | differences.keys()
            ):
                return news
        return None

    def holdings_value(self, mark_of: Callable[[str], Decimal | None]) -> Decimal:
        """Every holding but the quote currency, at its mark; what has no mark counts as nothing."""
        value = ZERO
        for currency, total in self.totals.items():
            if currency != self.quote and total:
                value += total * (mark_of(currency) or ZERO)
        return value
