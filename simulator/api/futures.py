"""The futures balance of an account that has no futures: its spot cash, and zeros.

The venue's documents do not say what such an account is shown; this is our guess. REST writes each amount with its
currency, the stream as text alone.
"""

from typing import Any

from simulator.core.accounts import Accounts
from simulator.core.units import text

# What there is of futures alone, in the documents' order.
AMOUNTS = (
    "futures_buying_power", "total_usd_balance", "cbi_usd_balance", "cfm_usd_balance", "total_open_orders_hold_amount",
    "unrealized_pnl", "daily_realized_pnl", "initial_margin", "available_margin", "liquidation_threshold",
    "liquidation_buffer_amount",
)  # fmt: skip
CASH = frozenset({"total_usd_balance", "cbi_usd_balance"})  # CBI is the spot side of the venue
WINDOWS = {
    "intraday_margin_window_measure": "FCM_MARGIN_WINDOW_TYPE_INTRADAY",
    "overnight_margin_window_measure": "FCM_MARGIN_WINDOW_TYPE_OVERNIGHT",
}


def balance_summary(accounts: Accounts, portfolio: str) -> dict[str, Any]:
    """The stream's `fcm_balance_summary`."""
    cash = text(sum(wallet.total for wallet in accounts.of(portfolio) if wallet.currency == "USD"))
    found: dict[str, Any] = {name: cash if name in CASH else "0" for name in AMOUNTS}
    found["liquidation_buffer_percentage"] = "0"
    for name, window in WINDOWS.items():
        found[name] = {
            "margin_window_type": window, "margin_level": "MARGIN_LEVEL_TYPE_BASE", "initial_margin": "0",
            "maintenance_margin": "0", "liquidation_buffer_percentage": "0", "total_hold": "0",
            "futures_buying_power": "0",
        }  # fmt: skip
    return found


def rest_summary(accounts: Accounts, portfolio: str) -> dict[str, Any]:
    """REST's `balance_summary`."""
    found = balance_summary(accounts, portfolio)
    for name in AMOUNTS:
        found[name] = {"value": found[name], "currency": "USD"}
    for name in WINDOWS:
        found[name]["liquidation_buffer"] = found[name].pop("liquidation_buffer_percentage")
    return found
