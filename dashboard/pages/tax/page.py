"""Gains of a year for taxes, by each accounting method; the file of one."""

from dataclasses import dataclass
from decimal import Decimal

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot
from shared.money import ZERO
from statements.ledger_trades import LedgerNotRead, ledger_trades
from statements.methods import METHODS
from statements.tax_year import TaxYear, tax_year, years

KEPT_S = 30.0


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method's sums of one currency. `open` None = something held has no price."""

    method: str
    words: str
    currency: str
    gain: Decimal
    other_years: Decimal
    held_cost: Decimal
    open: float | None
    checked: bool

    @property
    def sum(self) -> float | None:
        return None if self.open is None else float(self.gain + self.other_years) + self.open


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    text = params.get("year", "")
    asked = int(text) if text.isascii() and text.isdecimal() and len(text) == 4 else None
    account = s.state.account if s.state else None
    booked = (account.day, account.day_fees, account.day_realized) if account else ()
    return dict(await hub.cache.get(("tax", asked, booked), KEPT_S, lambda: _read(hub, asked)))


def _read(hub: Hub, asked: int | None) -> Data:
    """Blocks."""
    try:
        trades = ledger_trades(hub.ledger.location)
    except LedgerNotRead as error:
        return {"problem": str(error), "years": [], "year": None, "found": []}
    known = years(trades)
    year = asked if asked in known else (known[0] if known else None)
    found = [tax_year(trades, year, method) for method in METHODS] if year is not None else []
    return {"problem": "", "years": known, "year": year, "found": found}


def _methods(s: Snapshot, data: Data, _role: str) -> Context:
    found: list[TaxYear] = data["found"]
    marks = {p.product_id: p.mark for p in (s.state.positions or ())} if s.state else {}
    rows = [row for one in found for row in _rows(one, marks)]
    first = found[0] if found else None
    return {
        "rows": rows,
        "year": data["year"],
        "years": data["years"],
        "problem": data["problem"],
        "disposals": len(first.disposals) if first else 0,
        "unknown": len(first.unknown) if first else 0,
        "long": sum(1 for one in first.disposals if (one.held_days or 0) > 365) if first else 0,
        "proceeds": first.proceeds if first else {},
        "checked": all(one.checked for one in found),
    }


def _rows(found: TaxYear, marks: dict[str, float | None]) -> list[MethodRow]:
    currencies = sorted({*found.gain, *found.held_cost})
    return [
        MethodRow(
            found.method,
            METHODS[found.method],
            currency,
            found.gain.get(currency, ZERO),
            found.other_years.get(currency, ZERO),
            found.held_cost.get(currency, ZERO),
            _open(found, currency, marks),
            found.checked,
        )
        for currency in currencies
    ]


def _open(found: TaxYear, currency: str, marks: dict[str, float | None]) -> float | None:
    """What is left at the bot's last marks, less what it had cost; the fee of a sale is not in it."""
    value = 0.0
    for one in found.held:
        if not one.product_id.endswith(f"-{currency}"):
            continue
        mark = marks.get(one.product_id)
        if mark is None:
            return None
        value += float(one.size) * mark - float(one.cost)
    return value


PAGE = Page(
    key="tax",
    parts=(PagePart("tx-methods", "methods.html", _methods),),
    load=load,
    params=("year",),
    listed=False,
    own_path="/journal/tax",
    own_icon="journal",
)
