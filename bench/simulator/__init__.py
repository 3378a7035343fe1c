"""COIN-SIM measured: its book, its answers, its streams."""
