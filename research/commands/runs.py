"""`./coin runs …`: the stored runs: list, show, compare, repeat."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from research import runs as stored
from research import terminal
from research.commands.backtest import run_and_show
from research.errors import ResearchError
from research.metrics.summary import Metric
from research.options import Json, data_dir, guarded
from research.report.words import figure_text
from shared import figures


def _ids(incomplete: str) -> list[str]:
    """Ids of kept runs that begin so, for Tab."""
    try:
        found = [path.parent.name for path in stored.folder(data_dir(only_read=True)).glob("*/run.json")]
    except ResearchError:
        return []
    return sorted(name for name in (*found, "last") if name.startswith(incomplete))


RunId = Annotated[str, typer.Argument(help="Id of a run, the end of it, or last.", autocompletion=_ids)]


def runs(context: typer.Context, json: Json = False) -> None:
    """The list, unless a command below `runs` was called."""
    if context.invoked_subcommand is None:
        list_runs(json)


@guarded
def list_runs(json: Json = False) -> None:
    """Every stored run, oldest first, with its main figures."""
    found = stored.listed(data_dir(only_read=True))
    if json:
        terminal.say_json([_summary(kept) for kept in found])
        return
    if not found:
        terminal.say("  · There are none yet: ./coin backtest --data NAME")
        return
    rows = []
    for kept in found:
        f, asked = kept.about["figures"], kept.about["request"]
        lots, still = figures.number(f.get("lots") or 0, 0), figures.number(f.get("open_lots") or 0, 0)
        rows.append((kept.run_id, ", ".join(asked["data"]), _sets(asked), figures.percent(f.get("total_return")),
                     figures.percent(f.get("max_drawdown")), figures.number(f.get("sharpe")), lots, still))  # fmt: skip
    terminal.table(("run", "data", "settings", "return", "drawdown", "Sharpe", "lots", "open"), rows, kinds="ntt#####")


def _sets(asked: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in asked["overrides"].items())


def _summary(kept: stored.StoredRun) -> dict[str, Any]:
    about = kept.about
    keys = ("run_id", "at", "request", "figures", "verdict", "code")
    return {key: about[key] for key in keys if key in about} | {"folder": str(kept.folder)}


@guarded
def show(run_id: RunId = "last", json: Json = False) -> None:
    """One run again: what was asked, its verdict, every figure, its files."""
    kept = stored.find(data_dir(only_read=True), run_id)
    about = kept.about
    if json:
        terminal.say_json(about)
        return
    asked = about["request"]
    terminal.say(f"  {kept.run_id}, {about['at']}, code {about['code']}")
    terminal.say(f"  {', '.join(asked['data'])}, engine {asked['engine']}  {_sets(asked)}".rstrip())
    if "verdict" in about:
        terminal.say(f"  {about['verdict']['sentence']}.")
    terminal.say()
    rows = [(_title(about, key), _text(about, key)) for key in about["figures"]]
    terminal.table(("figure", "value"), rows, kinds="t#")
    terminal.say()
    for note in about["notes"]:
        terminal.say(f"  · {note}")
    for name in ("report.html", "trades.csv", "run.json"):
        terminal.say(f"  {kept.folder / name}")


@guarded
def compare(
    first: Annotated[str, typer.Argument(help="Id of a run, the end of it, or last.", autocompletion=_ids)],
    second: Annotated[str, typer.Argument(help="Id of the run to compare with.", autocompletion=_ids)],
    json: Json = False,
) -> None:
    """Two runs beside each other: what differs in settings and data, and every figure."""
    a, b = (stored.find(data_dir(only_read=True), run_id).about for run_id in (first, second))
    differing = {
        key: (a["settings"].get(key), b["settings"].get(key))
        for key in sorted({*a["settings"], *b["settings"]})
        if a["settings"].get(key) != b["settings"].get(key)
    }
    if json:
        both = {"settings": differing, "figures": {k: (v, b["figures"].get(k)) for k, v in a["figures"].items()}}
        terminal.say_json({"runs": (a["run_id"], b["run_id"]), **both})
        return
    rows = [(key, *("—" if value is None else str(value) for value in pair)) for key, pair in differing.items()]
    for word in ("code", "data", "request"):
        rows += _parts(word, a[word], b[word])
    terminal.table(("differs in", a["run_id"], b["run_id"]), rows or [("nothing", "", "")], kinds="ttt")
    terminal.say()
    names = [name for name in a["figures"] if name in b["figures"]]
    figured = [(_title(a, name), _text(a, name), _text(b, name)) for name in names]
    terminal.table(("figure", a["run_id"], b["run_id"]), figured, kinds="t##")


def _parts(word: str, a: Any, b: Any) -> list[tuple[str, str, str]]:
    """What differs in two values, part by part where they have named ones."""
    if a == b:
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        out = []
        for key in dict.fromkeys((*a, *b)):
            if key != "overrides":  # told as settings
                out += _parts(f"{word}: {key}", a.get(key), b.get(key))
        return out
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b) == 1:
        return _parts(word, a[0], b[0])
    return [(word, _worded(a), _worded(b))]


def _worded(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one.get("name", one) if isinstance(one, dict) else one) for one in value)
    return "—" if value is None else str(value)


def _title(about: Mapping[str, Any], key: str) -> str:
    return str(about.get("kinds", {}).get(key, (key,))[0]).replace("… ", "  … ")


def _text(about: Mapping[str, Any], key: str) -> str:
    """A kept figure as the backtest showed it; runs of older versions did not keep how."""
    value = about["figures"][key]
    title, kind = about.get("kinds", {}).get(key, (key, ""))
    if not kind:
        return figures.trimmed(value)
    currency = about["data"][0]["product_id"].partition("-")[2]
    return figure_text(Metric(key, title, value, kind), currency)


@guarded
def repeat(run_id: RunId = "last") -> None:
    """Ask the same again with the data and code of now, and say whether the figures are the same."""
    folder = data_dir()
    old = stored.find(folder, run_id)
    run_and_show(folder, stored.request_of(old.about["request"]))
    new = stored.find(folder, "last")
    same = new.about["figures"] == old.about["figures"]
    hashes = [one["digest"] for one in new.about["data"]] == [one["digest"] for one in old.about["data"]]
    terminal.say()
    if same:
        terminal.say(f"  ✓ the same results as {old.run_id}")
        return
    why = [] if hashes else ["the data differ"]
    if new.about["code"] != old.about["code"]:
        why.append(f"the code differs ({old.about['code']}, now {new.about['code']})")
    if new.about["settings"] != old.about["settings"]:
        why.append("settings outside the run's options differ")
    raise terminal.give_up(f"the results differ from {old.run_id}: {'; '.join(why) or 'no cause found'}")
