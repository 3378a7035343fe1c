"""What was sold, what it had cost and what came of it: gains of a year by accounting method, as a file for taxes.

Pure but for `ledger_trades`, which reads a bot's ledger. The dashboard and `./coin tax` show it; nothing here advises.
"""
