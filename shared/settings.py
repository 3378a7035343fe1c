"""Every setting of CoinTrader: its name, default, range and source.

Sources, weakest first: the default here, the profile's value, `.env` in the project folder, the environment.
Only upper-case names of this table are read from the environment (a process manager puts dozens of its own
there), and secrets never are. `.env` is ours alone, so a key there that is not in the table is an error that
names the nearest one. Keys that begin with STRATEGY_ belong to the strategies and are handed on as they are.
"""

import difflib
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

import orjson
from dotenv import dotenv_values

from shared import largest_markets, strategy_names
from shared import legacy_names as legacy
from shared.bots import DEFAULT_FOLDER
from shared.figures import exactly
from shared.paths import ROOT, DataPaths
from shared.setting_checks import contradictions, parse_base_caps, parse_product_caps, parse_window
from shared.setting_table import (
    GRANULARITIES,
    GRANULARITY_S,
    PROFILES,
    RULES,
    STRATEGY_PREFIX,
    Mode,
    Profile,
    Rule,
    Secret,
    Settings,
)
from shared.setting_values import read_value

__all__ = [
    "GRANULARITIES",
    "GRANULARITY_S",
    "PROFILES",
    "STRATEGY_PREFIX",
    "Loaded",
    "Mode",
    "Profile",
    "Secret",
    "Settings",
    "SettingsError",
    "config_hash",
    "is_secret",
    "keys",
    "load",
    "parse_base_caps",
    "parse_window",
    "public_values",
    "secret_in_file",
]


class SettingsError(Exception):
    """Settings that must not be used; each problem is one line that names the key, the value and the way out."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and, for each key, where its value came from: default, profile, .env or environment.

    `kept`: accepted names of older set-ups that do nothing today, each with its one sentence.
    """

    settings: Settings
    sources: Mapping[str, str]
    kept: Mapping[str, str] = field(default_factory=dict)
    env_file: Path = ROOT / ".env"

    @property
    def remarks(self) -> list[str]:
        """One line for each name that is accepted without an effect."""
        return [f"{name}: {sentence}" for name, sentence in self.kept.items()]


_SECRET_KEYS = frozenset(key for key, rule in RULES.items() if rule.secret)
# Read by the start scripts, never by Python: legal in .env, no setting.
_FOREIGN_KEYS = frozenset({"COIN_PYTHON"})
_BY_HAND = (".env", "environment")
_RANKS = ("default", "profile", *_BY_HAND)  # weakest first
_FIELDS = {f.name.upper(): f for f in fields(Settings) if "rule" in f.metadata}
_TYPES = get_type_hints(Settings)


def keys() -> Iterable[tuple[str, str, object]]:
    """(key, help, default) of every setting, in the table's order."""
    for key, f in _FIELDS.items():
        yield key, f.metadata["rule"].help, f.default


def is_secret(key: str) -> bool:
    """True where the value must be masked wherever it is shown."""
    return key in _SECRET_KEYS or key in legacy.SECRETS or legacy.SAME_AS.get(key) in _SECRET_KEYS


