"""What an import must not guess: the product, its increments, the order of a date, a bar that no market made."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research.data import outliers, product_name, products, store
from research.data.choices import DateOrder, OutlierChoice
from research.data.importer import read_files
from research.errors import ResearchError

HEADER = "time,open,high,low,close,volume"
START = 1_700_000_040


def rows(count: int = 40, price: float = 100.0, seed: int = 1) -> list[tuple[Any, ...]]:
    g, out = np.random.default_rng(seed), []
    for i in range(count):
        close = round(price * (1 + 0.002 * g.normal()), 2)
        out.append((START + 60 * i, price, max(price, close) + 0.01, min(price, close) - 0.01, close, 1.5))
        price = close
    return out


def write(folder: Path, name: str, table: list[tuple[Any, ...]], header: str = HEADER) -> Path:
    file = folder / name
    file.write_text("\n".join([header, *(",".join(str(cell) for cell in row) for row in table)]) + "\n")
    return file


# --- the product ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("coinbase_ETH-USD_1h_20240418.csv", "ETH-USD"), ("ETHUSD_1m.csv", "ETH-USD"), ("eth_usd.csv", "ETH-USD"),
        ("Gemini_ETHUSD_1h.csv", "ETH-USD"), ("binance_BTC-USDT_1h.csv", "BTC-USDT"),
        ("BTCUSDT-1m-2024-01.csv", "BTC-USDT"),
        ("coinbase_doge-usdc_1m.csv.gz", "DOGE-USDC"), ("PEPEUSD.csv", "PEPE-USD"), ("1INCH-USD.csv", None),
    ],
)  # fmt: skip
def test_the_product_is_the_one_that_the_files_name_says(tmp_path: Path, name: str, product: str | None) -> None:
    hints = product_name.of_file_name(name)
    assert [hint.text for hint in hints] == ([product] if product else [])
    if product and not name.endswith(".gz"):
        found = read_files([write(tmp_path, name, rows())])
        assert found.candles.product_id == product
        assert any(f"product {product}" in line for line in found.said)


@pytest.mark.parametrize(
    "name", ["bars.csv", "coinbase_1m_2024.csv", "usd.csv", "export-2024.csv", "coinbase_usd_1m.csv"]
)
def test_a_file_that_does_not_say_its_product_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ResearchError, match="which product this is: --product"):
        read_files([write(tmp_path, name, rows())])
    assert read_files([write(tmp_path, name, rows())], "LTC-USD").candles.product_id == "LTC-USD"


def test_a_coin_without_its_currency_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        ResearchError, match="says ETH, which does not identify the product: set it, for example --product ETH-USD"
    ):
        read_files([write(tmp_path, "ETH_1h.csv", rows())])


def test_another_coin_than_the_file_says_is_refused_another_currency_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, "ETH-USDT_1m.csv", rows())
    with pytest.raises(ResearchError, match="says ETH-USDT, but --product says BTC-USD"):
        read_files([file], "BTC-USD")
    found = read_files([file], "ETH-USD")
    assert found.candles.product_id == "ETH-USD"
    assert any("prices in USDT, taken as USD, as specified" in line for line in found.said)


def test_columns_say_it_before_the_name(tmp_path: Path) -> None:
    table = [(row[0], "ETH/USD", *row[1:]) for row in rows()]
    header = "time,symbol,open,high,low,close,volume"
    assert read_files([write(tmp_path, "bars.csv", table, header)]).candles.product_id == "ETH-USD"
    with pytest.raises(ResearchError, match="column of symbols says ETH-USD, but --product says BTC-USD"):
        read_files([write(tmp_path, "bars.csv", table, header)], "BTC-USD")
    with pytest.raises(ResearchError, match="ETH"):
        read_files([write(tmp_path, "bars.csv", rows(), "time,open,high,low,close,Volume ETH")], "BTC-USD")


def test_of_several_products_one_is_chosen(tmp_path: Path) -> None:
    table = [(row[0], "BTC-USD", *row[1:]) for row in rows()] + [(row[0], "ETHUSD", *row[1:]) for row in rows(30, 50.0)]
    header = "time,symbol,open,high,low,close,volume"
    file = write(tmp_path, "two.csv", table, header)
    with pytest.raises(ResearchError, match=r"holds 2 products \(BTC-USD, ETH-USD"):
        read_files([file])
    eth = read_files([file], "ETH-USD").candles
    assert len(eth) == 30 and eth.open[0] == 50.0
    with pytest.raises(ResearchError, match="no row's symbol is SOL-USD"):
        read_files([file], "SOL-USD")
    with pytest.raises(ResearchError, match="the files contain BTC-USD and ETH-USD"):
        read_files([write(tmp_path, "BTC-USD.csv", rows()), write(tmp_path, "ETH-USD.csv", rows())])


# --- increments and minimums ---------------------------------------------------------------------------------------


def test_increments_are_the_exchanges_not_the_digits(tmp_path: Path) -> None:
    file = write(tmp_path, "DOGE-USD.csv", [(row[0], *(round(v / 1000, 5) for v in row[1:5]), 9) for row in rows()])
    candles = read_files([file], data_dir=tmp_path).candles
    assert (candles.price_increment, candles.base_increment) == ("0.00001", "0.1")
    assert (candles.base_min_size, candles.quote_min_size) == ("0.1", "1")
    store.save(tmp_path, "DOGE-USD_1m", candles)
    again = store.load(store.find(tmp_path, "DOGE-USD_1m"))
    assert (again.base_min_size, again.quote_min_size, again.rows(3, 9).base_min_size) == ("0.1", "1", "0.1")


class Listed:
    """An exchange that lists two products."""

    rows: tuple[dict[str, str], ...] = (
        {"product_id": "NEW-USD", "price_increment": "0.0010", "base_increment": "5", "base_min_size": "10",
         "quote_min_size": "2.50"},
        {"product_id": "BTC-USD", "price_increment": "0.1", "base_increment": "0.00001", "base_min_size": "0.0001",
         "quote_min_size": "1"},
    )  # fmt: skip

    def get(self, path: str, **query: str) -> Any:
        assert path == "/market/products"
        return {"products": list(self.rows)}


def test_the_fetched_list_comes_before_the_table(tmp_path: Path) -> None:
    assert products.fetch(tmp_path, Listed(), "the exchange's list") == 2
    new = products.terms(tmp_path, "NEW-USD")
    assert new == products.ProductTerms("0.001", "5", "10", "2.5", "the exchange's list")
    found = read_files([write(tmp_path, "NEW-USD.csv", rows(price=5.0))], data_dir=tmp_path)
    # The history moves by hundredths, the exchange counts thousandths: what it says holds.
    assert (found.candles.price_increment, found.candles.base_increment) == ("0.001", "5")
    assert any("smallest order 10 and 2.5" in line for line in found.said)
    assert products.terms(tmp_path, "ETH-USDC") == products.KNOWN["ETH-USD"]
    (store.folder(tmp_path) / products.FILE).write_text("{")
    with pytest.raises(ResearchError, match=r"products\.json can't be read"):
        products.terms(tmp_path, "NEW-USD")


def test_a_history_finer_than_todays_increment_keeps_its_own(tmp_path: Path) -> None:
    products.fetch(tmp_path, Listed(), "the exchange's list")
    found = read_files([write(tmp_path, "BTC-USD.csv", rows())], data_dir=tmp_path)
    assert found.candles.price_increment == "0.01"
    assert any("of the prices are not multiples of 0.1" in line for line in found.said)


def test_what_no_list_names_is_assumed_aloud(tmp_path: Path) -> None:
    found = read_files([write(tmp_path, "PEPE-USD.csv", rows())], data_dir=tmp_path)
    assert any("assumed, since no list names the product" in line for line in found.said)


# --- bars that no market made --------------------------------------------------------------------------------------


def off(table: list[tuple[Any, ...]], at: int, factor: float) -> list[tuple[Any, ...]]:
    return [
        (row[0], *(round(v * factor, 4) for v in row[1:5]), row[5]) if i == at else row for i, row in enumerate(table)
    ]


@pytest.mark.parametrize("factor", [100.0, 0.01, 10.0])
def test_a_bar_in_another_unit_needs_a_choice(tmp_path: Path, factor: float) -> None:
    file = write(tmp_path, "BTC-USD.csv", off(rows(), 20, factor))
    with pytest.raises(ResearchError, match=r"1 bar far from .* --outliers drop"):
        read_files([file])
    kept = read_files([file], outlier_choice=OutlierChoice.KEEP)
    assert len(kept.candles) == 40 and any("1 bar far from the ones" in line and "kept" in line for line in kept.said)
    dropped = read_files([file], outlier_choice=OutlierChoice.DROP)
    assert len(dropped.candles) == 39 and any("left out" in line for line in dropped.said)
    assert START + 20 * 60 not in dropped.candles.start_s


def test_two_units_in_one_table_are_refused(tmp_path: Path) -> None:
    table = rows()
    table = [row if i < 25 else (row[0], *(round(v * 100, 2) for v in row[1:5]), row[5]) for i, row in enumerate(table)]
    file = write(tmp_path, "BTC-USD.csv", table)
    for choice in (None, OutlierChoice.DROP):
        with pytest.raises(ResearchError, match=r"about (99|100|101)[.\d]* times the one before: two units"):
            read_files([file], outlier_choice=choice)
    assert len(read_files([file], outlier_choice=OutlierChoice.KEEP).candles) == 40


def test_a_wick_is_told_and_kept(tmp_path: Path) -> None:
    table = [(row[0], row[1], 250.0 if i == 11 else row[2], *row[3:]) for i, row in enumerate(rows())]
    found = read_files([write(tmp_path, "BTC-USD.csv", table)])
    assert len(found.candles) == 40
    assert any("1 bar with only the high or low far off" in line and "kept" in line for line in found.said)


def test_a_wild_market_is_no_outlier() -> None:
    """A crash of 40 % within two bars that stays, and days of large steps."""
    g = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(g.normal(0, 0.05, 3000)))
    close[1500:] *= 0.6
    open_ = np.append(close[0], close[:-1])
    found = outliers.find(open_, np.maximum(open_, close) * 1.1, np.minimum(open_, close) * 0.9, close)
    assert not found.any


# --- dates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "order"),
    [("%d/%m/%Y %H:%M", None), ("%m/%d/%Y %H:%M", None), ("%d.%m.%Y %H:%M:%S", None), ("%d-%m-%Y %H:%M", None),
     ("%m/%d/%Y %I:%M:%S %p", None), ("%d/%m/%Y %H:%M", DateOrder.DAY)],
)  # fmt: skip
@pytest.mark.parametrize("first", ["2024-03-30", "2024-05-04"])
def test_dates_with_the_day_or_the_month_in_front(
    tmp_path: Path, form: str, order: DateOrder | None, first: str
) -> None:
    start = int(datetime.fromisoformat(f"{first}T00:00:00+00:00").timestamp())
    hours = [start + 3600 * i for i in range(240)]  # ten days: numbers up to twelve only, from 4 May on, do run evenly
    table = [(datetime.fromtimestamp(s, UTC).strftime(form), *row[1:]) for s, row in zip(hours, rows(240), strict=True)]
    found = read_files([write(tmp_path, "BTC-USD.csv", table)], date_order=order)
    assert found.candles.start_s.tolist() == hours
    assert any(("day first" if form.startswith("%d") else "month first") in line for line in found.said)


def test_dates_that_nothing_settles_are_asked_for(tmp_path: Path) -> None:
    table = [(f"{day:02d}/{day:02d}/2024", *row[1:]) for day, row in zip((3, 4, 5), rows(3), strict=True)]
    file = write(tmp_path, "BTC-USD.csv", table)
    with pytest.raises(ResearchError, match="--date-order dmy or mdy"):
        read_files([file], granularity_s=86_400)
    with pytest.raises(ResearchError, match="not a date with month first"):
        read_files([write(tmp_path, "BTC-USD.csv", [("31/01/2024", *rows(1)[0][1:])])], date_order=DateOrder.MONTH)


def test_the_kept_list_is_plain_json(tmp_path: Path) -> None:
    products.fetch(tmp_path, Listed(), "x")
    assert set(json.loads((store.folder(tmp_path) / products.FILE).read_text())) == {"NEW-USD", "BTC-USD"}
