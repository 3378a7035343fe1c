"""./coin events to-csv: every event a row, flattened, what is missing blank."""

import csv
import json
from pathlib import Path

from tests.cli.conftest import Coin

EVENTS = [
    {"event_type": "fill", "timestamp": "2026-11-20T12:00:00Z", "product_id": "BTC-USD", "side": "BUY", "size": "0.1",
     "price": 67000.5},
    {"event_type": "signal", "timestamp": "2026-11-20T12:01:00Z", "data": {"product_id": "ETH-USD", "side": None}},
    {"event_type": "note, \"quoted\"", "order": {"price": 1}, "other": {"price": 2}, "size": [1, 2]},
]  # fmt: skip


def test_the_usual_fields(coin: Coin, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("\n\n".join(json.dumps(event) for event in EVENTS) + "\n")
    done = coin("events", "to-csv", "--input", "log.jsonl", "--output", "table.csv")
    assert done.returncode == 0 and "3 events" in done.stdout
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert list(rows[0].values()) == ["fill", "2026-11-20T12:00:00Z", "BTC-USD", "BUY", "0.1", "67000.5"]
    assert list(rows[1].values()) == ["signal", "2026-11-20T12:01:00Z", "ETH-USD", "", "", ""]
    assert rows[2]["event_type"] == 'note, "quoted"' and rows[2]["size"] == "[1, 2]"
    assert rows[2]["price"] == "", "two prices: neither is guessed"
    fields = ["--fields", "order.price,other.price"]
    assert coin("events", "to-csv", "--input", "log.jsonl", "--output", "table.csv", *fields).returncode == 0
    assert (tmp_path / "table.csv").read_text().splitlines()[3] == "1,2"


def test_what_can_not_be_read_leaves_no_table(coin: Coin, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"event_type": "fill"}\nhalf a li')
    done = coin("events", "to-csv", "--input", "log.jsonl", "--output", "table.csv")
    assert done.returncode == 1 and "line 2 is not a JSON object" in done.stderr
    assert not (tmp_path / "table.csv").exists()
    assert coin("events", "to-csv", "--input", "none.jsonl", "--output", "table.csv").returncode == 1
    assert coin("events", "to-csv", "--input", "log.jsonl").returncode == 2
