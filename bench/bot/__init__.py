"""The bot's parts measured in one process: parsing, engine, ledger."""
