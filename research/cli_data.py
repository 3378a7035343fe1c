"""`./coin data …` and `./coin runs …`."""

from pathlib import Path
from typing import Annotated

import typer

from research import terminal
from research.cli_backtest import run_and_show
from research.errors import ResearchError
from research.options import data_dir, day_s, guarded

# ruff: noqa: PLC0415
app = typer.Typer(help="Candles: bring them in, download them, list them.", no_args_is_help=True)
runs_app = typer.Typer(help="Kept runs: list, compare, repeat.", invoke_without_command=True)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="CSV (.gz too) or Parquet; several make one set.")],
    product: Annotated[str, typer.Option(help="Such as BTC-USD.")] = "BTC-USD",
    name: Annotated[str | None, typer.Option(help="Name of the set; BTC-USD_1m without it.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of times that name none, such as Europe/Berlin.")] = None,
    granularity: Annotated[str | None, typer.Option(help="Length of a bar, where it isn't the usual distance.")] = None,
    price_increment: Annotated[str | None, typer.Option(help="The tick, where the decimals don't show it.")] = None,
    base_increment: Annotated[str | None, typer.Option(help="The step of sizes; 0.00000001 for dear coins.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a set of that name.")] = False,
) -> None:
    """Bring in candles from anywhere; what was understood is shown, what can't be trusted left out."""

    def work() -> None:
        from research.data import store
        from research.data.candles import granularity_s
        from research.data.importer import read_files

        base, dash, quote = product.upper().partition("-")
        if not (base.isalnum() and dash and quote.isalnum()):
            raise ResearchError(f"{product}: a product is written like BTC-USD")
        seconds = granularity_s(granularity) if granularity else None
        found = read_files(files, product.upper(), timezone, seconds, price_increment, base_increment)
        target = name or store.default_name(found.candles.product_id, found.candles.granularity_s)
        if (store.folder(data_dir()) / f"{target}.parquet").exists() and not replace:
            raise ResearchError(f"there is a set {target} already: --replace, or another --name")
        for line in found.said:
            terminal.say(f"  · {line}")
        path = store.save(data_dir(), target, found.candles)
        say_what(found.candles)
        terminal.say(f"  ✓ {target}: {path}")

    guarded(work)


@app.command()
def download(
    product: Annotated[str, typer.Argument(help="Such as BTC-USD.")],
    granularity: Annotated[str, typer.Argument(help="1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 1d.")] = "1m",
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD (UTC).")] = "2024-01-01",
    until: Annotated[str | None, typer.Option(help="Before this day; now without it.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the set.")] = None,
    url: Annotated[str, typer.Option(help="Whose candles.")] = "https://api.coinbase.com",
    ca: Annotated[Path | None, typer.Option(help="Certificate to trust, for a simulator.")] = None,
) -> None:
    """Fetch Coinbase's public candles. Goes on where the last download ended."""

    def work() -> None:
        from research.data import store
        from research.data.candles import granularity_s
        from research.data.download import Client, Wanted
        from research.data.download import download as fetch

        wanted = Wanted(product.upper(), granularity_s(granularity), day_s(since) or 0, day_s(until))
        target = name or store.default_name(wanted.product_id, wanted.granularity_s)
        with terminal.progress(f"  {target}", None) as step:
            candles, added = fetch(data_dir(), target, wanted, Client(url, ca), step)
        say_what(candles)
        terminal.say(f"  ✓ {target}: {added:,} bars more")

    guarded(work)


def say_what(candles: object) -> None:
    """Bars, stretch and gaps of a set, in words."""
    from research.data.candles import Candles, counted, gaps
    from shared.times import from_epoch_ms

    assert isinstance(candles, Candles)
    first, last = (from_epoch_ms(int(candles.start_s[i]) * 1000) for i in (0, -1))
    terminal.say(f"  · {candles.name}: {len(candles):,} bars from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")
    lacking = gaps(candles)
    if not len(lacking.bars):
        terminal.say("  · no bar is missing")
        return
    terminal.say(f"  · {lacking.total:,} bars are missing in {counted(len(lacking.bars), 'gap')}; the longest:")
    for at_s, bars in lacking.longest(5):
        terminal.say(f"      {from_epoch_ms(at_s * 1000):%Y-%m-%d %H:%M}  {counted(bars, 'bar')}")


