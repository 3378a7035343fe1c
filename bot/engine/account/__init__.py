"""Equity and the trading day, transfers, differences of balances, the daily reconciliation."""
