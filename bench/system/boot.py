"""Start to trading."""

import time

from bench.measurement import Measurement
from cli.rig import rig
from shared.bots import DEFAULT_BOT


def measure() -> list[Measurement]:
    """From `pm2 start` to phase trading: on an empty data folder, and again with the data of the first."""
    with rig() as made:
        began = time.monotonic()
        made.start()
        first = made.wait_trading()
        cold_s = time.monotonic() - began
        made.client.delete(DEFAULT_BOT.process)
        made.client.delete("COIN-SIM")
        made.client.delete("COIN")
        began = time.monotonic()
        made.start()
        made.wait(lambda state: state.boot_id != first.boot_id and state.phase == "trading", 60)
        warm_s = time.monotonic() - began
    return [
        Measurement("first start to trading", cold_s, "s", 5.0, "with PM2's daemon"),
        Measurement("second start to trading", warm_s, "s", 5.0),
    ]
