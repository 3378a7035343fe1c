"""Equity, cash and the day: as they are, and as the account document shows them."""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.day import TradingDay
from bot.domain.lots import sold_result, unrealized
from bot.engine.account import balance_reconciliation, transfers
from bot.engine.account.equity import exit_rate, pnl_today
from bot.engine.execution import edge
from bot.engine.execution.exits import percent
from bot.engine.state.engine_state import EngineState
from bot.engine.state.portfolio import signed_text
from bot.engine.universe import held_besides, without_price
from bot.engine.views.times import iso
from shared.documents.account import AccountDoc
from shared.money import ZERO, plain


class AccountView:
    """Amounts in the quote currency unless a currency is named; nothing here changes them."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def balances_overtaken(self) -> bool:
        """The newest balances came while own orders moved money, so nothing was learnt from them."""
        return self._state.account.balances_overtaken

    @property
    def known(self) -> bool:
        """Whether the exchange told the balances in this run."""
        return self._state.account.portfolio.known

    @property
    def quote(self) -> str:
        """The quote currency."""
        return self._state.account.portfolio.quote

    @property
    def totals(self) -> dict[str, Decimal]:
        """Currency → what the account holds of it, available and held for orders."""
        return dict(self._state.account.portfolio.totals)

    @property
    def synced_ms(self) -> int | None:
        """When the balances were confirmed last, epoch milliseconds; None = never."""
        return self._state.account.portfolio.synced_ms

    @property
    def cash(self) -> Decimal:
        return self._state.account.portfolio.cash

    @property
    def cash_available(self) -> Decimal:
        """Cash less what own buy orders in flight may still take."""
        return self._state.account.cash_available

    @property
    def equity(self) -> Decimal:
        """Cash and every holding at its mark."""
        return self._state.account.equity

    @property
    def settled_equity(self) -> Decimal:
        """Equity without what nobody has explained: limits are judged by it."""
        return self._state.account.settled_equity

    @property
    def peak_equity(self) -> Decimal:
        return self._state.account.peak_equity

    @property
    def drawdown_pct(self) -> float:
        return self._state.account.drawdown_pct

    @property
    def deepest_drawdown_pct(self) -> float:
        """Since the last `EquitySampled`, now among it."""
        return max(self._state.account.deepest_drawdown_pct, self._state.account.drawdown_pct)

    @property
    def curve(self) -> float:
        """The time-weighted curve, which transfers do not move."""
        return float(self._state.account.curve.at(self._state.account.settled_equity))

    @property
    def maker_rate(self) -> Decimal:
        """Fraction of the notional."""
        return self._state.account.maker_rate

    @property
    def fees(self) -> edge.Fees:
        """What an entry and an exit cost, in percent of the notional."""
        return edge.fees(self._state)

    @property
    def day(self) -> TradingDay | None:
        """Today's record; None before equity is known."""
        return self._state.account.day

    @property
    def pnl_today(self) -> Decimal:
        return pnl_today(self._state)

    @property
    def differences(self) -> Mapping[str, Decimal]:
        """Currency → what nobody has explained yet."""
        return dict(self._state.account.differences)

    @property
    def gap(self) -> Mapping[str, Decimal]:
        """Currency → what moved while the bot was down, until it is sure."""
        return dict(self._state.account.portfolio.gap)

    @property
    def unexplained_text(self) -> str:
        """Both of them, as people read them."""
        return signed_text(self.differences) + signed_text(self.gap)

    @property
    def differences_text(self) -> str | None:
        """As people read them and as adopt must name them; None = there are none."""
        return signed_text(self._state.account.differences) or None

    @property
    def differences_since_ms(self) -> int | None:
        return balance_reconciliation.since_ms(self._state)

    @property
    def transfers_and_pending(self) -> Decimal:
        """Money that came in less what went out since the ledger began, what waits to be explained among it."""
        return transfers.total(self._state) + balance_reconciliation.pending_value(self._state)

    @property
    def held_besides(self) -> tuple[str, ...]:
        """Products whose price only serves to value other holdings."""
        return held_besides(self._state)

    @property
    def without_price(self) -> str | None:
        """A product that is held and has no price: equity is not known then. None = all have one."""
        return without_price(self._state)

    def foreign_fill_known(self, key: tuple[str, str]) -> bool:
        """Whether the fill (order id, trade id) was counted as somebody else's."""
        return key in self._state.account.foreign_fills

    def document(self) -> AccountDoc | None:
        """None before the balances are known, and while something held has no price."""
        return account(self._state)


