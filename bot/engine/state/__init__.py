"""The engine's state in small typed parts: clock, markets, account, orders, positions, control, risk, records."""
