"""COIN, the dashboard: pure views over the bot's files, thin routes, sign-in, commands with receipts."""
