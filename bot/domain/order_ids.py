"""Client order ids: `ct-<bot>-<epoch><facts>`. Ours are known by their form: which run made them, and for what.

The epoch is 8 hex digits of the run (boot) that made the intent, the facts are 24 hex digits of a hash of what the
order is for. An intent keeps its id over restarts, whoever carries it out: the same facts never get a second id while
the first one is known (`OwnIds`), so a redo sends no second order. Two bots on copies of one folder have the same
facts and different epochs, so neither takes the other's order for its own.
"""

import hashlib
from collections.abc import Iterable, Iterator

PREFIX = "ct-"
EPOCH_LENGTH, FACTS_LENGTH = 8, 24
NO_EPOCH = "0" * EPOCH_LENGTH  # of an engine without a run: a backtest, a benchmark


def client_order_id(bot_name: str, epoch: str, *parts: object) -> str:
    """A new id: of the run's `epoch`, for the given facts."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()
    return f"{PREFIX}{bot_name}-{epoch}{digest[EPOCH_LENGTH : EPOCH_LENGTH + FACTS_LENGTH]}"


def epoch_of_boot(boot_id: str) -> str:
    """The epoch of a run: the first digits of its boot id, a random UUID. The ledger keeps every boot id."""
    return boot_id[:EPOCH_LENGTH]


def epoch_of(client_order_id: str) -> str:
    """The epoch in an id of ours. Ids of older versions were a hash alone: theirs belongs to no run."""
    return client_order_id[-EPOCH_LENGTH - FACTS_LENGTH : -FACTS_LENGTH]


def is_ours(client_order_id: str, bot_name: str) -> bool:
    """Whether a bot of this name made the id."""
    head = f"{PREFIX}{bot_name}-"
    tail = client_order_id[len(head) :]
    return client_order_id.startswith(head) and len(tail) == 32 and all(c in "0123456789abcdef" for c in tail)


class OwnIds:
    """Every client order id of the ledger, and by what each was for."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = set(ids)
        self.unrecorded: set[str] = set()  # of them: used up at the exchange, but in no row of the ledger
        self._of_facts = {each[-FACTS_LENGTH:]: each for each in self._ids}

    def add(self, client_order_id: str) -> None:
        """An id of ours."""
        self._ids.add(client_order_id)
        self.shown(client_order_id)

    def shown(self, client_order_id: str) -> None:
        """The exchange has an order under this name that the ledger does not know: its facts are used up."""
        self._of_facts.setdefault(client_order_id[-FACTS_LENGTH:], client_order_id)

    def known_for(self, client_order_id: str) -> str | None:
        """The id that the same facts have already, whatever its epoch; None = they are new."""
        return self._of_facts.get(client_order_id[-FACTS_LENGTH:])

    def __contains__(self, client_order_id: object) -> bool:
        return client_order_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
