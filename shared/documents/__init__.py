"""The documents that the bot publishes, a module for each kind of section; what is imported comes from its own module.

Display values are numbers; exact amounts stand beside them as text in fields that end in `_text`. A section is
null until it is built. Money is in the quote currency (USD) unless a field says otherwise; percentages are in
percent; `…_ms` is milliseconds; `at` fields are ISO 8601 UTC in whole seconds.
Readers ignore unknown fields (`decode_state`), and show an unknown `version` as such instead of guessing.
"""
