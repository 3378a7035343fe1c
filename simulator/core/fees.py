"""Fee tiers by the trailing thirty days' volume."""

from typing import NamedTuple

WINDOW_US = 30 * 86_400 * 1_000_000


class Tier(NamedTuple):
    name: str
    usd_from: int
    usd_to: int | None
    maker_ppm: int  # millionths of the notional
    taker_ppm: int


def schedule(maker_ppm: int, taker_ppm: int) -> tuple[Tier, ...]:
    """The tiers, the first at the given rates and none dearer than it."""
    steps = (
        ("Intro 1", 0, 10_000, maker_ppm, taker_ppm),
        ("Advanced 1", 10_000, 50_000, 2500, 4000),
        ("Advanced 2", 50_000, 250_000, 1500, 2500),
        ("Advanced 3", 250_000, 1_000_000, 1000, 1800),
        ("VIP 1", 1_000_000, 15_000_000, 600, 1200),
        ("VIP 2", 15_000_000, None, 0, 600),
    )
    return tuple(
        Tier(name, low, high, min(maker, maker_ppm), min(taker, taker_ppm)) for name, low, high, maker, taker in steps
    )


def tier_for(tiers: tuple[Tier, ...], volume_usd: float) -> Tier:
    """The tier of a volume in USD."""
    return next(tier for tier in reversed(tiers) if volume_usd >= tier.usd_from)
