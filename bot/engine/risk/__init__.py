"""Risk: guards with warning bands, checks of each order before it is sent, sizes of entries, and what it remembers."""
