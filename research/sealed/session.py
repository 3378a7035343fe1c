"""Ask a strategy for signals in a process that was handed these bars and nothing else."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bot.strategies.base import Bars
from research.errors import ResearchError
from research.sealed.child import as_message, receive, send
from shared.paths import ROOT
from shared.settings import Settings


@dataclass(slots=True)
class Answers:
    """What a session said: `warmup_bars`, `memory_bars` of the strategy, whether it `needs_peers`; `offences`: what it
    tried beside its bars."""

    warmup_bars: int
    memory_bars: int
    needs_peers: bool
    locked: bool  # the system itself keeps files shut
    process: "SandboxProcess"
    offences: list[str]
    modules: list[str] = field(default_factory=list)

    def signals(self, bars: Bars, last: int = 0) -> dict[str, Any]:
        """Signal, strength and values of `bars`, of the `last` ones alone where that is asked. Raises ResearchError."""
        peers = {name: as_message(one) for name, one in bars.peers.items()}
        said = self.process.ask({"bars": as_message(bars), "peers": peers, "last": last})
        self.offences, self.modules = said["offences"], said["modules"]
        if "error" in said:
            raise ResearchError(said["error"])
        arrays: dict[str, Any] = said["arrays"]
        return arrays


class SandboxProcess:
    """One process for any number of sessions. `modules` are imported beforehand, to save each session the time."""

    def __init__(self, settings: Settings, root: Path = ROOT, modules: Sequence[str] = ()) -> None:
        self._settings, self._root = settings, root
        self._folder = tempfile.TemporaryDirectory(prefix="coin-sealed-")
        environ = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "TZ") if key in os.environ}
        environ |= {"PYTHONPATH": str(ROOT), "HOME": self._folder.name, "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}  # fmt: skip
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
            [sys.executable, "-m", "research.sealed.child", *modules], cwd=self._folder.name, env=environ,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "SandboxProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        if kind is not None:
            self._child.kill()
        self._child.wait()
        self._folder.cleanup()

    def ask(self, message: Any) -> Any:
        """Send, and wait for the answer. Raises ResearchError where the process is gone."""
        self.tell(message)
        assert self._child.stdout is not None
        said = receive(self._child.stdout.fileno())
        if said is None:
            raise ResearchError("the strategy ended its process instead of answering")
        return said

    def tell(self, message: Any) -> None:
        assert self._child.stdin is not None
        try:
            send(self._child.stdin.fileno(), message)
        except BrokenPipeError as error:
            raise ResearchError("the strategy ended its process instead of answering") from error

    @contextmanager
    def session(self, *, sealed: bool) -> Iterator[Answers]:
        """The strategy, imported anew. Not `sealed`: it may open what it likes, as in a backtest."""
        ready = self.ask(
            {"settings": self._settings, "root": str(self._root), "sealed": sealed,
             "closed": [str(self._settings.paths.root)]}
        )  # fmt: skip
        if "error" in ready and not ready["offences"]:
            self.tell("end")
            raise ResearchError(ready["error"])
        if "error" in ready:
            self.tell("end")
            raise Offended(ready["offences"])
        yield Answers(
            ready["warmup_bars"], ready["memory_bars"], ready["needs_peers"], ready["locked"], self, ready["offences"]
        )
        self.tell("end")


class Offended(ResearchError):
    """The strategy can't even be made without what it tried to open."""

    def __init__(self, offences: Sequence[str]) -> None:
        super().__init__(f"it {offences[0]}")
        self.offences = list(offences)
