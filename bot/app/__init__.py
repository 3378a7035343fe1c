"""The dull shell: boot, clocks, control, writers, exchange. It has no `if` about trading."""
