"""`./coin data …`: candles."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from research import terminal
from research.data import products as product_lists
from research.data import store
from research.data.candles import CandleSet, counted, gaps, granularity_s, granularity_text
from research.data.choices import DateOrder, OutlierChoice
from research.data.download import DownloadClient, Wanted
from research.data.download import download as fetch
from research.data.importer import read_files
from research.data.recorded import take
from research.errors import Misused, ResearchError, WrongSettings
from research.lab import holdout as holdouts
from research.lab.trials import TrialRegistry
from research.options import Json, data_dir, day_s, guarded
from shared.settings import SettingsError, load
from shared.times import from_epoch_ms

Holdout = Annotated[
    float, typer.Option("--holdout", help="Percent of the time to lock for ./coin lab, at the end; 0 = none.")
]


@guarded
def import_files(
    files: Annotated[
        list[Path], typer.Argument(help="CSV, JSON lines (also .gz) or Parquet; several files make one set.")
    ],
    product: Annotated[
        str | None, typer.Option(help="Such as BTC-USD; by default taken from the file's columns or name.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the set; BTC-USD_1m without it.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of times that name none, such as Europe/Berlin.")
    ] = None,
    date_order: Annotated[DateOrder | None, typer.Option(help="How dates such as 03/04/2024 are read.")] = None,
    granularity: Annotated[str | None, typer.Option(help="Bar length, if not the usual spacing of the rows.")] = None,
    price_increment: Annotated[str | None, typer.Option(help="Price increment, instead of the exchange's.")] = None,
    base_increment: Annotated[str | None, typer.Option(help="Size increment, instead of the exchange's.")] = None,
    outliers: Annotated[
        OutlierChoice | None, typer.Option(help="Outliers (bars with implausible prices): keep or drop.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a set of that name.")] = False,
    holdout: Holdout = 20.0,
) -> None:
    """Bring in candles from anywhere; what was understood is shown, what can't be trusted left out."""
    if product is not None:
        base, dash, quote = product.upper().partition("-")
        if not (base.isalnum() and dash and quote.isalnum()):
            raise Misused(f"{product}: write a product like BTC-USD")
    seconds = granularity_s(granularity) if granularity else None
    found = read_files(
        files, product.upper() if product else None, timezone, seconds, price_increment, base_increment,
        data_dir=data_dir(), date_order=date_order, outlier_choice=outliers,
    )  # fmt: skip
    target = name or store.default_name(found.candles.product_id, found.candles.granularity_s)
    if (store.folder(data_dir()) / f"{target}.parquet").exists() and not replace:
        raise ResearchError(f"the set {target} already exists: --replace, or another --name")
    for line in found.said:
        terminal.say(f"  · {line}")
    path = store.save(data_dir(), target, found.candles)
    _say_what(found.candles)
    _lock(path, holdout)
    terminal.say(f"  ✓ {target}: {path}")


@guarded
def products(
    url: Annotated[str, typer.Option(help="The exchange to ask.")] = "https://api.coinbase.com",
    ca: Annotated[Path | None, typer.Option(help="Certificate to trust, for a simulator.")] = None,
) -> None:
    """Fetch the exchange's list of products: their increments and smallest orders, for imports."""
    client = DownloadClient(url, ca)
    try:
        count = product_lists.fetch(data_dir(), client, f"the exchange's list ({url.partition('://')[2]})")
    finally:
        client.close()
    terminal.say(f"  ✓ {count:,} products")


@guarded
def download(
    product: Annotated[str, typer.Argument(help="Such as BTC-USD.")],
    granularity: Annotated[str, typer.Argument(help="1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 1d.")] = "1m",
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD (UTC).")] = "2024-01-01",
    until: Annotated[str | None, typer.Option(help="Before this day; now without it.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the set.")] = None,
    url: Annotated[str, typer.Option(help="The exchange to download from.")] = "https://api.coinbase.com",
    ca: Annotated[Path | None, typer.Option(help="Certificate to trust, for a simulator.")] = None,
    holdout: Holdout = 20.0,
) -> None:
    """Fetch Coinbase's public candles. Goes on where the last download ended."""
    wanted = Wanted(product.upper(), granularity_s(granularity), day_s(since) or 0, day_s(until))
    target = name or store.default_name(wanted.product_id, wanted.granularity_s)
    with terminal.progress(f"  {target}", None) as step:
        candles, added = fetch(data_dir(), target, wanted, DownloadClient(url, ca), step)
    _say_what(candles)
    _lock(store.find(data_dir(), target), holdout)
    terminal.say(f"  ✓ {target}: {added:,} bars added")


