"""Candles as JSON lines, as a list, as an exchange's answer: the same set as from CSV; anything else in plain words."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research.data.importer import read_files
from research.errors import ResearchError

ROWS = [
    {"time": 1_700_000_040 + 60 * n, "open": 100.0 + n, "high": 101.5 + n, "low": 99.5 + n, "close": 101.0 + n,
     "volume": 2.5} for n in range(50)
]  # fmt: skip


def taken(tmp_path: Path, name: str, data: str | bytes) -> Any:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_files([path], "BTC-USD").candles


def lines(rows: list[Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"


FORMS = {
    "lines.jsonl": lines(ROWS),
    "lines.ndjson": lines(ROWS),
    "lines.txt": lines(ROWS),
    "gaps.jsonl": "\n\n".join(json.dumps(row) for row in ROWS),
    "packed.jsonl.gz": gzip.compress(lines(ROWS).encode()),
    "list.json": json.dumps(ROWS),
    "coinbase.json": json.dumps(
        {"candles": [{"start": str(r["time"]), **{k: str(v) for k, v in r.items() if k != "time"}} for r in ROWS][::-1]}
    ),
    "rows.jsonl": lines([list(row.values()) for row in ROWS]),
    "more.jsonl": lines([{**row, "note": None if n % 2 else "x"} for n, row in enumerate(ROWS)]),
}


@pytest.mark.parametrize("name", FORMS)
def test_each_form_gives_the_same_candles_as_csv(tmp_path: Path, name: str) -> None:
    csv = "time,open,high,low,close,volume\n" + "\n".join(",".join(map(str, row.values())) for row in ROWS)
    wanted, found = taken(tmp_path, "wanted.csv", csv), taken(tmp_path, name, FORMS[name])
    for column in ("start_s", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(wanted, column), getattr(found, column)), column


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("broken.jsonl", lines(ROWS[:3]) + "{half\n", "line 4 is not JSON"),
        ("empty.jsonl", "", "has no rows"),
        ("mixed.jsonl", '{"a": 1}\n[1, 2]\n', "have different forms"),
        ("events.jsonl", '{"event": "fill", "price": 1}\n', "no column for"),
        ("texts.jsonl", lines([{**row, "open": "dear"} for row in ROWS]), "contains something that is not a number"),
        ("words.txt", "just some words\nand more\n", "CSV, Parquet and JSON lines are read"),
        ("not.csv.gz", b"\x1f\x8b broken", "not.csv.gz"),
    ],
)
def test_what_is_no_table_of_candles_is_said_in_plain_words(
    tmp_path: Path, name: str, data: str | bytes, words: str
) -> None:
    with pytest.raises(ResearchError) as refused:
        taken(tmp_path, name, data)
    assert words in str(refused.value) and "straddling" not in str(refused.value) and "\n" not in str(refused.value)
