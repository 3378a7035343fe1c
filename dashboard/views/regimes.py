"""The market's regime as people read it, on the pages Strategy, Chart and Risk."""

from collections.abc import Sequence

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.strategy import SignalDoc, StrategyDoc
from shared.market_data import IndicatorRow
from shared.regimes import REGIME_VALUE, regime_name, regime_words


def is_on(doc: StrategyDoc) -> bool:
    """Whether the running strategy minds regimes (REGIME)."""
    return any(one.key == "REGIME" for one in doc.settings)


def shown(x: SignalDoc) -> str:
    """`rising, calm; size × 0.5`."""
    words = regime_words(x.regime)
    if not words:
        return "not known yet"
    size = x.regime_size
    if size is None or size == 1.0:
        return f"{words}; full size"
    return f"{words}; no entries" if size == 0.0 else f"{words}; size × {f.number(size, 2)}"


def rows(s: Snapshot) -> list[tuple[str, str]]:
    """(product, its regime) of every product; none where REGIME is off."""
    doc = s.state.strategy if s.state else None
    return [(f.clean(x.product_id), shown(x)) for x in doc.signals] if doc is not None and is_on(doc) else []


def of_product(s: Snapshot, product_id: str) -> str:
    """The product's regime in words; "" where REGIME is off."""
    return dict(rows(s)).get(f.clean(product_id), "")


def strip(found: Sequence[IndicatorRow]) -> list[tuple[int, str]]:
    """(bar's start, its regime's name) of the bars whose regime is known."""
    named = ((at_s, regime_name(values.get(REGIME_VALUE))) for at_s, values in found)
    return [(at_s, name) for at_s, name in named if name is not None]
