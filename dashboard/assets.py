"""The files a browser may load: a fixed list, by hashed names, compressed once and cached for good.

Nothing is looked up by a name that a request brings: a path that is not in the table does not exist.
"""

import functools
import gzip
import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from shared.paths import ROOT

log = logging.getLogger(__name__)
PREFIX = "/assets/"
STATIC = Path(__file__).with_name("static")
_MODULES = ROOT / "node_modules"
_KEEP_BYTES = 400_000  # larger ones are read again for each request; the API explorer is seldom opened
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_OWN = (
    "coin.css",
    "pages.css",
    "lab.css",
    "chart.css",
    "settings.css",
    "coin.js",
    "palette.js",
    "tour.js",
    "lab.js",
    "settings.js",
    "charts.js",
    "bars.js",
    "layers.js",
    "candles.js",
    "workbench.js",
    "draw.js",
    "move.js",
    "tables.js",
    "passkeys.js",
    "push.js",
    "docs.js",
    *(f"icon-{name}.svg" for name in ("ok", "now", "warn", "bad", "off")),
)
_FROM_NPM = {
    "inter.woff2": ("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",),
    # As one: htmx starts in the first pause after its own script, and would not see an extension that comes later.
    "htmx.js": ("htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"),
    "lightweight-charts.js": ("lightweight-charts/dist/lightweight-charts.standalone.production.js",),
    "swagger-ui.css": ("swagger-ui-dist/swagger-ui.css",),
    "swagger-ui.js": ("swagger-ui-dist/swagger-ui-bundle.js",),
}
# What the login page needs; the rest asks for a login like everything else.
_PUBLIC = frozenset(
    {"coin.css", "pages.css", "coin.js", "passkeys.js", "inter.woff2"} | {n for n in _OWN if n.endswith(".svg")}
)


@functools.lru_cache(maxsize=64)
def _prepared(body: bytes, packs: bool) -> tuple[str, bytes | None]:
    """(the mark in the address, the packed content)."""
    return hashlib.sha256(body).hexdigest()[:10], gzip.compress(body, 9, mtime=0) if packs else None


@dataclass(frozen=True, slots=True)
class Asset:
    name: str
    url: str
    kind: str
    paths: tuple[Path, ...]
    body: bytes | None  # kept, or None = read it
    packed: bytes | None  # gzip; None where it would not help
    public: bool

    def read(self) -> bytes:
        """The content; raises OSError where the file went away since the start."""
        return _joined(self.paths) if self.body is None else self.body


def _joined(paths: tuple[Path, ...]) -> bytes:
    return b"\n".join(path.read_bytes() for path in paths)


class Assets:
    """The table, made once at the start."""

    def __init__(self, modules: Path = _MODULES) -> None:
        self.by_url: dict[str, Asset] = {}
        self._by_name: dict[str, Asset] = {}
        self.missing: list[str] = []
        for name, inside in _FROM_NPM.items():
            self._add(name, tuple(modules / path for path in inside), modules)
        for name in _OWN:
            self._add(name, (STATIC / name,), STATIC)
        if self.missing:
            log.warning("assets.missing names=%s hint=%s", ",".join(self.missing), "npm ci")

    def _add(self, name: str, paths: tuple[Path, ...], root: Path) -> None:
        try:
            if not all(path.resolve().is_relative_to(root.resolve()) for path in paths):
                raise OSError("leads out of its folder")
            body = _joined(paths)
        except OSError:
            self.missing.append(name)
            return
        if name == "coin.css":
            body = self._with_font(body)
        stem, dot, suffix = name.rpartition(".")
        packs = suffix != "woff2"
        mark, packed = _prepared(body, packs)
        asset = Asset(
            name,
            f"{PREFIX}{stem}.{mark}{dot}{suffix}",
            _KINDS["." + suffix],
            paths,
            body if len(body) <= _KEEP_BYTES or name == "coin.css" else None,
            packed,
            name in _PUBLIC,
        )
        self.by_url[asset.url] = asset
        self._by_name[name] = asset

    def _with_font(self, css: bytes) -> bytes:
        """The style sheet names the font by its hashed address; without the font, the system's fonts stand in."""
        font = self._by_name.get("inter.woff2")
        if font is None:
            return re.sub(rb"@font-face\{[^}]*\}", b"", css)
        return css.replace(b"inter-latin-wght-normal.woff2", font.url.encode())

    def url(self, name: str) -> str:
        """The address of `name`; empty where the file is missing."""
        asset = self._by_name.get(name)
        return asset.url if asset else ""

    @property
    def public_urls(self) -> frozenset[str]:
        return frozenset(a.url for a in self.by_url.values() if a.public)

    @property
    def charts(self) -> bool:
        """Can charts be drawn? Without the npm packages the pages work, and say so."""
        return bool(self.url("lightweight-charts.js"))