def account(state: EngineState) -> AccountDoc | None:
    """Equity, cash and the day; None before the balances are known, and while something held has no price."""
    day, rates = state.account.day, state.account.portfolio.rates
    if not state.account.portfolio.known or day is None or without_price(state) is not None:
        return None
    equity, cash, lots_value = state.account.equity, state.account.portfolio.cash, state.positions.value
    settled, result = state.account.settled_equity, pnl_today(state)
    waiting = equity - settled  # peaks are shown as the account would look with it
    fallback = Decimal(str(state.settings.fee_rate_pct))
    return AccountDoc(
        quote_currency=state.account.portfolio.quote,
        equity=float(equity),
        equity_text=plain(equity),
        cash=float(cash),
        cash_text=plain(cash),
        cash_available=float(state.account.cash_available),
        held_in_orders=float(cash - state.account.cash_available),
        lots_value=float(lots_value),
        other_value=float(equity - cash - lots_value),
        day=day.day,
        day_start_equity=float(day.start_equity),
        day_pnl=float(result),
        day_pnl_pct=percent(result, day.start_equity),
        day_realized=float(day.realized),
        day_unrealized_change=float(result - day.realized),
        day_fees=float(day.fees),
        day_peak_equity=float(max(day.peak_equity, settled) + waiting),
        peak_equity=float(max(state.account.peak_equity, settled) + waiting),
        drawdown_pct=state.account.drawdown_pct,
        drawdown_limit_pct=state.settings.max_drawdown_pct,
        maker_fee_pct=float(rates.maker * 100 if rates else fallback),
        taker_fee_pct=float(rates.taker * 100 if rates else fallback),
        take_fee_pct=float(exit_rate(state) * 100),
        fee_tier=rates.tier if rates else "unknown",
        day_lots_opened=day.count("lots_opened"),
        day_lots_closed=day.count("lots_closed"),
        day_wins=day.count("wins"),
        day_losses=day.count("losses"),
        day_decisions=day.count("decisions"),
        day_entries=day.count("entries"),
        day_orders=day.count("orders"),
        day_orders_refused=day.count("orders_refused"),
        orders_unknown=sum(1 for order in state.orders.by_id.values() if order.state.value == "unknown"),
        synced_at=iso(state.account.portfolio.synced_ms) if state.account.portfolio.synced_ms is not None else None,
        priced_ms=_priced_ms(state),
        curve=float(state.account.curve.at(settled)),
        day_transfers=float(day.transfers),
        transfers=float(transfers.total(state)),
        waiting_value=float(waiting),
        open_pnl=open_pnl(state),
        open_fees=float(sum((lot.entry_fee + lot.exit_fee for lot in state.positions.lots), ZERO)),
    )


def open_pnl(state: EngineState) -> float | None:
    """What the open lots come to, sold parts included, after paid fees and those of the exit; None = no price."""
    rate, total = exit_rate(state), ZERO
    for lot in state.positions.lots:
        mark = state.markets.mark_of_lot(lot)
        if mark is None:
            return None
        total += unrealized(lot, mark, rate) + sold_result(lot)
    return float(total)


def _priced_ms(state: EngineState) -> int | None:
    """When the oldest price that equity hangs on came; None = it hangs on none, or one never came by the stream."""
    held = [
        m
        for p, m in state.markets.by_product.items()
        if state.account.portfolio.totals.get(m.instrument.base) or state.positions.lots.of(p)
    ]
    times = [market.priced_ms for market in held]
    known = [at_ms for at_ms in times if at_ms is not None]
    return min(known) if known and len(known) == len(times) else None
