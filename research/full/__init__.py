"""The full engine: the bot's own event engine on the in-process exchange, bar by bar."""

from research.full.run import run_full

__all__ = ["run_full"]
