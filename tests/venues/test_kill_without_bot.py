"""`./coin kill` without a running bot: own orders are those of our ids, and those that the ledger holds as open."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.app.emergency import EmergencyFailed, cancel_own_orders
from bot.domain.order_ids import NO_EPOCH, OrderIdCodec
from bot.venues.errors import NoAnswerGot
from bot.venues.port import Access
from shared.ledger import schema as t
from shared.ledger.open import open_writer
from shared.ports import SystemClock
from shared.settings import Settings
from tests.ledger_rows import put
from tests.venues.memory.exchange import MemoryExchange
from tests.venues.memory.venue import MemoryClient, MemoryVenue


class Standing(MemoryVenue):
    """A venue with three resting orders, of which the ledger knows one as open and one as over."""

    def __init__(self, *, ids: bool = False) -> None:
        super().__init__(ids=ids)
        codec = OrderIdCodec("main")
        self.there: MemoryExchange = self.made(SystemClock())
        tags = (codec.make(NO_EPOCH, 1), codec.make(NO_EPOCH, 2), "of-somebody-else")
        self.orders = [
            str(self.there.place("btcusd", "bid", Decimal("0.01"), Decimal(50), tag, maker=True).number) for tag in tags
        ]

    def where(self, settings: Settings) -> object:
        return self.there

    @property
    def left(self) -> list[str]:
        return [str(row.number) for row in self.there.rows if row.phase == "live"]


class Unlisted(Standing):
    """Cancels are taken; no list of orders is answered."""

    def kill_client(self, access: Access) -> MemoryClient:
        client = super().kill_client(access)

        async def open_ids() -> list[tuple[str, str]]:
            raise NoAnswerGot("503")

        client.open_ids = open_ids  # type: ignore[method-assign]
        return client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = replace(Settings(), data_dir=tmp_path / "data")
    found.paths.prepare()
    return found


def remember(settings: Settings, venue: Standing) -> None:
    blank = {
        "product_id": "BTC-USD", "side": "BUY", "kind": "limit", "purpose": "entry", "boot_id": "b", "created_ms": 1,
        "updated_ms": 1, "filled_size": Decimal(0), "post_only": True,
    }  # fmt: skip
    database = open_writer(settings.paths.ledger)
    with database.begin() as db:
        put(db, t.orders, **blank, client_order_id="one", order_id=venue.orders[0], state="open")
        put(db, t.orders, **blank, client_order_id="two", order_id=venue.orders[1], state="cancelled")
        put(db, t.orders, **blank, client_order_id="never sent", order_id=None, state="unknown")
    database.dispose()


def test_where_the_venue_lists_our_ids_the_ledger_is_not_needed(settings: Settings) -> None:
    venue = Standing(ids=True)
    found = cancel_own_orders(settings, 5.0, venue)
    assert (found.found, found.cancelled) == (2, 2) and venue.left == [venue.orders[2]]


def test_where_it_lists_none_what_the_ledger_holds_as_open_is_cancelled_and_no_other(settings: Settings) -> None:
    venue = Standing()
    remember(settings, venue)
    found = cancel_own_orders(settings, 5.0, venue)
    assert (found.found, found.cancelled) == (1, 1) and venue.left == venue.orders[1:]


def test_a_ledger_that_cannot_be_read_proves_nothing_there(settings: Settings) -> None:
    settings.paths.ledger.write_bytes(b"this is no database" * 100)
    with pytest.raises(EmergencyFailed, match="lists orders without our ids"):
        cancel_own_orders(settings, 5.0, Standing())
    venue = Standing(ids=True)
    assert cancel_own_orders(settings, 5.0, venue).found == 2, "and hinders nothing where our ids are listed"


def test_while_nothing_is_listed_what_is_known_is_cancelled_and_not_said_to_be_all(settings: Settings) -> None:
    venue = Unlisted(ids=True)
    remember(settings, venue)
    with pytest.raises(EmergencyFailed, match="not proven"):
        cancel_own_orders(settings, 1.0, venue)
    assert venue.left == venue.orders[1:]
