"""Made-up recordings for measurements under load: the same one each time for each product."""

import random
from pathlib import Path

FIRST_MINUTE = 28_400_000  # minutes since 1970; any will do


def write_recording(folder: Path, minutes: int, product_id: str = "BTC-USD") -> Path:
    """One-minute candles of a random walk, in the form that recordings have."""
    walk = random.Random(product_id)  # noqa: S311  a market, no secret
    path = folder / f"{product_id}_1m.csv"
    price = 60_000.0
    with path.open("w") as file:
        file.write("time,open,high,low,close,volume\n")
        for minute in range(minutes):
            opened = price
            price *= 1 + walk.gauss(0, 0.0008)
            high = max(opened, price) * (1 + abs(walk.gauss(0, 0.0003)))
            low = min(opened, price) * (1 - abs(walk.gauss(0, 0.0003)))
            start = (FIRST_MINUTE + minute) * 60
            file.write(f"{start},{opened:.2f},{high:.2f},{low:.2f},{price:.2f},{1 + walk.random():.4f}\n")
    return path
