"""Backtests, sweeps and checks of strategies: the rulebook that trades, over history (docs/research.md)."""
