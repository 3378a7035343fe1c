"""The settings that the running strategy reads, for the Strategy page: its own options first, then general ones."""

from collections.abc import Mapping
from dataclasses import fields

from bot.strategies import options
from bot.strategies.base import Strategy
from shared.documents.strategy import StrategySettingDoc
from shared.settings import Settings, keys


def described(
    name: str, strategy: Strategy, settings: Settings, origins: Mapping[str, str]
) -> list[StrategySettingDoc]:
    """`origins`: key to source, as `shared.settings.load` tells it; a key that it leaves out has its default."""
    owners = [(one.name or name, one) for one in strategy.everyone]
    own = [row for owner, one in owners for row in _own(owner, one, origins)]
    return [*own, *_general(strategy, settings, origins)]


def _own(name: str, strategy: Strategy, origins: Mapping[str, str]) -> list[StrategySettingDoc]:
    prefix = options.prefix(name)
    return [
        StrategySettingDoc(
            key=prefix + option.name.upper(),
            value=spelled(getattr(strategy.options, option.name)),
            default=spelled(option.default),
            origin=origins.get(prefix + option.name.upper(), "default"),
            help=option.metadata["rule"].help if "rule" in option.metadata else "",
            own=True,
        )
        for option in fields(strategy.options_type)
    ]


def _general(strategy: Strategy, settings: Settings, origins: Mapping[str, str]) -> list[StrategySettingDoc]:
    used = {name.upper() for name in strategy.settings_used}
    return [
        StrategySettingDoc(
            key=key,
            value=spelled(getattr(settings, key.lower())),
            default=spelled(default),
            origin=origins.get(key, "default"),
            help=text,
            own=False,
        )
        for key, text, default in keys()
        if key in used
    ]


def spelled(value: object) -> str:
    """A setting as a person writes it in .env."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
