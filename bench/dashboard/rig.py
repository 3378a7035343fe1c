"""What the measurements of COIN stand on: a dashboard process of their own, a writer of its file, connections to it."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from dashboard.links import create_token
from shared.files import write_whole
from shared.paths import ROOT, DataPaths

WRITE_S = 0.5


class MeasuredDashboard:
    """One dashboard process, and connections to it."""

    def __init__(self, folder: Path, document: bytes) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.document = json.loads(document)
        self.seq = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.tokens = [create_token(self.paths, "operator") for _ in range(6)]
        env = {**os.environ, "DATA_DIR": str(folder), "DASHBOARD_PORT": str(self.port), "PM2_HOME": str(folder / "pm2")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dashboard"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def write(self) -> float:
        """One state write; returns when it was done."""
        self.seq += 1
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        self.document.update(seq=self.seq, ts=stamp, ts_ms=int(now * 1000), pid=os.getpid(), started_at=stamp)
        write_whole(self.paths.state, json.dumps(self.document).encode(), durable=False)
        return time.perf_counter()

    async def open(self, path: str, token: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        self.ask(writer, path, token)
        return reader, writer

    def ask(self, writer: asyncio.StreamWriter, path: str, token: int = 0) -> None:
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.tokens[token]}\r\n\r\n"
        )
        writer.write(head.encode())

    async def ready(self) -> None:
        for _ in range(200):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            del reader
            return
        raise SystemExit("the dashboard did not start")

    def rss_mb(self) -> float:
        statm = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(statm[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def answer(reader: asyncio.StreamReader) -> tuple[float, int]:
    """(when the first byte came, length of the body) of one answer with a length."""
    first = await reader.readexactly(1)
    at = time.perf_counter()
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].split()[0])
    await reader.readexactly(length)
    return at, length


async def drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def keep_writing(bench: MeasuredDashboard) -> None:
    while True:
        bench.write()
        await asyncio.sleep(WRITE_S)


def sample() -> bytes:
    """A state document of a bot that trades three products."""
    return (Path(__file__).with_name("state.json")).read_bytes()
