"""`./coin audit-packages`: the locked packages against public advisories. Three answers: clean, found, could not check.

Python's locks go through pip-audit (advisories of osv.dev), npm's through npm's own audit. What a tool could not ask
counts as not checked, never as clean: no network is said as such, and has an exit code of its own.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import ui
from cli.dev import environment, npm
from shared.exits import Exit
from shared.paths import ROOT

LIMIT_S = 300
ASK_S = 15  # for one answer of a server
# npm tries again for a minute otherwise.
NPM_OPTIONS = ("--json", "--package-lock-only", "--fetch-retries=0", f"--fetch-timeout={ASK_S * 1000}")
_AWAY = re.compile(
    r"NameResolution|ConnectionError|ConnectTimeout|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH"
)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Advisory:
    """One known hole in one locked package."""

    package: str
    version: str
    name: str  # CVE-…, GHSA-…, PYSEC-…
    about: str  # what mends it, or how bad it is


@dataclass(frozen=True, slots=True)
class Checked:
    """One lock, or several that were asked about at once. `error`: why (part of) it could not be checked."""

    locks: tuple[str, ...]
    packages: int
    advisories: tuple[Advisory, ...] = ()
    error: str | None = None


def audit_packages() -> Exit:
    """The project's own locks."""
    return audit(ROOT)


def audit(root: Path) -> Exit:
    """Every lock of the project. DONE: all were checked and are clean; FAILED: something is known; UNCHECKED else."""
    checked = [_python(root), *(_npm(path, root) for path in npm_locks(root))]
    for one in checked:
        _say(one)
    found = sum(len(one.advisories) for one in checked)
    unknown = [lock for one in checked if one.error is not None for lock in one.locks]
    if found:
        more = f"; not checked: {', '.join(unknown)}" if unknown else ""
        ui.line(ui.BAD, f"{found} advisor{'y' if found == 1 else 'ies'} found{more}")
        return Exit.FAILED
    if unknown:
        ui.line(ui.WARN, f"Could not be checked: {', '.join(unknown)}. This says nothing about whether they are clean.")
        return Exit.UNCHECKED
    ui.line(ui.GOOD, f"No vulnerability is known for the {sum(one.packages for one in checked)} locked packages.")
    return Exit.DONE


def python_locks(root: Path) -> list[Path]:
    """requirements*.txt."""
    return sorted(root.glob("requirements*.txt"))


def npm_locks(root: Path) -> list[Path]:
    """package-lock.json of the project, and of the tools that have packages of their own."""
    return [path for path in (root / "package-lock.json", root / "bench/lighthouse/package-lock.json") if path.exists()]


def _say(one: Checked) -> None:
    names = ", ".join(one.locks)
    if one.error is not None:
        ui.line(ui.WARN, f"{names}: could not be checked: {one.error}")
    elif not one.advisories:
        ui.line(ui.GOOD, f"{names}: {one.packages} packages, no advisory")
    for advisory in one.advisories:
        ui.line(ui.BAD, f"{advisory.package} {advisory.version}: {advisory.name} ({advisory.about})")


def _python(root: Path) -> Checked:
    locks = python_locks(root)
    pinned = {match.groups() for lock in locks for match in _PINNED.finditer(lock.read_text())}
    names = tuple(lock.name for lock in locks)
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    command += ["--vulnerability-service", "osv", "--timeout", str(ASK_S), "--format", "json", "--desc", "off"]
    for lock in locks:
        command += ["--requirement", str(lock)]
    told, error = _answer(command, root)
    rows = told.get("dependencies")
    if not isinstance(rows, list):
        return Checked(names, len(pinned), error=_plainly(error or "pip-audit gave no answer"))
    skipped = [f"{row['name']} ({row['skip_reason']})" for row in rows if "skip_reason" in row]
    return Checked(
        names, len(pinned), tuple(_of_pip(rows)), f"left out: {', '.join(skipped)}" if skipped else None
    )  # fmt: skip


def _of_pip(rows: Sequence[Mapping[str, Any]]) -> Iterator[Advisory]:
    for row in rows:
        for hole in row.get("vulns", ()):
            fixed = ", ".join(hole.get("fix_versions") or ())
            names = ", ".join([hole["id"], *(hole.get("aliases") or ())])
            yield Advisory(row["name"], row["version"], names, f"fixed in {fixed}" if fixed else "no fixed version")


def _npm(lock: Path, root: Path) -> Checked:
    packages = json.loads(lock.read_bytes())["packages"]
    name = str(lock.relative_to(root))
    told, error = _answer([*npm(), "audit", *NPM_OPTIONS], lock.parent)
    holes = told.get("vulnerabilities")
    if "auditReportVersion" not in told or not isinstance(holes, dict):
        said = told.get("error")
        summary = said.get("summary") if isinstance(said, dict) else None
        why = _plainly(str(told.get("message") or summary or error or "npm gave no answer"))
        return Checked((name,), len(packages) - 1, error=why)
    return Checked((name,), len(packages) - 1, tuple(_of_npm(holes, packages)))


def _of_npm(holes: Mapping[str, Mapping[str, Any]], packages: Mapping[str, Mapping[str, Any]]) -> Iterator[Advisory]:
    """A package is named for its own holes; one that only depends on such a package is not named for them again."""
    for package, row in sorted(holes.items()):
        versions = {str(packages[node]["version"]) for node in row.get("nodes", ()) if node in packages}
        for hole in row.get("via", ()):
            if isinstance(hole, dict):
                name = str(hole.get("url") or hole.get("source") or "").rsplit("/", 1)[-1]
                about = (
                    f"{hole.get('severity', 'not rated')}: {hole.get('title', 'no title')}; hit: {hole.get('range')}"
                )
                yield Advisory(package, ", ".join(sorted(versions)) or "?", name, about)


def _plainly(why: str) -> str:
    """What kept a tool from asking, for a person."""
    line = why.splitlines()[0][:200]
    return f"the vulnerability database can't be reached: no network? ({line})" if _AWAY.search(why) else line


def _answer(command: Sequence[str], folder: Path) -> tuple[dict[str, Any], str | None]:
    """(the JSON object that the tool prints, the last line of what it complained about)."""
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": environment()["PATH"]}, capture_output=True, text=True,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {}, f"no answer in {LIMIT_S} s"
    except OSError as error:
        return {}, f"{command[0]}: {error.strerror}"
    complaint = [line for line in done.stderr.splitlines() if line.strip()]
    try:
        told = json.loads(done.stdout)
    except json.JSONDecodeError:
        told = None
    return told if isinstance(told, dict) else {}, complaint[-1].strip() if complaint else None
