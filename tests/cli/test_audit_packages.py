"""The locked packages against advisories of a server on loopback, and against none that answers."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.audit_packages import audit, npm_locks, python_locks
from shared.exits import Exit
from shared.paths import ROOT

pytestmark = pytest.mark.needs("node")
HASH = "--hash=sha256:" + "0" * 64


class Advisories(ThreadingHTTPServer):
    """What osv.dev and npm's registry answer; `bad`: names of packages that something is known of."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bad: set[str] = set()
        self.asked: list[str] = []
        self.broken = ""


class Handler(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        raw = json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        if self.server.broken and self.server.broken in self.path:
            self._answer(503, {})
        elif self.path == "/v1/query":
            self._answer(200, self._osv(raw))
        elif self.path == "/-/npm/v1/security/advisories/bulk":
            self._answer(200, self._npm(raw))
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        name = self.path.strip("/")
        one = {"name": name, "version": "1.0.0", "dist": {"tarball": "http://127.0.0.1/x.tgz"}}
        self._answer(200, {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": one}})

    def _osv(self, raw: dict[str, Any]) -> dict[str, Any]:
        name = raw["package"]["name"]
        self.server.asked.append(name)
        if name not in self.server.bad:
            return {}
        events = [{"introduced": "0"}, {"fixed": "9.9"}]
        affected = [{"package": raw["package"], "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
        hole = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "summary": "it leaks", "affected": affected}
        return {"vulns": [{**hole, "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z"}]}

    def _npm(self, raw: dict[str, list[str]]) -> dict[str, Any]:
        self.server.asked += raw
        hole = {"id": 7, "url": "https://github.com/advisories/GHSA-7", "title": "it runs", "severity": "high"}
        hole |= {"vulnerable_versions": "<2.0.0", "cwe": [], "cvss": {"score": 8, "vectorString": None}}
        return {name: [hole] for name in raw if name in self.server.bad}

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Advisories]:
    made = Advisories()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{made.server_port}"
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"{url}/v1/query")
    monkeypatch.setenv("npm_config_registry", f"{url}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two locks of Python and one of npm."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "requirements.txt").write_text(f"sound==1.2 \\\n    {HASH}\nholed==1.0 \\\n    {HASH}\n")
    (root / "requirements-dev.txt").write_text(f"sound==1.2 \\\n    {HASH}\ntool==3.0 ; python_version >= '3' {HASH}\n")
    package = {"name": "p", "version": "0.1.0", "dependencies": {"holed-js": "1.0.0"}}
    (root / "package.json").write_text(json.dumps(package))
    lock = {"name": "p", "version": "0.1.0", "lockfileVersion": 3, "requires": True}
    packages = {"": package, "node_modules/holed-js": {"version": "1.0.0", "license": "MIT"}}
    (root / "package-lock.json").write_text(json.dumps({**lock, "packages": packages}))
    return root


def test_clean(server: Advisories, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(project) is Exit.DONE
    assert {"sound", "holed", "tool", "holed-js"} <= set(server.asked), "every lock is asked about"
    assert "No vulnerability is known for the 4 locked packages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("holed", "holed 1.0: PYSEC-1, CVE-2026-1 (fixed in 9.9)"),
        ("tool", "tool 3.0: PYSEC-1, CVE-2026-1 (fixed in 9.9)"),
        ("holed-js", "holed-js 1.0.0: GHSA-7 (high: it runs; hit: <2.0.0)"),
    ],
)
def test_an_advisory_is_named(
    server: Advisories, project: Path, capsys: pytest.CaptureFixture[str], bad: str, said: str
) -> None:
    server.bad = {bad}
    assert audit(project) is Exit.FAILED
    out = capsys.readouterr().out
    assert said in out and "1 advisory found" in out


@pytest.mark.parametrize(("broken", "lock"), [("/v1/query", "requirements.txt"), ("/-/npm", "package-lock.json")])
def test_what_is_not_answered_is_not_clean(
    server: Advisories, project: Path, capsys: pytest.CaptureFixture[str], broken: str, lock: str
) -> None:
    server.broken = broken
    assert audit(project) is Exit.UNCHECKED
    out = capsys.readouterr().out
    assert "Could not be checked" in out and lock in out.splitlines()[-1] and "No vulnerability" not in out
    server.bad = {"holed", "holed-js"}
    assert audit(project) is Exit.FAILED, "what is known weighs more than what is not"
    assert f"not checked: {'requirements-dev.txt, ' if 'query' in broken else ''}{lock}" in capsys.readouterr().out


def test_without_a_network(server: Advisories, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.shutdown()
    server.server_close()
    assert audit(project) is Exit.UNCHECKED
    out = capsys.readouterr().out
    assert out.count("can't be reached: no network?") == 2 and "This says nothing about whether they are clean" in out


def test_every_lock_of_the_project_is_among_them() -> None:
    found = {str(path.relative_to(ROOT)) for path in (*python_locks(ROOT), *npm_locks(ROOT))}
    skipped = {"node_modules", ".venv", "data"}
    locks = [p for name in ("requirements*.txt", "package-lock.json") for p in ROOT.glob(f"**/{name}")]
    there = {str(p.relative_to(ROOT)) for p in locks if not skipped & set(p.relative_to(ROOT).parts)}
    assert found == there
