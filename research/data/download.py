"""Coinbase's public candles: paged, resumed where the last download ended, gaps left as they are."""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from research.data import products, store
from research.data.candles import WIRE_NAMES, CandleSet, granularity_text
from research.data.products import ProductTerms, of_exchange
from research.errors import ResearchError
from shared.tls import client_context

URL = "https://api.coinbase.com"
PREFIX = "/api/v3/brokerage"
PAGE = 350  # candles that one answer holds at most
SAVE_EVERY = 40  # pages
# The public endpoints allow ten requests a second.
PAUSE_S = 0.11
TRIES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch: bars that open at or after `since_s` and close by `until_s` (None: by now)."""

    product_id: str
    granularity_s: int
    since_s: int
    until_s: int | None = None


class DownloadClient:
    """One kept-alive connection to the public endpoints. Raises ResearchError when it can't be reached."""

    def __init__(self, url: str = URL, ca_file: Path | None = None, pause_s: float = PAUSE_S) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ResearchError(f"{url} is not an https address")
        self._host, self._port = parts.hostname, parts.port or 443
        self._context = client_context(ca_file)
        self._pause_s, self._next_s = pause_s, 0.0
        self._connection: http.client.HTTPSConnection | None = None

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer. Repeats what may pass: no connection, 429, 5xx."""
        target = PREFIX + path + ("?" + urlencode(query) if query else "")
        for wait_s in (*TRIES_S, None):
            try:
                status, body = self._once(target)
            except (OSError, http.client.HTTPException, ssl.SSLError) as error:
                self.close()
                problem = f"{self._host}:{self._port} can't be reached: {error}"
            else:
                if status == 200:
                    return json.loads(body)
                problem = f"{target} returned HTTP {status}: {body[:200].decode(errors='replace')}"
                if status != 429 and status < 500:
                    raise ResearchError(problem)
            if wait_s is None:
                raise ResearchError(problem)
            time.sleep(wait_s)
        raise AssertionError("not reached")

    def _once(self, target: str) -> tuple[int, bytes]:
        time.sleep(max(self._next_s - time.monotonic(), 0.0))
        self._next_s = time.monotonic() + self._pause_s
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._host, self._port, timeout=15, context=self._context)
        # Public candles are cached for a minute elsewhere; the newest bars must not be.
        headers = {"accept": "application/json", "cache-control": "no-cache", "user-agent": "CoinTrader"}
        self._connection.request("GET", target, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def now_s(self) -> int:
        """The exchange's time."""
        return int(self.get("/time")["epochSeconds"])

    def terms(self, product_id: str) -> ProductTerms:
        """Increments and minimums as the exchange writes them."""
        return of_exchange(self.get(f"/market/products/{product_id}"), f"the exchange ({self._host})")

    def page(self, wanted: Wanted, start_s: int, bars: int) -> list[tuple[float, ...]]:
        """Bars that open from `start_s` on within `bars` bar lengths, as (start, o, h, l, c, volume) in any order."""
        last = start_s + (bars - 1) * wanted.granularity_s
        raw = self.get(
            f"/market/products/{wanted.product_id}/candles",
            start=str(start_s), end=str(last), granularity=WIRE_NAMES[wanted.granularity_s], limit=str(bars),
        )  # fmt: skip
        names = ("start", "open", "high", "low", "close", "volume")
        try:
            rows = [tuple(float(row[name]) for name in names) for row in raw["candles"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ResearchError(f"{wanted.product_id}: a candle could not be read: {error}") from error
        return [row for row in rows if start_s <= row[0] <= last]


def download(
    data_dir: Path, name: str, wanted: Wanted, client: DownloadClient, progress: Progress | None = None
) -> tuple[CandleSet, int]:
    """Fetch what the set `name` lacks at its end (and begin, if `since_s` lies before it). (The set, bars added).

    Saved every few pages: an interrupted download goes on where it was. The bar that is still open is left out.
    """
    if wanted.granularity_s not in WIRE_NAMES:
        known = ", ".join(granularity_text(s) for s in WIRE_NAMES)
        raise ResearchError(f"Coinbase has no bars of {granularity_text(wanted.granularity_s)}; it has {known}")
    old = _known(data_dir, name, wanted)
    terms = client.terms(wanted.product_id)
    products.keep(data_dir, wanted.product_id, terms)
    gran = wanted.granularity_s
    newest = client.now_s() - gran  # a bar that opened later is still open
    until = newest if wanted.until_s is None else min(newest, wanted.until_s - gran)
    first = -(-wanted.since_s // gran) * gran
    stretches = [(first, until)]
    if old is not None and len(old):
        had_first, had_last = int(old.start_s[0]), int(old.start_s[-1])
        stretches = [(first, min(had_first - gran, until)), (max(had_last + gran, first), until)]
    total = sum(max((b - a) // gran + 1, 0) for a, b in stretches)
    fetched: list[tuple[float, ...]] = []
    done = added = 0

    def save() -> None:
        nonlocal old, added
        if fetched:
            before = 0 if old is None else len(old)
            old = _merged(old, fetched, wanted, terms)
            added += len(old) - before
            store.save(data_dir, name, old)
            fetched.clear()

    try:
        # The newer stretch first: were the older one cut short, what is saved would hide the hole behind it.
        for begin, end in reversed(stretches):
            # The older stretch goes backwards for the same reason: the set stays one piece whenever it ends.
            backwards = old is not None and len(old) > 0 and begin < int(old.start_s[0])
            for start, bars in _pages(begin, end, gran, backwards=backwards):
                fetched += client.page(wanted, start, bars)
                done += bars
                if done // PAGE % SAVE_EVERY == 0:
                    save()
                if progress is not None:
                    progress(min(done, total), total)
    finally:
        save()
        client.close()
    if old is None:
        raise ResearchError(f"{wanted.product_id} has no candles in that period")
    return old, added


def _pages(begin: int, end: int, gran: int, *, backwards: bool) -> list[tuple[int, int]]:
    """(start, bars) of each page from `begin` to `end`, both bars included."""
    pages = []
    for start in range(begin, end + 1, PAGE * gran):
        pages.append((start, min(PAGE, (end - start) // gran + 1)))
    return pages[::-1] if backwards else pages


def _known(data_dir: Path, name: str, wanted: Wanted) -> CandleSet | None:
    path = store.folder(data_dir) / f"{name}.parquet"
    if not path.exists():
        return None
    old = store.load(path)
    if (old.product_id, old.granularity_s) != (wanted.product_id, wanted.granularity_s):
        raise ResearchError(f"the set {name} contains {old.name}; choose another --name")
    return old


def _merged(old: CandleSet | None, rows: list[tuple[float, ...]], wanted: Wanted, terms: ProductTerms) -> CandleSet:
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    start = table[:, 0].astype(np.int64)
    columns = [table[:, i] for i in range(1, 6)]
    if old is not None:
        start = np.concatenate([old.start_s, start])
        columns = [
            np.concatenate([a, b])
            for a, b in zip((old.open, old.high, old.low, old.close, old.volume), columns, strict=True)
        ]
    # What is read anew replaces what was there: the last of equal times stays.
    order = np.argsort(start, kind="stable")
    start = start[order]
    last = np.append(start[1:] != start[:-1], True)
    o, h, low, c, v = (np.ascontiguousarray(column[order][last]) for column in columns)
    return CandleSet(
        wanted.product_id, wanted.granularity_s, np.ascontiguousarray(start[last]), o, h, low, c, v,
        price_increment=terms.price_increment, base_increment=terms.base_increment, source="Coinbase public candles",
        base_min_size=terms.base_min_size, quote_min_size=terms.quote_min_size,
    )  # fmt: skip
