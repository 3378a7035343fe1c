"""The lab's verdicts as `./coin lab` keeps them, and which of them is about settings as they are now.

A verdict is about one strategy, its files, its products and every setting that can change a result. Where one of these
differs it says nothing of what would trade, and is named with the difference instead.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from shared.artifacts import digests
from shared.files import Unreadable, parse_object
from shared.settings import Settings, public_values

REGISTRY = Path("research", "trials.jsonl")  # below a data folder
GO, NO_GO, NONE = "GO", "NO-GO", "none"
NAMED = 3
_MARK = b'"record":"verdict"'
_OF_PRODUCTS = "PRODUCTS"  # a verdict on more products than are traded is one on these as well


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """One line of the registry. `settings`: every setting that can change a result, as texts; `artifacts`: SHA-256 of
    the strategy's files by path, None = an earlier program did not keep it; `group`: the run or sweep."""

    at: str
    answer: str
    sentence: str
    group: str
    strategy: str
    products: frozenset[str]
    settings: Mapping[str, str]
    artifacts: Mapping[str, str] | None
    style: str  # lots, exposure, or flip, which the bot does not trade; "" = not kept
    fees: str  # that were assumed; "" = not kept


@dataclass(frozen=True, slots=True)
class LabStanding:
    """What the lab says of settings as they are. `answer`: GO, NO-GO or none; `text`: which verdict, or why there is
    none, in one sentence; `digest`: of the strategy with its settings and files."""

    answer: str
    text: str
    digest: str

    @property
    def is_go(self) -> bool:
        return self.answer == GO


def standing(folders: Iterable[Path], settings: Settings) -> LabStanding:
    """The newest verdict that is about these settings, of the registries in these data folders."""
    found: list[KeptVerdict] = []
    damaged: list[str] = []
    for folder in dict.fromkeys(folders):
        try:
            found += read(folder / REGISTRY)
        except OSError as error:
            damaged.append(f"{folder / REGISTRY} cannot be read: {error.strerror or error}")
    own = sorted((one for one in found if one.strategy == settings.strategy), key=lambda one: one.at)
    digest = digest_of(settings)
    fits = [one for one in own if not differences(one, settings)]
    if fits:
        newest = fits[-1]
        return LabStanding(newest.answer, f"{newest.group} of {newest.at}{newest.fees}: {newest.sentence}", digest)
    if damaged:
        return LabStanding(NONE, damaged[0], digest)
    if own:
        nearest = min(reversed(own), key=lambda one: len(differences(one, settings)))
        return LabStanding(
            NONE,
            f"no verdict on these settings; that of {nearest.at} ({nearest.answer}) was on others: "
            f"{_named(differences(nearest, settings))}",
            digest,
        )
    return LabStanding(NONE, f"no verdict on {settings.strategy}: ./coin backtest, then ./coin lab last", digest)


def read(path: Path) -> list[KeptVerdict]:
    """Every verdict of a registry, oldest first; lines that hold none are passed over. Raises OSError."""
    found = []
    try:
        with path.open("rb") as file:
            for line in file:
                if _MARK in line and (one := _verdict(line)) is not None:
                    found.append(one)
    except FileNotFoundError:
        return []
    return found


def differences(verdict: KeptVerdict, settings: Settings) -> list[str]:
    """What of a verdict is not as it is now, each in a few words; [] = it is about these settings."""
    now = public_values(settings)
    told = [
        f"{key} {verdict.settings[key]} there, {now.get(key, 'not set')} here"
        for key in sorted(verdict.settings)
        if key != _OF_PRODUCTS and now.get(key, "") != verdict.settings[key]
    ]
    told += [
        f"{key} not set there, {text} here"
        for key, text in sorted(settings.strategy_options.items())
        if key not in verdict.settings and _is_of(settings.strategy_files, key)
    ]
    lacking = sorted(set(settings.products) - verdict.products)
    if lacking:
        told.append(f"not on {', '.join(lacking)}")
    if verdict.style == "flip":
        told.append("--style flip, which the bot does not trade")
    if verdict.artifacts is None or not verdict.style:
        told.append("made by an earlier version, which did not keep the strategy's files")
    elif dict(verdict.artifacts) != digests(*settings.strategy_files):
        told.append("the strategy's file")
    return told


def digest_of(settings: Settings) -> str:
    """Of the strategy, its own settings and its files: SHA-256, its first 16 digits."""
    own = {key: text for key, text in settings.strategy_options.items() if _is_of(settings.strategy_files, key)}
    files = digests(*settings.strategy_files)
    asked: list[object] = [settings.strategy, settings.kind, settings.granularity, own, files]
    if settings.strategies:
        asked += [settings.strategies, settings.strategies_rule, settings.strategies_weights]
        asked.append(settings.strategies_majority)
    if settings.regime:
        asked += [text for key, text in sorted(public_values(settings).items()) if key.startswith("REGIME")]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _is_of(strategies: Iterable[str], key: str) -> bool:
    return key.startswith(tuple(f"STRATEGY_{name.upper()}_" for name in strategies))


def _named(told: list[str]) -> str:
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return "; ".join(told[:NAMED]) + more


def _fees(raw: Mapping[str, Any]) -> str:
    maker, taker = raw.get("maker_pct"), raw.get("taker_pct")
    if not isinstance(maker, int | float) or not isinstance(taker, int | float):
        return ""
    return f" at {maker:g} % maker, {taker:g} % taker"


def _verdict(line: bytes) -> KeptVerdict | None:
    """None where the line cannot be read: it is no verdict."""
    try:
        raw: dict[str, Any] = parse_object(line)
        files = raw.get("artifacts")
        return KeptVerdict(
            str(raw["at"]), str(raw["answer"]), str(raw["sentence"]), str(raw["group"]), str(raw["strategy"]),
            frozenset(map(str, raw["products"])), {str(k): str(v) for k, v in raw["settings"].items()},
            {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else None,
            str(raw.get("style", "")), _fees(raw),
        )  # fmt: skip
    except (Unreadable, KeyError, TypeError, AttributeError):
        return None
