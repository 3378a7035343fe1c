"""Every deciding rule of trading, once: plain functions over numbers (docs/trading-rules.md §3 to §6).

Prices are whole ticks and sizes whole steps (int64), ratios and percentages float64 (1.9 means 1.9 %), times epoch
milliseconds. The functions use what a JIT compiler takes (no Decimal, no text, no objects, no exceptions): the bot
runs them as they stand, research compiles the very same source. `research.rulebook` lists them for that.
"""
