"""The headings of the table of settings, as `./coin settings` and the Settings page list it."""

from collections.abc import Mapping

# Each heading by the first setting below it.
GROUPS: Mapping[str, str] = {
    "COIN_MODE": "Where and what", "SENTINEL": "The sentinel", "BACKUP_EVERY_H": "Backups", "DRY_RUN": "The live lock",
    "ORDER_MIN_USD": "Risk and sizing",
    "SCANNER_MAX_PRODUCTS": "Scanner", "ALLOW_PYRAMIDING": "Position", "ENTRY_ORDER": "Entries",
    "TAKE_PROFIT_PCT": "Exits", "EXPOSURE_MAX_PCT": "Target weights", "FEE_RATE_PCT": "Fees",
    "STRATEGY": "Strategy", "KILL_FLATTEN": "Kill and restart",
    "COINBASE_KEY_FILE": "Keys",
    "LEDGER_URL": "Ledger", "SIM_PORT": "COIN-SIM", "DASHBOARD_HOST": "COIN", "PROMETHEUS_PORT": "Monitoring",
    "WATCH": "COIN-WATCH", "CHAT_USERS": "COIN-CHAT", "LAB": "COIN-LAB, which works for the Lab page",
}  # fmt: skip
