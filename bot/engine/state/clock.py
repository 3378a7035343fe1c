"""The engine's time: our clock at the event in hand, and the exchange's beside it."""

from dataclasses import dataclass


@dataclass(slots=True)
class ClockState:
    """Epoch milliseconds. `offset_ms`: exchange minus ours; None = not compared yet."""

    now_ms: int
    offset_ms: int | None = None
    in_doubt: bool = False  # our clock jumped, and was not compared with the exchange's since

    @property
    def exchange_ms(self) -> int:
        """The exchange's clock now, by ours and the difference that was seen last."""
        return self.now_ms + (self.offset_ms or 0)
