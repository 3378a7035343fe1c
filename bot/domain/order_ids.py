"""Client order ids: `ct-<bot>-<epoch><facts>`. Ours are known by their form: which run made them, and for what.

The epoch is 8 hex digits of the run (boot) that made the intent, the facts are 24 hex digits of a hash of what the
order is for. An intent keeps its id over restarts, whoever carries it out: the same facts never get a second id while
the first one is known (`OwnIds`), so a redo sends no second order. Two bots on copies of one folder have the same
facts and different epochs, so neither takes the other's order for its own.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PREFIX = "ct-"
EPOCH_LENGTH, FACTS_LENGTH = 8, 24
FACTS_LENGTH_MIN = 16  # 64 bits: two intents of one bot never share them by chance
NO_EPOCH = "0" * EPOCH_LENGTH  # of an engine without a run: a backtest, a benchmark


def epoch_of_boot(boot_id: str) -> str:
    """The epoch of a run: the first digits of its boot id, a random UUID. The ledger keeps every boot id."""
    return boot_id[:EPOCH_LENGTH]


@dataclass(frozen=True, slots=True)
class OrderIdCodec:
    """How the ids of one bot are made and read. A ledger keeps the form that it began with."""

    bot_name: str
    facts_length: int = FACTS_LENGTH  # hex digits; fewer where the venue takes shorter ids

    @classmethod
    def fitting(cls, bot_name: str, max_length: int) -> "OrderIdCodec":
        """The codec whose ids have at most `max_length` characters, or the shortest one that is safe: a venue that
        does not take that either is refused by `bot.venues.capabilities`."""
        left = max_length - len(cls(bot_name, 0).head) - EPOCH_LENGTH
        return cls(bot_name, max(min(left, FACTS_LENGTH), FACTS_LENGTH_MIN))

    @property
    def head(self) -> str:
        return f"{PREFIX}{self.bot_name}-"

    @property
    def length(self) -> int:
        """Characters of every id."""
        return len(self.head) + EPOCH_LENGTH + self.facts_length

    def make(self, epoch: str, *parts: object) -> str:
        """A new id: of the run's `epoch`, for the given facts."""
        return f"{self.head}{epoch}{self.facts(*parts)}"

    def facts(self, *parts: object) -> str:
        """The part of an id that says what the order is for."""
        digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()
        return digest[EPOCH_LENGTH : EPOCH_LENGTH + self.facts_length]

    def facts_of(self, client_order_id: str) -> str:
        return client_order_id[-self.facts_length :]

    def epoch_of(self, client_order_id: str) -> str:
        """The epoch in an id of ours. Ids of older versions were a hash alone: theirs belongs to no run."""
        return client_order_id[-EPOCH_LENGTH - self.facts_length : -self.facts_length]

    def is_ours(self, client_order_id: str) -> bool:
        """Whether a bot of this name made the id."""
        tail = client_order_id[len(self.head) :]
        return (
            client_order_id.startswith(self.head)
            and len(client_order_id) == self.length
            and all(c in "0123456789abcdef" for c in tail)
        )


class OwnIds:
    """Every client order id of the ledger, and by what each was for."""

    def __init__(self, ids: Iterable[str], codec: OrderIdCodec) -> None:
        self._codec = codec
        self._ids = set(ids)
        self.unrecorded: set[str] = set()  # of them: used up at the exchange, but in no row of the ledger
        self._of_facts = {codec.facts_of(each): each for each in self._ids}

    def add(self, client_order_id: str) -> None:
        """An id of ours."""
        self._ids.add(client_order_id)
        self.shown(client_order_id)

    def shown(self, client_order_id: str) -> None:
        """The exchange has an order under this name that the ledger does not know: its facts are used up."""
        self._of_facts.setdefault(self._codec.facts_of(client_order_id), client_order_id)

    def known_for(self, client_order_id: str) -> str | None:
        """The id that the same facts have already, whatever its epoch; None = they are new."""
        return self._of_facts.get(self._codec.facts_of(client_order_id))

    def __contains__(self, client_order_id: object) -> bool:
        return client_order_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
