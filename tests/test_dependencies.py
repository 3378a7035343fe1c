"""What the trading process stands on: every package in it could move money, so there are few and they are counted."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
# What shared/ reads only for the other processes, or where a setting asks for it.
NOT_THE_BOTS = {"fastapi", "uvicorn", "jinja2", "typer", "rich", "argon2-cffi", "prometheus-client"}
MOST = 30


def _imported(room: str) -> set[str]:
    found = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names)


def _closure(names: set[str]) -> set[str]:
    closed: set[str] = set()
    todo = list(names)
    while todo:
        name = canonicalize_name(todo.pop())
        if name in closed:
            continue
        closed.add(name)
        needs = [Requirement(text) for text in requires(name) or []]
        todo += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return closed


def _required() -> set[str]:
    lines = (ROOT / "requirements.in").read_text().splitlines()
    return {canonicalize_name(Requirement(text).name) for line in lines if (text := line.partition("#")[0].strip())}


def test_the_bot_stands_on_few_packages() -> None:
    by_module = packages_distributions()
    imported = {name for module in _imported("bot") | _imported("shared") for name in by_module.get(module, [])}
    direct = {canonicalize_name(name) for name in imported} & _required()
    closure = _closure(direct)
    assert {"coinbase-advanced-py", "sqlalchemy", "websockets"} <= direct  # the count is of something
    assert not closure & NOT_THE_BOTS
    assert len(closure) <= MOST, sorted(closure)


def test_every_package_of_the_lock_has_hashes_and_a_version() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        entries = lock.read_text().replace("\\\n", " ").splitlines()
        for entry in (entry for entry in entries if entry and not entry.startswith((" ", "#"))):
            name = entry.partition(" ")[0]
            assert "==" in name and "--hash=sha256:" in entry, f"{lock.name}: {name}"


def test_a_ledger_at_the_newest_schema_is_opened_without_the_library_of_migrations(tmp_path: Path) -> None:
    """SQLAlchemy and Alembic cost a process 25 MB: neither bot nor dashboard loads them."""
    program = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "import bot.app.main, dashboard.app; from bot.app.ledger import LedgerWriter\n"
        "from shared.ledger.open import open_writer\n"
        "LedgerWriter(open_writer(Path(sys.argv[1])), 'boot').restore(datetime.now(UTC))\n"
        "print(sorted({'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "ledger.db")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
