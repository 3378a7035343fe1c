"""Strategies: closed bars in, signals out. `registry.make` gives one by its name."""
