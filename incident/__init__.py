"""The incident bundle: one archive with all that is needed to find out what happened, and nothing that is secret.

`python -m incident` makes it, for `./coin incident` and for the watcher at a kill, SAFE or a damaged ledger. It reads
what others wrote and changes nothing; a source that cannot be read is named in the bundle, and the others are there.
"""
