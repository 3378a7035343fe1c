"""The numbers that stand for words inside the rulebook: a compiled loop knows no strings."""

from typing import Final

# Signals (docs/trading-rules.md §3.2)
SIGNAL_SELL: Final = -1
SIGNAL_FLAT: Final = 0
SIGNAL_BUY: Final = 1

# Kinds of lot (§1)
LOT_SCALP: Final = 0
LOT_RUNNER: Final = 1

# SCALP_TP_DEC_MODE (§4)
DECAY_EXP: Final = 0
DECAY_LINEAR: Final = 1

# Why a lot is closed (§5), in the order in which it is judged
EXIT_NONE: Final = 0
EXIT_STOP: Final = 1
EXIT_TRAIL: Final = 2
EXIT_TAKE: Final = 3
EXIT_SIGNAL: Final = 4
EXIT_TARGET: Final = 5  # a holding is sold down to its target weight (§10)

# Why no entry is made (§4, §5a, §6), in the order in which it is judged
ENTRY_OPEN: Final = 0
ENTRY_NO_BUY: Final = 1
ENTRY_BAR_USED: Final = 2
ENTRY_IN_FLIGHT: Final = 3
ENTRY_BREAKER: Final = 4
ENTRY_NO_PYRAMIDING: Final = 5
ENTRY_LOTS_FULL: Final = 6
ENTRY_TOTAL_LOTS_FULL: Final = 7
ENTRY_PAUSE: Final = 8
ENTRY_NOT_ADVERSE: Final = 9
ENTRY_NO_EDGE: Final = 10