def load(env_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """The effective settings. Raises SettingsError with every problem found, not just the first."""
    env_file = ROOT / ".env" if env_file is None else env_file
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    from_file = _read_env_file(env_file, problems)
    from_environ = _read_environment(environ, env_file.name, problems)
    chosen = from_environ.get("PROFILE", from_file.get("PROFILE", Profile.DEV))
    profile = PROFILES[Profile(chosen)] if chosen in list(Profile) else PROFILES[Profile.DEV]
    raw: dict[str, str] = {}
    own: dict[str, str] = {}
    kept: dict[str, str] = {}
    sources = dict.fromkeys(_FIELDS, "default")
    spelled: dict[str, str] = {}
    for source, found in (("profile", profile), (".env", from_file), ("environment", from_environ)):
        for key, given in found.items():
            name = legacy.SAME_AS.get(key, key)
            if name != key and (found.get(name) or not given):
                continue  # the setting's own name stands beside the older one, or nothing is said
            text = largest_markets.expanded(name, given)
            if name in _FIELDS:
                raw[name], sources[name] = text, source
                spelled.pop(name, None)
                if name != key:
                    spelled[name] = key
            elif key.startswith(STRATEGY_PREFIX):
                own[key], sources[key] = text, source
            elif (accepted := legacy.kept(key, _SECRET_KEYS)) is not None:
                problems += filter(None, [legacy.contradicts(key, text)])
                kept |= {key: accepted.sentence} if text else {}
            elif key not in _FOREIGN_KEYS:
                problems.append(f"{key} in {env_file.name} is not a setting{_nearest(key)}")
    if sources["ORDER_MIN_USD"] in _BY_HAND and sources["LOW_FUNDS"] not in _BY_HAND:
        raw["LOW_FUNDS"], sources["LOW_FUNDS"] = "retry", sources["ORDER_MIN_USD"]
    if spelled.get("MA_SLOW") == "SMA_WINDOW" and sources["MA_FAST"] not in _BY_HAND:
        raw["MA_FAST"], sources["MA_FAST"] = "1", sources["MA_SLOW"]  # one window: the close against its average
    _choose_strategies(raw, sources, problems)
    caps = _product_caps(raw, problems)
    values = {name: _convert(name, text, problems) for name, text in raw.items()}
    if not problems:
        chosen_values: dict[str, Any] = {name.lower(): value for name, value in values.items()}
        by_hand = frozenset(name for name, source in sources.items() if source not in ("default", "profile"))
        settings = Settings(**chosen_values, strategy_options=own, by_hand=by_hand, product_caps=caps)
        problems.extend(contradictions(settings))
    if problems:
        raise SettingsError([legacy.spelled_as(problem, spelled) for problem in problems])
    return Loaded(settings, sources, kept, env_file)


def secret_in_file(env_file: Path, key: str) -> str:
    """The secret `key` as the file has it now; empty = not there. Raises OSError, ValueError (others may read it)."""
    problems: list[str] = []
    found = _read_env_file(env_file, problems)
    if problems:
        raise ValueError("; ".join(problems))
    return found.get(key, "").replace("\\n", "\n")


def _choose_strategies(raw: dict[str, str], sources: dict[str, str], problems: list[str]) -> None:
    """STRATEGIES as names in `raw`, STRATEGY=combined beside several; of the two keys the stronger source's counts."""
    several = strategy_names.parse_names(raw.get("STRATEGIES", ""))
    stronger = _RANKS.index(sources["STRATEGY"]) - _RANKS.index(sources["STRATEGIES"])
    if not several or stronger > 0:
        raw["STRATEGIES"], sources["STRATEGIES"] = "", "default"
        return
    meant = several[0] if len(several) == 1 else strategy_names.COMBINED
    if stronger == 0 and raw["STRATEGY"] != meant:
        problems.append(f"STRATEGY={raw['STRATEGY']} and STRATEGIES={raw['STRATEGIES']}: set one of the two")
    raw["STRATEGY"], sources["STRATEGY"] = meant, sources["STRATEGIES"]
    raw["STRATEGIES"] = ",".join(several) if len(several) > 1 else ""


def _product_caps(raw: dict[str, str], problems: list[str]) -> dict[str, float]:
    """The caps of MAX_PRODUCT_USD that name a coin; the figure without one stays in `raw`."""
    text = raw.get("MAX_PRODUCT_USD", "")
    if ":" not in text:
        return {}
    try:
        figure, caps = parse_product_caps(text)
    except ValueError:
        problems.append(f"MAX_PRODUCT_USD={text}: written like 2000, or BTC:5000,ETH:2000, or 1000,BTC:5000")
        raw["MAX_PRODUCT_USD"] = "0"
        return {}
    raw["MAX_PRODUCT_USD"] = figure
    return caps


def _read_environment(environ: Mapping[str, str], file_name: str, problems: list[str]) -> dict[str, str]:
    """Our names of the environment; secrets there are a problem."""
    names = [name for name in (*_FIELDS, *legacy.SAME_AS, *legacy.RETIRED) if name not in legacy.FILE_ONLY]
    # Empty means "not set": PM2 can't take a variable away from a process, only empty it.
    found = {k: environ[k] for k in names if environ.get(k)}
    found |= {k: v for k, v in environ.items() if k.startswith(STRATEGY_PREFIX) and v}
    for key in sorted(filter(is_secret, found)):
        del found[key]
        problems.append(
            f"{key} belongs in {file_name} (mode 0600), not in the environment, which every process list shows"
        )
    return found


def _read_env_file(path: Path, problems: list[str]) -> dict[str, str]:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    found = {k: v or "" for k, v in dotenv_values(path, interpolate=False).items()}
    if any(map(is_secret, found)) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        problems.append(f"{path.name} holds secrets and others may read it: chmod 600 {path.name}")
    return found


def _nearest(key: str) -> str:
    near = difflib.get_close_matches(key.upper(), [*_FIELDS, *legacy.names()], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _convert(key: str, text: str, problems: list[str]) -> object:
    """`text` as the key's type and in its range, else a problem is noted and None returned."""
    rule: Rule = _FIELDS[key].metadata["rule"]
    kind = _TYPES[key.lower()]
    if kind is Secret:
        return Secret(text.replace("\\n", "\n"))
    if kind is Path:
        return Path(text).expanduser()
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return read_value(key, text, kind, rule, problems)


def as_text(value: object) -> str:
    """A value as it is shown: lists with commas, secrets not at all."""
    if isinstance(value, Secret):
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def paths_anyway(env_file: Path | None = None, environ: Mapping[str, str] | None = None) -> DataPaths:
    """The data folder's paths where the settings do not hold: what looks and kills must work then, too."""
    env_file = ROOT / ".env" if env_file is None else env_file
    environ = os.environ if environ is None else environ
    text = environ.get("DATA_DIR") or dotenv_values(env_file).get("DATA_DIR") or DEFAULT_FOLDER
    folder = Path(text).expanduser()
    return DataPaths(folder if folder.is_absolute() else ROOT / folder)


def public_values(settings: Settings) -> dict[str, str]:
    """Every key with its effective value as text, secrets masked: for the Settings page and the config hash."""
    out = {}
    for key in _FIELDS:
        value = getattr(settings, key.lower())
        if is_secret(key):
            out[key] = "set" if value else ""
        else:
            out[key] = as_text(value)
    if settings.product_caps:
        named = [f"{base}:{exactly(cap)}" for base, cap in settings.product_caps.items()]
        figure = [exactly(settings.max_product_usd)] if settings.max_product_usd else []
        out["MAX_PRODUCT_USD"] = ",".join([*figure, *named])
    return out | dict(sorted(settings.strategy_options.items()))


def config_hash(settings: Settings) -> str:
    """A mark of all public values: the bot publishes it, so that a reader knows which settings it runs with."""
    values = orjson.dumps(public_values(settings), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(values).hexdigest()[:16]


assert all(f.default is not MISSING for f in _FIELDS.values())
