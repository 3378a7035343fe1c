"""COIN-WATCH: tells a person when a bot is in trouble, from outside of it. It reads files, and writes only its own.

`observer` looks, `rules` judge what was seen, `alert_book` makes alerts of that, `alert_store` keeps them, `delivery`
brings them to the sinks, `publisher` shows them all in `alerts.json` (docs/operations.md).
"""
