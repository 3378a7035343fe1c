"""Backups: an archive of the ledger and the documents beside it, on a schedule, and the drill that proves it restores.

`archive` makes and unpacks one, `drill` restores one into a scratch folder and checks every row, `schedule` says what
is due. `python -m backups` carries out what is due; COIN-WATCH starts it, and tells where `record.json` says that it
failed.
"""
