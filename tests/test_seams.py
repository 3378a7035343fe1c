"""Nothing in `bot/` asks the machine for time, randomness, files, sockets or threads but through a seam.

A deterministic run replaces the seams; one raw call elsewhere and the same seed gives two histories. The check
reads the sources, so a call that no test happens to reach is found as well.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BOT = ROOT / "bot"

# The modules that are the seam, each with what it may do and why.
SEAMS: dict[str, frozenset[str]] = {
    "bot/venues/net.py": frozenset({"thread"}),  # the network seam: pools for the SDK's blocking calls
    "bot/venues/coinbase/keys.py": frozenset({"file"}),  # the key file, read once at the start
    "bot/app/offload.py": frozenset({"thread"}),  # the file thread
    "bot/app/instance_lock.py": frozenset({"file"}),  # flock needs a handle of its own
    "bot/app/metrics.py": frozenset({"file"}),  # /proc/self/statm
    "bot/app/main.py": frozenset({"file"}),  # PM2's channel
    "bot/app/watchdog.py": frozenset({"time", "file"}),  # the machine's own timers, and what a hung run wrote
    "bot/app/process.py": frozenset({"file"}),  # the process itself: signals, positions.json kept aside
    "bot/strategies/scaffold.py": frozenset({"file"}),  # a tool: writes the template of a new strategy
    "bot/strategies/lookahead.py": frozenset({"random"}),  # a tool: made-up bars from a seed
}

TIME = {"time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep",
        "time.localtime", "time.gmtime", "time.strftime"}  # fmt: skip
NOW = {"now", "utcnow", "today"}
RANDOM = {"uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getrandom"}
FILES = {"open", "io.open", "os.open", "os.replace", "os.rename", "os.remove", "os.unlink", "os.mkdir", "os.makedirs",
         "os.read", "os.write", "os.rmdir", "tempfile.mkstemp",
         "tempfile.NamedTemporaryFile", "tempfile.mkdtemp"}  # fmt: skip
FILE_METHODS = {"write_bytes", "write_text", "read_bytes", "read_text", "touch", "unlink", "rename", "mkdir",
                "rmdir", "symlink_to", "hardlink_to", "chmod", "open"}  # fmt: skip
FILE_MODULES = {"tempfile", "shutil"}
NETWORK = {"socket", "socketserver", "http", "urllib", "select", "selectors"}
THREADS = {"threading", "concurrent", "multiprocessing", "subprocess", "_thread"}
# `threading.local` keeps one SDK client for each thread of the pool, `get_ident` names the thread one is in: no start.
NO_THREAD = {("bot/venues/coinbase/rest.py", "threading"), ("bot/app/strategy_worker.py", "threading")}
# The seam objects have methods of the same names: `fs.read_bytes(...)` is the seam itself.
SEAM_OBJECTS = {"fs", "_fs"}


def violations(source: str, where: str) -> list[str]:
    """Every raw call in `source`, as `file:line what`."""
    allowed = SEAMS.get(where, frozenset())
    return [f"{where}:{line} {what}" for line, kind, what in _raw(ast.parse(source), where) if kind not in allowed]


def _raw(tree: ast.AST, where: str) -> Iterator[tuple[int, str, str]]:
    names = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                top = module.split(".")[0]
                if (where, top) in NO_THREAD:
                    continue
                if top in ("random", "secrets"):
                    yield node.lineno, "random", f"import {module}"
                if top in NETWORK:
                    yield node.lineno, "network", f"import {module}"
                if top in THREADS:
                    yield node.lineno, "thread", f"import {module}"
                if top in FILE_MODULES:
                    yield node.lineno, "file", f"import {module}"
        # A name, not only a call: `default_factory=uuid.uuid4` draws as well.
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            full = _full(node, names)
            if full in TIME:
                yield node.lineno, "time", full
            elif full in RANDOM or full.startswith(("random.", "secrets.", "numpy.random.")):
                yield node.lineno, "random", full
            elif full in FILES:
                yield node.lineno, "file", full
            elif full == "asyncio.sleep":
                yield node.lineno, "sleep", full
            elif full.startswith(("datetime.", "date.")) and full.rsplit(".", 1)[-1] in NOW:
                yield node.lineno, "time", full
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILE_METHODS:
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if name not in SEAM_OBJECTS and name not in ("os", "io"):
                yield node.lineno, "file", f".{node.func.attr}()"


def _imports(tree: ast.AST) -> dict[str, str]:
    """Local name → what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _full(node: ast.expr, names: dict[str, str]) -> str:
    """The dotted name that an expression stands for, imports followed; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def sources() -> list[Path]:
    return sorted(path for path in BOT.rglob("*.py") if "__pycache__" not in path.parts)


def test_the_bot_calls_the_machine_only_in_its_seams() -> None:
    assert len(sources()) > 50, "the check reads the bot's sources"
    found = [v for path in sources() for v in violations(path.read_text(), path.relative_to(ROOT).as_posix())]
    assert not found, "\n".join(found)


def test_every_seam_is_used_as_one() -> None:
    """The list of seams does not outlive its reasons."""
    for where in SEAMS:
        kinds = {kind for _, kind, _ in _raw(ast.parse((ROOT / where).read_text()), where)}
        assert kinds, f"{where} needs no exception any more"


PLANTED = [
    "import time\nx = time.time()",
    "from time import monotonic\nx = monotonic()",
    "import time as t\nx = t.monotonic()",
    "from datetime import datetime\nx = datetime.now()",
    "import datetime as d\nx = d.datetime.utcnow()",
    "from datetime import date\nx = date.today()",
    "import random",
    "from random import uniform\nx = uniform(0, 1)",
    "import secrets",
    "from uuid import uuid4\nx = uuid4()",
    "import uuid\nx = uuid.uuid1()",
    "import uuid\nfrom dataclasses import field\nx = field(default_factory=uuid.uuid4)",
    "import os\nx = os.urandom(8)",
    "import numpy as np\nx = np.random.rand()",
    "x = open('a').read()",
    "import os\nos.open('a', 0)",
    "import os\nos.replace('a', 'b')",
    "from os import replace\nreplace('a', 'b')",
    "from pathlib import Path\nPath('a').write_text('b')",
    "from pathlib import Path\nPath('a').unlink()",
    "import tempfile",
    "import socket",
    "from urllib.request import urlopen",
    "import threading",
    "from concurrent.futures import ThreadPoolExecutor",
    "import subprocess",
    "import asyncio\n\nasync def f():\n    await asyncio.sleep(1)",
    "from asyncio import sleep\n\nasync def f():\n    await sleep(1)",
]


@pytest.mark.parametrize("source", PLANTED)
def test_a_planted_call_is_found(source: str) -> None:
    assert violations(source, "bot/app/planted.py")


@pytest.mark.parametrize(
    "source",
    [
        "async def f(clock):\n    await clock.sleep(1)\n    return clock.utc()",
        "def f(fs, path):\n    return fs.read_bytes(path)",
        "from datetime import datetime\nx: datetime",
        "from uuid import UUID\nx: UUID",
    ],
)
def test_the_seams_themselves_are_no_violation(source: str) -> None:
    assert not violations(source, "bot/app/planted.py")


# What the core may import: itself, the contract, and standard modules that neither wait nor touch anything.
PURE = {"__future__", "abc", "bisect", "collections", "dataclasses", "decimal", "enum", "functools", "hashlib",
        "itertools", "math", "operator", "typing", "datetime", "statistics", "types", "heapq"}  # fmt: skip
# shared.files and shared.ports are the machine; the ledger is the shell's.
IMPURE_SHARED = {"shared.files", "shared.ports", "shared.ledger", "shared.market_data", "shared.pm2", "shared.build"}


def impure_imports(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [f"{'.' * node.level}{node.module or ''}"]
            if node.module == "shared":
                modules = [f"shared.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            ours = module.split(".")[:2] in (["bot", "domain"], ["bot", "engine"], ["bot", "rules"])
            contract = module.startswith("shared.") and not any(
                module == bad or module.startswith(bad + ".") for bad in IMPURE_SHARED
            )
            if not (ours or contract or module.split(".")[0] in PURE):
                found.append(module)
    return found


def test_the_engine_imports_nothing_but_itself_the_contract_and_pure_modules() -> None:
    assert set(sys.stdlib_module_names) >= PURE
    found = {
        path.relative_to(ROOT).as_posix(): bad
        for path in sources()
        if path.relative_to(BOT).parts[0] in ("domain", "engine", "rules") and (bad := impure_imports(path.read_text()))
    }
    assert not found, found


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import asyncio",
        "from bot.app import application",
        "from bot.venues.coinbase import rest",
        "import numpy",
        "import logging",
        "from shared import files",
        "from shared.ports import Clock",
        "from shared.ledger import schema",
        "import sqlalchemy",
        "from . import x",
    ],
)  # fmt: skip
def test_a_planted_import_in_the_core_is_found(source: str) -> None:
    assert impure_imports(source)
