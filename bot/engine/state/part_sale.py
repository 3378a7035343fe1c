"""Sales of a part of a lot, by command: what each lot shall still hold afterwards. Kept until the command has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.engine.state.moved_levels import one_line
from shared.money import ZERO, amount, plain

KEY = "part_sales"
FIELDS, _SEPARATOR = 3, "\t"


@dataclass(slots=True)
class PartSale:
    """What is sold is what a lot holds above `keep`: so nothing is sold twice, whatever was sold before a restart."""

    command_id: str
    keep: dict[str, Decimal]  # lot → base units that stay
    started_ms: int
    fees: Decimal = ZERO
    proceeds: Decimal = ZERO
    fills: int = 0


def to_text(jobs: Mapping[str, PartSale]) -> str:
    """One line for each lot."""
    return "\n".join(
        _SEPARATOR.join((one_line(job.command_id), lot_id, plain(keep)))
        for job in jobs.values()
        for lot_id, keep in job.keep.items()
    )


def kept_of(text: str | None, command_id: str) -> dict[str, Decimal]:
    """What an earlier run recorded of a command: lot → base units that stay; empty = it did not begin."""
    found: dict[str, Decimal] = {}
    for line in (text or "").splitlines():
        parts = line.split(_SEPARATOR)
        if len(parts) == FIELDS and parts[0] == one_line(command_id):
            found[parts[1]] = amount(parts[2])
    return found
