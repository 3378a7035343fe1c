"""The trading bot: a headless process that trades by the rulebook and binds no port."""
