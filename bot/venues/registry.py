"""The venues by name. One is loaded when it is asked for, so that the libraries of the others cost nothing.

To add one: its folder under `bot/venues/`, with a `VENUE` in its module `venue`, and its line here.
"""

from importlib import import_module

from bot.venues.port import Venue

DEFAULT = "coinbase"
MODULES = {
    "coinbase": "bot.venues.coinbase.venue",
}


class UnknownVenue(Exception):
    """There is no adapter of that name."""


def load(name: str = DEFAULT) -> Venue:
    """The venue. Raises UnknownVenue."""
    if name not in MODULES:
        raise UnknownVenue(f"no venue {name}: there are {', '.join(sorted(MODULES))}")
    venue: Venue = import_module(MODULES[name]).VENUE
    return venue
