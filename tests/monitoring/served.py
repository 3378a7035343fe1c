"""Two small servers on loopback: a page with a host's figures, and a sink that takes what Alertmanager tells."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class HostPage:
    """What node-exporter would say of a host whose fields are set by the test; the machine itself is left alone."""

    def __init__(self) -> None:
        self.idle_share, self.memory_free_pct, self.disk_free_pct, self.oom_kills = 0.8, 60.0, 50.0, 0
        self._idle_s, self._read_s = 0.0, time.monotonic()
        page = self

        class Handler(_Quiet):
            def do_GET(self) -> None:
                body = page._text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

        self._server = _serve(Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def _text(self) -> str:
        now_s = time.monotonic()
        self._idle_s += (now_s - self._read_s) * self.idle_share
        self._read_s = now_s
        disk = 'device="/dev/a",fstype="ext4",mountpoint="/"'
        return "\n".join(
            (
                "# TYPE node_cpu_seconds_total counter",
                f'node_cpu_seconds_total{{cpu="0",mode="idle"}} {self._idle_s}',
                f"node_memory_MemAvailable_bytes {self.memory_free_pct}",
                "node_memory_MemTotal_bytes 100",
                f"node_filesystem_avail_bytes{{{disk}}} {self.disk_free_pct}",
                f"node_filesystem_size_bytes{{{disk}}} 100",
                f"node_filesystem_readonly{{{disk}}} 0",
                "# TYPE node_vmstat_oom_kill untyped",
                f"node_vmstat_oom_kill {self.oom_kills}\n",
            )
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class AlertSink:
    """Takes Alertmanager's webhook; with `refuses` it says no. `told`: (alert, firing or resolved), in order;
    `labels`: of each alert that it was told of."""

    def __init__(self) -> None:
        self.refuses = False
        self.told: list[tuple[str, str]] = []
        self.labels: list[dict[str, str]] = []
        sink = self

        class Handler(_Quiet):
            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in () if sink.refuses else document["alerts"]:
                    sink.told.append((alert["labels"]["alertname"], alert["status"]))
                    sink.labels.append(alert["labels"])
                self.send_response(400 if sink.refuses else 200)
                self.end_headers()

        self._server = _serve(Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def wait_resolved(self, limit_s: float) -> None:
        """Until all that was told as firing was told as resolved."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if not {name for name, word in self.told if word == "firing" and (name, "resolved") not in self.told}:
                return
            time.sleep(0.1)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
