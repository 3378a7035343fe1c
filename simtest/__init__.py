"""Deterministic runs of the whole bot under faults, the judge of what came out, and planted bugs to judge the judge."""
