"""How fast the market runs against the clock: a recording may be replayed at many times its speed."""

import dataclasses

from shared.setting_table import Mode
from shared.settings import Settings


def market_pace(settings: Settings) -> float:
    """Seconds of the market that pass in one second of the clock."""
    return settings.sim_replay_speed if settings.coin_mode is Mode.REPLAY else 1.0


def by_the_clock(settings: Settings, pace: float) -> Settings:
    """Settings of rules that count the market's time, as they read on the clock: the decay and the pause of entries.

    exp(-lambda x pace x minutes of the clock) is exp(-lambda x minutes of the market).
    """
    if pace == 1.0:
        return settings
    return dataclasses.replace(
        settings,
        pyramid_decay_lambda=settings.pyramid_decay_lambda * pace,
        pyramid_min_seconds_between=settings.pyramid_min_seconds_between / pace,
    )
