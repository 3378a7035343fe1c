"""`./coin model`: train models on history, compare them in shadow, promote and retire them (docs/learning.md)."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from research import terminal
from research.errors import ResearchError
from research.lab.holdout import spare
from research.lab.judgement import MIN_DEFLATED
from research.learning import promotion
from research.learning.comparison import compare
from research.learning.kinds import BASELINE, KINDS
from research.learning.training import TrainedReport, TrainingPlan, shortfall
from research.learning.training import train as train_model
from research.options import Json, MarketOptions, asking, data_dir, guarded, pairs
from shared import figures
from shared.files import Unreadable
from shared.models import shadow_log, store
from shared.models.manifest import ModelManifest
from shared.models.states import ModelRegistry, ModelState
from shared.models.store import ModelRefused
from shared.paths import DataPaths
from shared.settings import SettingsError
from shared.times import from_epoch_ms

RESTART = "the bot knows of it after ./coin restart"


def _names(incomplete: str) -> list[str]:
    """Names of models that begin so, for Tab."""
    try:
        found = store.names(_models(only_read=True))
    except ResearchError:
        return []
    return [name for name in found if name.startswith(incomplete)]


ModelName = Annotated[str, typer.Argument(help="Name of a model.", autocompletion=_names)]


def _models(*, only_read: bool = False) -> Path:
    return DataPaths(data_dir(only_read=only_read)).models


@asking
@guarded
def train(
    name: Annotated[str, typer.Argument(help="A name for the new model.")],
    asked: MarketOptions,
    kind: Annotated[str, typer.Option("--kind", "-k", help=f"One of {', '.join(KINDS)}.")] = BASELINE,
    features: Annotated[str, typer.Option(help="baseline (4 features) or extended (10).")] = "extended",
    horizon: Annotated[int, typer.Option(help="Bars ahead that a rise is looked for (probabilities).")] = 24,
    label_pct: Annotated[float, typer.Option(help="A rise counts from so many percent on.")] = 0.0,
    folds: Annotated[int, typer.Option(help="Tests of the walk forward.")] = 4,
    drift_bars: Annotated[int, typer.Option(help="Newest bars on which drift is judged.")] = 500,
    valid_days: Annotated[float, typer.Option(help="Days after the data's end at which the model expires.")] = 90.0,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="Of the kind, such as trees=200.")] = None,
) -> None:
    """Walk forward beside the baselines, fit to everything, and keep the model as a candidate."""
    folder = data_dir()
    spared = spare(folder, asked.request(), asked.with_holdout)
    plan = TrainingPlan(
        name, kind, spared.request, features, horizon, label_pct, folds, drift_bars, valid_days,
        {key.lower(): value for key, value in pairs(param).items()},
    )  # fmt: skip
    try:
        with terminal.slowly("  fits") as step:
            done = train_model(folder, plan, step)
    except SettingsError as error:
        raise ResearchError("; ".join(error.problems)) from error
    _told(done, spared.note)


def _told(done: TrainedReport, note: str) -> None:
    manifest = done.manifest
    terminal.say(f"  ✓ {manifest.name}: {KINDS[manifest.kind].idea}, SHA-256 {done.digest[:12]}…\n")
    terminal.table(_TITLES, _outcome(manifest))
    terminal.say()
    for line in _facts(manifest):
        terminal.say(f"  · {line}")
    if note:
        terminal.say(f"  · {note}")
    short = shortfall(manifest)
    terminal.say(f"  {'✗' if short else '✓'} {short or _beaten(manifest)}")
    spent = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in done.took_s.items())
    terminal.say(f"  · {spent}\n  · Next: ./coin model shadow {manifest.name}")


def _beaten(manifest: ModelManifest) -> str:
    """What it beat, and whether that may be luck."""
    over = "buy and hold" if manifest.kind == BASELINE else "buy and hold and the logistic baseline"
    sure = manifest.metrics.get("lab", {}).get("deflated_sharpe")
    luck = "" if sure is not None and sure >= MIN_DEFLATED else ", which may be luck: the deflated Sharpe is below 95 %"
    return f"it made more than {over} out of sample{luck}"


_TITLES = ("out of sample, after costs", "return", "Sharpe", "worst fall", "lots", "fees", "in the market")


def _outcome(manifest: ModelManifest) -> list[tuple[str, ...]]:
    """The model, the logistic baseline and holding, on the same bars."""
    rows: list[tuple[str, ...]] = []
    for key, title in (("model", manifest.name), (BASELINE, "logistic baseline"), ("hold", "buy and hold")):
        if key == BASELINE and manifest.kind == BASELINE:
            continue
        f = manifest.metrics.get(key, {})
        rows.append((
            title, figures.percent(f.get("total_return")), figures.number(f.get("sharpe")),
            figures.percent(f.get("max_drawdown")), figures.number(f.get("lots"), 0), figures.number(f.get("fees"), 0),
            figures.percent(f.get("time_in_market")),
        ))  # fmt: skip
    return rows


def _facts(manifest: ModelManifest) -> list[str]:
    """What it rests on, one sentence each."""
    lab, own = manifest.metrics.get("lab", {}), manifest.metrics.get("model", {})
    first, until = (from_epoch_ms(at * 1000) for at in (manifest.data[0].first_s, manifest.known_from_s))
    bounds = "by the values of its actions"
    if manifest.enter is not None and manifest.leave is not None:
        never = manifest.enter > 1.0
        bounds = "never: nothing earned more than its costs in training" if never else (
            f"from a probability of {manifest.enter:.3f} on, until {manifest.leave:.3f}"
        )  # fmt: skip
    return [
        f"trained on {', '.join(manifest.products)}, bars of {manifest.granularity_s} s, {first:%Y-%m-%d} to "
        f"{until:%Y-%m-%d}; says nothing of bars before that, and expires "
        f"{from_epoch_ms(manifest.expires_s * 1000):%Y-%m-%d}",
        f"holds {bounds}; needs the newest {manifest.memory_bars:,} bars",
        f"deflated Sharpe {figures.percent(lab.get('deflated_sharpe'))} among "
        f"{figures.number(lab.get('trials'), 1)} independent trials on this history; "
        f"{figures.number(own.get('fits'), 0)} fits are among them",
        f"drift kept it silent after {figures.percent(own.get('silent_part'))} of the tested bars",
    ]


@guarded
def list_models(json: Json = False) -> None:
    """Every model with its state and what it did out of sample."""
    models = _models(only_read=True)
    try:
        states = ModelRegistry(models).states()
    except Unreadable as error:
        raise ResearchError(str(error)) from error
    if not states and not json:
        terminal.say("  · There are none yet: ./coin model train NAME --data SET")
        return
    rows, documents = [], []
    for change in states.values():
        try:
            found = store.load(models, change.model, change.digest).manifest
        except ModelRefused as error:
            rows.append((change.model, "–", change.state.value, "–", "–", f"refused: {error}"))
            documents.append({**asdict(change), "refused": str(error)})
            continue
        documents.append({**asdict(change), "manifest": asdict(found)})
        own, held = (found.metrics.get(one, {}).get("total_return") for one in ("model", "hold"))
        rows.append((change.model, found.kind, change.state.value, figures.percent(own), figures.percent(held),
                     f"{from_epoch_ms(found.expires_s * 1000):%Y-%m-%d}"))  # fmt: skip
    if json:
        terminal.say_json(documents)
        return
    terminal.table(("model", "kind", "state", "out of sample", "holding", "expires"), rows, kinds="ntt##t")


@guarded
def show(name: ModelName, json: Json = False) -> None:
    """One model: what it rests on, what it did out of sample, and what it answered in shadow."""
    models = _models(only_read=True)
    change = promotion.state_of(models, name)
    manifest = promotion.opened(models, change).manifest
    beside = compare(shadow_log.lines(models), name, manifest.costs.get("taker_pct", 0.0))
    history = [one for one in ModelRegistry(models).history() if one.model == name]
    if json:
        document: dict[str, Any] = {"manifest": asdict(manifest), "history": [asdict(one) for one in history]}
        terminal.say_json({**document, "shadow": [asdict(one) for one in beside]})
        return
    terminal.say(f"  {name}: {KINDS[manifest.kind].idea}, {change.state}, SHA-256 {change.digest[:12]}…\n")
    terminal.table(_TITLES, _outcome(manifest))
    terminal.say()
    short = shortfall(manifest)
    for line in (*_facts(manifest), *([short] if short else [])):
        terminal.say(f"  · {line}")
    terminal.say()
    for past in history:
        terminal.say(f"  {past.at}  {past.state}" + (f": {past.why}" if past.why else ""))
    if not beside:
        terminal.say("\n  · It has answered nothing in shadow yet")
        return
    terminal.say("\n  In shadow, from close to close, less the taker's fee of every change:\n")
    rows = [
        (one.product_id, f"{one.bars:,}", f"{one.spoke:,}", figures.percent(one.agreed), figures.percent(one.shadow),
         figures.percent(one.traded), figures.percent(one.held))
        for one in beside
    ]  # fmt: skip
    trades = beside[-1].trades
    terminal.table(("product", "bars", "spoke", "agreed", name, trades, "price"), rows)
    for one in beside:
        if one.why:
            terminal.say(f"  · {one.product_id}, silent: {one.why}")


@guarded
def shadow(name: ModelName) -> None:
    """Let the model answer beside the strategy that trades, recorded and never traded."""
    promotion.into_shadow(_models(), name)
    terminal.say(f"  ✓ {name} walks in shadow: {RESTART}")


@guarded
def promote(
    name: ModelName,
    why: Annotated[str, typer.Option(help="A reason above what speaks against it; it is kept.")] = "",
) -> None:
    """Let STRATEGY=learned trade the model; the one before is retired."""
    change, before = promotion.promote(_models(), name, why.strip())
    terminal.say(f"  ✓ {change.model} is {ModelState.PROMOTED}: {RESTART}")
    if before is not None:
        terminal.say(f"  · {before} is {ModelState.RETIRED}")
    terminal.say("  · It trades with STRATEGY=learned; a permission for live orders must be given anew")


@guarded
def retire(name: ModelName) -> None:
    """Neither ask nor trade the model any more."""
    promotion.retire(_models(), name)
    terminal.say(f"  ✓ {name} is {ModelState.RETIRED}: {RESTART}")
