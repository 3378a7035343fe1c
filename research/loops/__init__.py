"""Loops over bars in the subset of Python that the compiler takes; as plain Python they are the reference."""
