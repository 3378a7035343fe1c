"""The world of a plan: which products, what market, when it begins, how far away the exchange is."""

from random import Random
from typing import Any

from simtest.plan import FIRST_DAY, MODES

PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD", "ADA-USD", "DOGE-USD", "LTC-USD", "AVAX-USD", "LINK-USD")
HOW_MANY = (1, 2, 3, 5, 6, 6, 8, 8, 8, 8, 9, 9, 9, 9)  # a product opens one lot a bar: orders come from many of them
MARKETS = ("lively",) * 6 + ("range", "calm", "trend", "thin_book")
TURNS = (20_453, 21_242, 21_243)  # 2025-12-31, 2028-02-28, 2028-02-29
ZONES = {
    "UTC": "UTC0",
    "New York": "EST5EDT,M3.2.0,M11.1.0",
    "Berlin": "CET-1CEST,M3.5.0,M10.5.0/3",
    "Kolkata": "IST-5:30",
    "Lord Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "Chatham": "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
    "Kiritimati": "<+14>-14",
    "Honolulu": "HST10",
}
CLOCK_CHANGES = (  # zone, when its clocks are set (seconds since 1970)
    ("New York", 1_772_953_200),  # 2026-03-08
    ("New York", 1_793_512_800),  # 2026-11-01
    ("Berlin", 1_774_746_000),  # 2026-03-29
    ("Berlin", 1_792_890_000),  # 2026-10-25
    ("Lord Howe", 1_775_314_800),  # 2026-04-05, by half an hour
)
# Finer than what the products trade in, as fees in kind and rewards leave them behind.
REMAINDERS = {
    "USD": "0.003719", "BTC": "0.00000000371", "ETH": "0.000000000000000001", "SOL": "0.00000000909",
    "XRP": "0.00000037", "ADA": "0.000000000042", "DOGE": "0.0371", "LTC": "0.00000000019", "AVAX": "0.000000000731",
    "LINK": "0.0043",
}  # fmt: skip


def world(random: Random, minutes: float) -> dict[str, Any]:
    """Fields of a plan."""
    products = tuple(random.sample(PRODUCTS, random.choice(HOW_MANY)))
    start_s, zone = _when(random, minutes)
    return {
        "mode": random.choice(MODES),
        "market": random.choice(MARKETS),
        "products": products,
        "start_s": start_s,
        "zone": ZONES[zone],
        "rtt_ms": random.choice(((5, 30), (40, 120), (80, 400))),
        "quote_min": random.choice(("1", "1", "30")),
        "full_history": random.random() < 0.1,
        "state_s": 0.5 if random.random() < 0.02 else 20.0,
        "grain_ms": random.choice((250, 500)),
        "quotes_ms": random.choice((800, 2000, 2000, 2000)),
        "deposits": _remainders(random, products),
    }


def skew_ms(random: Random) -> int:
    """Half of all machines have a clock that is right; the others' is off by up to one and a half seconds."""
    return random.randrange(-1500, 1501) if random.random() < 0.5 else 0


def _when(random: Random, minutes: float) -> tuple[int, str]:
    """When the run begins, and the zone: one in five crosses a midnight, a few that of New Year's Eve or a leap day, a
    few a change of their zone's clocks."""
    zone = random.choice((*ZONES, "UTC", "UTC"))
    before_s = random.randrange(60, int(minutes * 60) + 60)
    chance = random.random()
    if chance < 0.04:
        zone, change_s = random.choice(CLOCK_CHANGES)
        return change_s - before_s, zone
    day_s = 86_400 * (FIRST_DAY + random.randrange(300))
    if chance < 0.09:
        day_s = 86_400 * random.choice(TURNS)
    elif chance >= 0.28:
        return day_s + random.randrange(86_400), zone
    return day_s + 86_400 - before_s, zone


def _remainders(random: Random, products: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """In one seed of four the account holds amounts that no order can move."""
    if random.random() >= 0.25:
        return ()
    held = [currency for currency in REMAINDERS if currency == "USD" or f"{currency}-USD" in products]
    return tuple((currency, REMAINDERS[currency]) for currency in held if random.random() < 0.7)
