"""Deterministic draws: whole numbers from a key, the same on every machine and Python version.

SplitMix64 (Steele, Lea, Flood 2014): fast in plain integers, random access by key, no global state.
"""

import zlib
from collections.abc import Sequence

MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """One 64-bit scramble of `value`."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def key(*parts: int | str) -> int:
    """A 64-bit key of the parts; text counts by its bytes."""
    state = _GOLDEN
    for part in parts:
        number = zlib.crc32(part.encode()) if isinstance(part, str) else part
        state = mix((state ^ (number & MASK)) + _GOLDEN & MASK)
    return state


class Draws:
    """A stream of draws from one key."""

    __slots__ = ("_state",)

    def __init__(self, *parts: int | str) -> None:
        self._state = key(*parts)

    def bits(self) -> int:
        """A whole number below 2^64."""
        self._state = state = (self._state + _GOLDEN) & MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
        return state ^ (state >> 31)

    def below(self, count: int) -> int:
        """A whole number from 0 up to, not including, `count` (which is at least 1)."""
        return (self.bits() * count) >> 64

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both possible."""
        return low + self.below(high - low + 1)

    def bell(self, spread: int) -> int:
        """A bell-shaped whole number around 0 with standard deviation about `spread` (sum of four uniforms)."""
        if spread <= 0:
            return 0
        word = self.bits()
        total = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48)
        return (total - 131_070) * spread // 37_837

    def fat(self, spread: int) -> int:
        """As `bell`, but one draw in sixteen is three times as wide: the fat tails of returns."""
        return self.bell(spread * 3 if self.below(16) == 0 else spread)

    def chance(self, per_mille: int) -> bool:
        """True in `per_mille` of 1000 draws."""
        return self.below(1000) < per_mille

    def split(self, total: int, weights: Sequence[int]) -> list[int]:
        """`total` in whole parts by weight; they sum to `total` exactly."""
        whole = sum(weights)
        parts, given, run = [], 0, 0
        for weight in weights:
            run += weight
            upto = total * run // whole if whole else 0
            parts.append(upto - given)
            given = upto
        if parts and given != total:
            parts[-1] += total - given
        return parts
