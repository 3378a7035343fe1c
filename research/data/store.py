"""Candle sets under DATA_DIR/candles: one Parquet file each, what is known of it in the file's own metadata."""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from research.data.candles import CandleSet, granularity_text
from research.errors import ResearchError

COLUMNS = ("start_s", "open", "high", "low", "close", "volume")
_KEY = b"cointrader"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")


@dataclass(frozen=True, slots=True)
class StoredSet:
    """One set as the list shows it."""

    name: str
    path: Path
    product_id: str
    granularity_s: int
    bars: int
    first_s: int
    last_s: int
    missing: int
    digest: str
    source: str


def folder(data_dir: Path) -> Path:
    return data_dir / "candles"


def default_name(product_id: str, granularity_s: int) -> str:
    return f"{product_id}_{granularity_text(granularity_s)}"


def save(data_dir: Path, name: str, candles: CandleSet) -> Path:
    """Write the set, whole or not at all. Raises ResearchError for a name that is no file name."""
    if not _NAME.fullmatch(name):
        raise ResearchError(f"{name} can't be the name of a candle set: letters, digits, . _ @ - only")
    step = np.diff(candles.start_s) // candles.granularity_s
    about = {
        "product_id": candles.product_id,
        "granularity_s": candles.granularity_s,
        "price_increment": candles.price_increment,
        "base_increment": candles.base_increment,
        "base_min_size": candles.base_min_size,
        "quote_min_size": candles.quote_min_size,
        "source": candles.source,
        "notes": list(candles.notes),
        "digest": candles.digest,
        "bars": len(candles),
        "first_s": int(candles.start_s[0]) if len(candles) else 0,
        "last_s": int(candles.start_s[-1]) if len(candles) else 0,
        "missing": int((step[step > 1] - 1).sum()),
    }
    table = pa.table({column: getattr(candles, column) for column in COLUMNS})
    table = table.replace_schema_metadata({_KEY: json.dumps(about).encode()})
    target = folder(data_dir) / f"{name}.parquet"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=target.name + ".", suffix=".tmp", dir=target.parent)
    os.close(handle)
    try:
        # Prices hardly repeat: dictionaries and compression would only cost time when it is read.
        pq.write_table(table, temporary, compression="none", use_dictionary=False, row_group_size=1 << 20)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def load(path: Path) -> CandleSet:
    """Read one set. Raises ResearchError where the file is not one of ours."""
    try:
        table = pq.ParquetFile(path, memory_map=True).read()
    except (OSError, pa.ArrowInvalid) as error:
        raise ResearchError(f"{path} can't be read: {error}") from error
    about = _about(table.schema.metadata, path)
    arrays = {column: _array(table.column(column), column) for column in COLUMNS}
    return CandleSet(
        product_id=about["product_id"],
        granularity_s=about["granularity_s"],
        price_increment=about["price_increment"],
        base_increment=about["base_increment"],
        source=about["source"],
        notes=tuple(about["notes"]),
        digest=about["digest"],
        base_min_size=about.get("base_min_size", ""),  # sets of an earlier version lack it
        quote_min_size=about.get("quote_min_size", ""),
        **arrays,
    )


def _array(column: Any, name: str) -> Any:
    """A column without nulls as numpy sees its memory. (pyarrow's own way would import pandas, where there is one.)"""
    kind = np.int64 if name == "start_s" else np.float64
    parts = [
        np.frombuffer(chunk.buffers()[1], dtype=kind)[chunk.offset : chunk.offset + len(chunk)]
        for chunk in column.chunks
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _about(metadata: Any, path: Path) -> dict[str, Any]:
    raw = (metadata or {}).get(_KEY)
    if raw is None:
        raise ResearchError(f"{path} is not a candle set of this program; import it with: ./coin data import {path}")
    about: dict[str, Any] = json.loads(raw)
    return about


def entries(data_dir: Path) -> list[StoredSet]:
    """Every set, by name."""
    return [entry(path) for path in sorted(folder(data_dir).glob("*.parquet"))]


def entry(path: Path) -> StoredSet:
    """What is known of one set without reading its bars. Raises ResearchError where the file is not one of ours."""
    try:
        about = _about(pq.read_schema(path).metadata, path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResearchError(f"{path} can't be read: {error}") from error
    words = ("product_id", "granularity_s", "bars", "first_s", "last_s", "missing", "digest", "source")
    return StoredSet(path.stem, path, **{word: about[word] for word in words})


def find(data_dir: Path, name: str) -> Path:
    """The file of a set: by its name, or by a path. Raises ResearchError that says what there is."""
    direct = Path(name)
    if direct.suffix == ".parquet" and direct.is_file():
        return direct
    path = folder(data_dir) / f"{name}.parquet"
    if path.is_file():
        return path
    known = sorted(p.stem for p in folder(data_dir).glob("*.parquet"))
    there = f"there are {', '.join(known)}" if known else "there are none yet: ./coin data import or download"
    raise ResearchError(f"no candle set {name}; {there}")
