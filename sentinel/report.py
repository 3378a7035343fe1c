"""What the sentinel's process prints, and whoever started it reads."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class SentinelReport:
    """What was done. `condition`: of the bot, as it was decided."""

    condition: str = ""
    ended: bool = False
    found: int = 0
    cancelled: int = 0
    exits_left: int = 0
    proven: bool = False
    ms: int = 0  # from the start to the second look without an own entry
    problem: str | None = None
    flatten: bool = False  # SENTINEL=flatten: its lots were to be sold
    takes_cancelled: int = 0
    lots_sold: int = 0
    sold: dict[str, str] = field(default_factory=dict)  # product → base units
    unsold: str | None = None  # why lots are left; None = none is, or none was to be sold
    off: bool = False  # the bot's own settings say SENTINEL=off: nothing was done
    forbidden: bool = False  # that reason is somebody's wish: it is not tried again