@app.command("list")
def list_sets() -> None:
    """Every candle set."""

    def work() -> None:
        from research.data import store
        from research.data.candles import granularity_text
        from shared.times import from_epoch_ms

        found = store.entries(data_dir())
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
        terminal.table(("name", "product", "bar", "bars", "first", "last", "missing", "hash"), rows, left=2)

    guarded(work)


@runs_app.callback()
def list_runs(context: typer.Context) -> None:
    """List the kept runs."""
    if context.invoked_subcommand is None:
        guarded(_list_runs)


def _list_runs() -> None:
    from research import runs

    rows = []
    for kept in runs.listed(data_dir()):
        f, asked = kept.about["figures"], kept.about["request"]
        sets = " ".join(f"{key}={value}" for key, value in asked["overrides"].items())
        rows.append(
            (
                kept.run_id, ", ".join(asked["data"]), sets[:60], _percent(f.get("total_return")),
                _percent(f.get("max_drawdown")), _plain(f.get("sharpe")), f"{f.get('lots') or 0:,.0f}",
            )
        )  # fmt: skip
    if not rows:
        terminal.say("  · There are none yet: ./coin backtest --data NAME")
        return
    terminal.table(("run", "data", "settings", "return", "drawdown", "Sharpe", "lots"), rows, left=3, wrap=2)


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value * 100:,.2f} %"


def _plain(value: float | None) -> str:
    return "—" if value is None else f"{value:,.2f}"


@runs_app.command()
def compare(first: str, second: str) -> None:
    """Two runs beside each other: what differs in settings and data, and every figure."""

    def work() -> None:
        from research import runs

        a, b = (runs.find(data_dir(), run_id).about for run_id in (first, second))
        keys = sorted({*a["settings"], *b["settings"]})
        rows = [
            (key, str(a["settings"].get(key, "—")), str(b["settings"].get(key, "—")))
            for key in keys
            if a["settings"].get(key) != b["settings"].get(key)
        ]
        for word in ("code", "data", "request"):
            if a[word] != b[word]:
                rows.append((word, _short(a[word]), _short(b[word])))
        terminal.table(("differs in", a["run_id"], b["run_id"]), rows or [("nothing", "", "")])
        terminal.say()
        names = [name for name in a["figures"] if name in b["figures"]]
        terminal.table(
            ("figure", a["run_id"], b["run_id"]),
            [(name, _figure(a["figures"][name]), _figure(b["figures"][name])) for name in names],
        )

    guarded(work)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 48 else text[:47] + "…"


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:,.6g}"


@runs_app.command()
def repeat(run_id: Annotated[str, typer.Argument(help="Its id, the end of it, or last.")] = "last") -> None:
    """Ask the same again with the data and code of now, and say whether the figures are the same."""

    def work() -> None:
        from research import runs

        old = runs.find(data_dir(), run_id)
        run_and_show(runs.request_of(old.about["request"]))
        new = runs.find(data_dir(), "last")
        same = new.about["figures"] == old.about["figures"]
        hashes = [one["digest"] for one in new.about["data"]] == [one["digest"] for one in old.about["data"]]
        terminal.say()
        if same:
            terminal.say(f"  ✓ the same figures as {old.run_id}")
            return
        why = [] if hashes else ["the data is another"]
        if new.about["code"] != old.about["code"]:
            why.append(f"the code is another ({old.about['code']}, now {new.about['code']})")
        if new.about["settings"] != old.about["settings"]:
            why.append("settings outside of the run are others")
        raise terminal.give_up(f"other figures than {old.run_id}: {'; '.join(why) or 'nothing explains it'}")

    guarded(work)
