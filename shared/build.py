"""Which build this is: shown everywhere, so that a dashboard of another build is noticed."""

from pathlib import Path

from shared.paths import ROOT

VERSION = "0.1.0"


def build_id(root: Path = ROOT) -> str:
    """`0.1.0+<first 8 of the commit>`, or the version alone where there is no repository. Starts no process."""
    commit = _commit(root / ".git")
    return f"{VERSION}+{commit[:8]}" if commit else VERSION


def _commit(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = git / name
        if loose.exists():
            return loose.read_text().strip()
        for line in (git / "packed-refs").read_text().splitlines():
            if line.endswith(" " + name):
                return line.split()[0]
    except OSError:
        return None
    return None
