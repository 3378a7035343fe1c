"""The other side of `research.sealed.session`: `python -m research.sealed.child [modules to import beforehand]`.

For each session it forks: the fork imports the strategy anew, is sealed, and answers. This process itself never holds a
bar: the fork alone reads them from the pipe, so that nothing of one session is left for the next.
"""

import importlib
import os
import pickle
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bot.strategies import registry
from bot.strategies.base import Bars
from bot.strategies.lookahead import frozen, named
from research.sealed import guard
from shared.models.states import LEARNED
from shared.paths import ROOT
from shared.settings import SettingsError

ENDED = 3  # the fork's exit code where there is no further session
_HEAD = struct.Struct("!Q")


def take(fd: int, count: int) -> bytes | None:
    """`count` bytes, no more; None where the other side is gone."""
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive(fd: int) -> Any:
    """The next message; None where the other side is gone."""
    head = take(fd, _HEAD.size)
    body = take(fd, _HEAD.unpack(head)[0]) if head is not None else None
    return None if body is None else pickle.loads(body)  # noqa: S301 - our own process; what runs there is the user's code


def send(fd: int, message: Any) -> None:
    body = pickle.dumps(message, protocol=5)
    view = memoryview(_HEAD.pack(len(body)) + body)
    while view:
        view = view[os.write(fd, view) :]


def as_message(bars: Bars) -> tuple[Any, ...]:
    """The bars of one product as `Bars` takes them, without its peers."""
    return (
        bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.price_increment,
        bars.granularity_s,
    )  # fmt: skip


def session(out: int) -> int:
    """One strategy, freshly imported, asked until the other side says that it is enough."""
    start = receive(0)
    if start is None:
        return ENDED
    settings, root = start["settings"], Path(start["root"])
    offences: list[str] = []
    locked = False
    before = set(sys.modules)
    strategy: Any = None
    ready: dict[str, Any] = {}
    # A trained model's files are part of the strategy: our own code reads them, before anything is shut.
    is_trained = LEARNED in settings.strategy_files
    if is_trained:
        strategy, ready = _made(settings, root)
    if start["sealed"]:
        code = [str(ROOT / part) for part in ("bot", "shared", "research")] + [str(root / "strategies")]
        locked = guard.landlock([*code, sys.prefix, sys.base_prefix, *guard.MACHINE])
        sys.addaudithook(guard.guard(code, start["closed"], offences))
    if not is_trained:
        strategy, ready = _made(settings, root)
    send(out, {**ready, "offences": offences, "locked": locked})
    while (asked := receive(0)) is not None and asked != "end":
        send(out, {**_answer(strategy, asked, root), "offences": offences, "modules": _others(before)})
    return 0


def _made(settings: Any, root: Path) -> tuple[Any, dict[str, Any]]:
    """(the strategy, what the other side is told of it); None where it could not be made."""
    try:
        strategy = registry.chosen(settings, root)
        return strategy, {name: getattr(strategy, name) for name in ("warmup_bars", "memory_bars", "needs_peers")}
    except Exception as error:
        said = str(error) if isinstance(error, SettingsError) else f"{type(error).__name__}: {error}"
        return None, {"error": said}


def _answer(strategy: Any, asked: dict[str, Any], root: Path) -> dict[str, Any]:
    peers = {name: Bars(*one) for name, one in asked["peers"].items()}
    bars = frozen(replace(Bars(*asked["bars"]), peers=peers))
    try:
        arrays = named(strategy.checked(bars))
    except Exception as error:
        return {"error": registry.failure(strategy, error, root)}
    last = asked["last"]
    return {"arrays": {name: np.array(array[-last:] if last else array) for name, array in arrays.items()}}


def _others(before: set[str]) -> list[str]:
    """Modules of installed packages that the strategy imported: the next process may have them ready."""
    found = []
    for name in sorted(set(sys.modules) - before):
        origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
        if origin and "site-packages" in origin and "." not in name:
            found.append(name)
    return found


def main() -> None:
    sys.dont_write_bytecode = True
    out = os.dup(1)
    os.dup2(2, 1)  # what a strategy prints is no answer
    for name in sys.argv[1:]:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    while True:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = session(out)
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        # A fork that died answers nothing more: ending closes the pipe, which the other side hears.
        if os.waitstatus_to_exitcode(status) != 0:
            return


if __name__ == "__main__":
    main()
