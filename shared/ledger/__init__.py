"""The ledger's one schema, its migrations, and how a database of it is opened."""
