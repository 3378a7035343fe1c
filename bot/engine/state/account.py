"""Money: balances, the trading day, the equity curve, and what nobody has explained yet."""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.day import TradingDay
from bot.domain.kinds import OrderKind, Purpose
from bot.domain.orders import OrderSpec
from bot.engine.state.equity_curve import EquityCurve
from bot.engine.state.markets import MarketsState
from bot.engine.state.orders import OrdersState
from bot.engine.state.portfolio import Portfolio, from_signed
from shared.money import ZERO
from shared.settings import Settings


class AccountState:
    """Amounts in the quote currency unless a currency is named."""

    def __init__(
        self,
        settings: Settings,
        quote: str,
        markets: MarketsState,
        orders: OrdersState,
        day: TradingDay | None,
        key_values: Mapping[str, str],
    ) -> None:
        self._settings, self._markets, self._orders = settings, markets, orders
        self.portfolio = Portfolio(quote, key_values.get("balances"))
        self.day = day
        self.curve = EquityCurve.restored(key_values)
        self.curve_saved_ms = 0
        self.deepest_drawdown_pct = 0.0  # since it was last noted for the charts
        # Currency → what nobody has explained yet (`engine.account.balance_reconciliation`).
        self.differences: dict[str, Decimal] = from_signed(key_values.get("differences"))
        # Adopted while it had no price: a transfer as soon as it has one (`engine.account.transfers`).
        self.unpriced: dict[str, Decimal] = from_signed(key_values.get("unpriced"))
        self.balances_overtaken = False  # the newest answer came while own orders moved money: it says nothing
        self.foreign_fills: dict[tuple[str, str], dict[str, Decimal] | None] = {}  # of others: what each moved

    @property
    def equity(self) -> Decimal:
        """Cash and every holding at its mark."""
        return self.portfolio.cash + self.portfolio.holdings_value(self._markets.mark_of_currency)

    def value_of(self, amounts: Mapping[str, Decimal]) -> Decimal:
        """Amounts by currency at their marks; what has no mark counts as nothing."""
        quote, total = self.portfolio.quote, ZERO
        for currency, amount in amounts.items():
            total += amount if currency == quote else amount * (self._markets.mark_of_currency(currency) or ZERO)
        return total

    @property
    def settled_equity(self) -> Decimal:
        """Equity without what nobody has explained: a person's adopting makes a transfer of it."""
        waiting = (self.differences, self.portfolio.gap, self.unpriced)
        return self.equity - sum((self.value_of(amounts) for amounts in waiting), ZERO)

    @property
    def peak_equity(self) -> Decimal:
        """The highest equity, moved by every transfer since."""
        return self.curve.peak_equity

    @property
    def drawdown_pct(self) -> float:
        """The one drawdown: fall of the time-weighted curve from its highest point, in percent."""
        return self.curve.drawdown_pct(self.settled_equity)

    @property
    def maker_rate(self) -> Decimal:
        """Fraction of the notional; FEE_RATE_PCT where the tier is not known."""
        rates = self.portfolio.rates
        return rates.maker if rates is not None else Decimal(str(self._settings.fee_rate_pct)) / 100

    @property
    def taker_rate(self) -> Decimal:
        """Fraction of the notional; FEE_RATE_PCT where the tier is not known."""
        rates = self.portfolio.rates
        return rates.taker if rates is not None else Decimal(str(self._settings.fee_rate_pct)) / 100

    def cost_quote(self, spec: OrderSpec) -> Decimal:
        """What a buy may take of the cash: a market order's quote size has its fee in it, a limit order's has not."""
        return spec.notional * (1 + self.maker_rate) if spec.kind is OrderKind.LIMIT else spec.notional

    @property
    def cash_available(self) -> Decimal:
        """Cash less what own buy orders in flight may still take."""
        return self.cash_free()

    def cash_free(self, without: str | None = None) -> Decimal:
        """Cash less what own buy orders in flight may still take, fees reserved; `without`: not this order.

        What the exchange held when it told the balances is of orders that are not ours: with an own entry in flight
        balances are not taken over.
        """
        in_flight = self.portfolio.holds.get(self.portfolio.quote, ZERO)
        for coid, order in self._orders.by_id.items():
            if not order.settled and order.spec.purpose is Purpose.ENTRY and coid != without:
                left = order.spec.notional - order.counted_quote
                in_flight += max(left, ZERO) * (1 + self.maker_rate if order.spec.kind is OrderKind.LIMIT else 1)
        return max(self.portfolio.cash - in_flight, ZERO)
