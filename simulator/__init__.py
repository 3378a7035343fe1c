"""COIN-SIM: a local Coinbase Advanced Trade that unmodified clients accept. Imports `shared`, never `bot`."""
