"""What fencing remembers of a second writer (`bot.engine.orders.second_writer`); kept over restarts under two keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.order_ids import NO_EPOCH

SECOND_WRITER, FOREIGN_EPOCHS = "second_writer", "second_writer_epochs"


@dataclass(slots=True)
class Fence:
    """One bot's."""

    epoch: str = NO_EPOCH  # of this run
    earlier_epochs: frozenset[str] = frozenset()  # of the ledger's other runs
    since_ms: int | None = (
        None  # unknown orders under our name made since then (exchange's clock) are a second writer's
    )
    second_writer: str | None = None  # the order that shut entries, in words; None = they are not shut by one
    foreign_epochs: list[str] = field(default_factory=list)  # of second writers, oldest first
    seen: dict[str, None] = field(default_factory=dict)  # ids of theirs that were told of, oldest first
    told_ms: int = 0  # when people were last told

    def restore(self, facts: Mapping[str, str]) -> None:
        """Take up what an earlier run kept."""
        self.second_writer = facts.get(SECOND_WRITER) or None
        self.foreign_epochs = [epoch for epoch in facts.get(FOREIGN_EPOCHS, "").split(",") if epoch]
