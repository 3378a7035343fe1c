"""What events say: figures as a person reads them, at the product's increment; the exact ones beside them."""

import re
from decimal import Decimal

import pytest

from bot.domain.intents import Note, PlaceOrder
from bot.domain.orders import OrderStatus
from shared.money import spoken
from tests.core.harness import D, Rig


@pytest.mark.parametrize(
    ("value", "increment", "text"),
    [
        ("113962.1754385964912280701754385965", "0.01", "113,962.18"),
        ("0.241170000000", "0.00001", "0.24117"),
        ("2447.57", "1", "2,448"),
        ("2447.57", "1E+1", "2,448"),
        ("-0.004", "0.01", "-0.00"),
        ("0.00829681", "0.00000001", "0.00829681"),
    ],
)
def test_spoken(value: str, increment: str, text: str) -> None:
    assert spoken(Decimal(value), Decimal(increment)) == text


def test_an_entry_and_its_exit_are_told_at_the_products_increment_with_exact_values_beside() -> None:
    rig = Rig(cash="1000000")
    spec = next(i.spec for i in rig.bar("buy", "31234.56") if isinstance(i, PlaceOrder))
    rig.accept(spec)
    # Two fills whose average is no whole number of ticks.
    rig.fill(spec, "0.003", "31234.56")
    rig.fill(spec, "0.007", "31235.01")
    rig.seen(spec, OrderStatus.FILLED, "0.01")
    notes = {note.kind: note for note in rig.intents if isinstance(note, Note)}
    opened = notes["entry"]
    assert re.fullmatch(r"BTC-USD runner opened at 31,234\.8[78], take 3\d,\d{3}\.\d\d", opened.text), opened.text
    assert D(opened.data["open_price"]) == D("312.34875") * 100 and D(opened.data["base_size"]) == D("0.01")
    asked = next(note for note in rig.intents if isinstance(note, Note) and note.kind == "order")
    assert re.fullmatch(r"BTC-USD buys for [\d,]+\.\d\d USD \(runner\)", asked.text), asked.text
    assert D(asked.data["quote_size"]) == spec.quote_size
