"""Real processes, killed: the bot's own program over TCP and TLS against the real COIN-SIM, ended by SIGKILL at named
points of an order's way, started again, and judged by what the exchange holds against what the ledger says.
"""
