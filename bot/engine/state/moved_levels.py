"""Takes and stops that a person moved: who, when, by which command. Kept over restarts as long as their lot is open."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

KEY = "moved_levels"
FIELDS, _SEPARATOR = 5, "\t"


class LotLevel(StrEnum):
    TAKE = "take"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class MovedLevel:
    """The last move of one level. `at_ms`: epoch milliseconds, a date of the ledger. Texts are of `one_line`."""

    by: str
    at_ms: int
    command_id: str


class MovedLevels:
    """Lot → level → its last move; of open lots alone."""

    def __init__(self, text: str | None, open_lots: Iterable[str]) -> None:
        """`text`: as `to_text` made it. What an unreadable one held is forgotten: the levels are in the lots."""
        still = set(open_lots)
        self._moves: dict[str, dict[LotLevel, MovedLevel]] = {}
        for lot_id, level, move in _read(text or ""):
            if lot_id in still:
                self.note(lot_id, level, move)

    def of(self, lot_id: str, level: LotLevel) -> MovedLevel | None:
        """The last move of a lot's level; None = it stands where the settings put it."""
        return self._moves.get(lot_id, {}).get(level)

    def lots(self, level: LotLevel) -> tuple[str, ...]:
        """The lots of which this level was moved."""
        return tuple(lot_id for lot_id, moves in self._moves.items() if level in moves)

    def note(self, lot_id: str, level: LotLevel, move: MovedLevel) -> None:
        self._moves.setdefault(lot_id, {})[level] = move

    def forget(self, lot_id: str) -> bool:
        """The lot is closed; whether anything of it was kept."""
        return self._moves.pop(lot_id, None) is not None

    def to_text(self) -> str:
        """One line for each move."""
        return "\n".join(
            _SEPARATOR.join((lot_id, level.value, str(move.at_ms), move.command_id, move.by))
            for lot_id, moves in self._moves.items()
            for level, move in moves.items()
        )


def one_line(text: str) -> str:
    """A command's id or sender, which somebody wrote, so that it ends no field and no line."""
    return " ".join(text.split())


def _read(text: str) -> Iterator[tuple[str, LotLevel, MovedLevel]]:
    for line in text.splitlines():
        parts = line.split(_SEPARATOR)
        if len(parts) == FIELDS and parts[1] in set(LotLevel) and parts[2].isdigit():
            yield parts[0], LotLevel(parts[1]), MovedLevel(parts[4], int(parts[2]), parts[3])
