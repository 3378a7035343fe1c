"""What one check found."""

from dataclasses import dataclass

from cli.ui import BAD, DOT, GOOD, WARN


@dataclass(frozen=True, slots=True)
class Check:
    """One row: what was looked at, what was found, and what helps where it isn't good."""

    mark: str
    name: str
    found: str
    way_out: str = ""


def good(name: str, found: str) -> Check:
    return Check(GOOD, name, found)


def warn(name: str, found: str, way_out: str) -> Check:
    """It works, but something will go wrong or surprise."""
    return Check(WARN, name, found, way_out)


def bad(name: str, found: str, way_out: str) -> Check:
    """It doesn't work until this is mended."""
    return Check(BAD, name, found, way_out)


def note(name: str, found: str) -> Check:
    """Neither good nor bad: a fact."""
    return Check(DOT, name, found)