@guarded
def recorded(
    product: Annotated[str, typer.Argument(help="Such as BTC-USD.")],
    granularity: Annotated[str, typer.Argument(help="1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 1d.")] = "1m",
    name: Annotated[str | None, typer.Option(help="Name of the set; BTC-USD_1m_bot without it.")] = None,
    holdout: Holdout = 20.0,
) -> None:
    """Take the bars that the bot itself saw. Again later: what is new is added, what the bot dropped stays."""
    try:
        market_db = load().settings.paths.market_db
    except SettingsError as error:
        raise WrongSettings("; ".join(error.problems)) from error
    seconds = granularity_s(granularity)
    target = name or f"{store.default_name(product.upper(), seconds)}_bot"
    found, added = take(data_dir(), market_db, product.upper(), seconds, target)
    for line in found.said:
        terminal.say(f"  · {line}")
    path = store.save(data_dir(), target, found.candles)
    _say_what(found.candles)
    _lock(path, holdout)
    terminal.say(f"  ✓ {target}: {added:,} bars added: {path}")


@guarded
def lock(
    name: Annotated[str, typer.Argument(help="Candle set (./coin data list).")],
    holdout: Holdout = 20.0,
) -> None:
    """Lock the newest part of a set that no trial has seen, as the lab's holdout."""
    registry, entry = TrialRegistry(data_dir()), store.entry(store.find(data_dir(), name))
    made = holdouts.lock(registry, entry, holdout / 100)
    if made is None:
        terminal.say(f"  · a part of {entry.product_id} is locked already: ./coin lab looks at it once")
        return
    terminal.say(f"  ✓ {_locked_words(made)}")


def _lock(path: Path, percent: float) -> None:
    """The holdout of a new set, said in words; 0 = none. What stands in the way is said and ends nothing."""
    if not percent:
        return
    try:
        made = holdouts.lock(TrialRegistry(data_dir()), store.entry(path), percent / 100)
    except Misused:
        raise
    except ResearchError as error:
        terminal.say(f"  · no holdout was locked: {error}")
        return
    if made is not None:
        terminal.say(f"  · {_locked_words(made)}")


def _locked_words(made: holdouts.HoldoutLock) -> str:
    begin = f"{from_epoch_ms(made.from_s * 1000):%Y-%m-%d %H:%M} UTC"
    return f"holdout: {made.product_id} from {begin} on is left out of every trial until ./coin lab looks at it, once"


def _say_what(candles: CandleSet) -> None:
    """Bars, stretch and gaps of a set, in words."""
    first, last = (from_epoch_ms(int(candles.start_s[i]) * 1000) for i in (0, -1))
    terminal.say(f"  · {candles.name}: {len(candles):,} bars from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")
    lacking = gaps(candles)
    if not len(lacking.bars):
        terminal.say("  · no bar is missing")
        return
    terminal.say(f"  · {lacking.total:,} bars are missing in {counted(len(lacking.bars), 'gap')}; the longest:")
    for at_s, bars in lacking.longest(5):
        terminal.say(f"      {from_epoch_ms(at_s * 1000):%Y-%m-%d %H:%M}  {counted(bars, 'bar')}")


@guarded
def list_sets(json: Json = False) -> None:
    """Every candle set."""
    found = store.entries(data_dir(only_read=True))
    if json:
        terminal.say_json([dataclasses.asdict(one) for one in found])
        return
    if not found:
        terminal.say("  · There are none yet: ./coin data import FILE, or ./coin data download BTC-USD 1m")
        return
    rows = [
        (
            e.name, e.product_id, granularity_text(e.granularity_s), f"{e.bars:,}",
            f"{from_epoch_ms(e.first_s * 1000):%Y-%m-%d}", f"{from_epoch_ms(e.last_s * 1000):%Y-%m-%d}",
            f"{e.missing:,}", e.digest,
        )
        for e in found
    ]  # fmt: skip
    terminal.table(("name", "product", "bar", "bars", "first", "last", "missing", "hash"), rows, kinds="nn#####h")
