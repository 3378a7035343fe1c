"""`./coin tax`: gains of what was sold in a year, by accounting method, and the file of one. Reading only."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.context import from_callers_folder
from cli.options import Json
from incident.bundle import loaded_anyway
from shared.exits import Exit
from shared.ledger.location import ledger_location
from statements.ledger_trades import LedgerNotRead, ledger_trades
from statements.methods import METHODS
from statements.tax_year import TaxYear, csv, tax_year, years


def tax(
    year: Annotated[int, typer.Argument(help="A UTC year; without one the newest in which something was sold.")] = 0,
    method: Annotated[str, typer.Option("--method", help="fifo, lifo, hifo or specific.")] = "fifo",
    out: Annotated[str, typer.Option("--csv", metavar="FILE", help="Write each disposal, a row each, to FILE.")] = "",
    json: Json = False,
) -> None:
    """Print the gains of a year by each method. COIN computes; it does not advise."""
    if method not in METHODS:
        ui.give_up(f"There is no method {method}; there are {', '.join(METHODS)}.", code=Exit.USAGE)
    try:
        trades = ledger_trades(ledger_location(loaded_anyway().settings))
    except LedgerNotRead as error:
        ui.give_up(f"{error}.")
    known = years(trades)
    if not known:
        ui.give_up("Nothing was sold yet.")
    asked = year or known[0]
    found = [tax_year(trades, asked, one) for one in METHODS]
    if json:
        ui.say_json([_plain(one) for one in found])
    else:
        _show(found, known)
    mine = next(one for one in found if one.method == method)
    if not mine.checked:
        ui.give_up("Two computations of these gains differ: no file is written. Please report it.")
    if out:
        place = from_callers_folder(Path(out))
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if not place.exists() else None
        if handle is None:
            ui.give_up(f"{place} is there already: nothing was written.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(csv(mine))
        ui.line(ui.GOOD, f"{len(mine.disposals):,} disposals of {asked} by {method}: {place}")


def _plain(one: TaxYear) -> dict[str, object]:
    def texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
        return {name: str(value) for name, value in amounts.items()}

    return {
        "year": one.year,
        "method": one.method,
        "disposals": len(one.disposals),
        "cost_unknown": len(one.unknown),
        "gain": texts(one.gain),
        "proceeds": texts(one.proceeds),
        "gain_of_other_years": texts(one.other_years),
        "held_cost": texts(one.held_cost),
        "checked": one.checked,
    }


def _show(found: list[TaxYear], known: list[int]) -> None:
    first = found[0]
    ui.plain(f"  {ui.paint(f'Gains of {first.year}', 'bold')}, UTC, after all fees")
    for one in found:
        gains = ", ".join(f"{value:+,.2f} {currency}" for currency, value in sorted(one.gain.items())) or "none"
        ui.plain(f"  {one.method:9} {gains:>24}   {METHODS[one.method]}")
    ui.line(ui.DOT, f"{len(first.disposals):,} disposals; years with sales: {', '.join(map(str, known))}")
    if first.unknown:
        ui.line(ui.WARN, f"Of {len(first.unknown):,} the purchase is not in this ledger: their cost is not known.")
    if all(one.checked for one in found):
        ui.line(ui.GOOD, "A second, independent computation gives the same gains to the cent")
