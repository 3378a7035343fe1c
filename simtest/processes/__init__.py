"""Crash tests with real processes: the bot's own program over TCP and TLS against the real COIN-SIM, ended by SIGKILL
at named points of an order's life cycle, restarted, and judged by comparing exchange and ledger.
"""
