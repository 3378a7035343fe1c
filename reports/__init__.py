"""Daily and weekly reports: what became of the money, what stopped entries, what was told, and what nobody knows.

`period` says which report is due, `ledger_rows` and `figures` read what bots and the watcher wrote, `text` and
`picture` make what a person is sent, `store` keeps it. `python -m reports` makes one; COIN-WATCH starts it and tells.
"""
