"""What trading speaks of: instruments, orders, fills, balances, lots, events, intents. Amounts are exact decimals."""
