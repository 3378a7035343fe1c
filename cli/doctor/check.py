"""What one check found."""

from dataclasses import dataclass

from cli.ui import BAD, DOT, GOOD, WARN


@dataclass(frozen=True, slots=True)
class DiagnosticRow:
    """One row: what was looked at, what was found, and what helps where it isn't good."""

    mark: str
    name: str
    found: str
    way_out: str = ""


def good(name: str, found: str) -> DiagnosticRow:
    return DiagnosticRow(GOOD, name, found)


def warn(name: str, found: str, way_out: str) -> DiagnosticRow:
    """It works, but something will go wrong or surprise."""
    return DiagnosticRow(WARN, name, found, way_out)


def bad(name: str, found: str, way_out: str) -> DiagnosticRow:
    """It doesn't work until this is mended."""
    return DiagnosticRow(BAD, name, found, way_out)


def note(name: str, found: str) -> DiagnosticRow:
    """Neither good nor bad: a fact."""
    return DiagnosticRow(DOT, name, found)
