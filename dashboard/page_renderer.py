"""Draws pages and their parts, and the frame that stands on each of them."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, Template
from markupsafe import Markup

from dashboard import render
from dashboard.hub import Hub
from dashboard.page import Data, Page, Params, query_of
from dashboard.views import banner, header
from dashboard.views import commands as commands_view
from dashboard.views import orders as orders_view
from dashboard.views.snapshot import Snapshot

TURN_S = 0.0005


@dataclass(frozen=True, slots=True)
class Root:
    """What stands on the page's root element, its title and its icon."""

    mode: str
    presence: str
    old: bool
    title: str
    icon: str
    age: str
    fed: str  # age of the prices that the figures are based on
    trouble: str  # how long the current condition has lasted
    blind: bool  # the file is fresh, the figures in it are not
    now_ms: int
    killed: bool


def root(s: Snapshot, title: str) -> Root:
    return Root(
        header.band(s).mode,
        header.presence_word(s),
        s.old,
        header.title(s, title),
        header.favicon(s),
        _seconds(s.age_s),
        _seconds(render.figures_age_s(s)),
        _seconds(s.verdict.seconds),
        s.fresh and s.verdict.blind,
        int(s.now.timestamp() * 1000),
        s.killed,
    )


def _seconds(age_s: float | None) -> str:
    return "" if age_s is None else f"{age_s:.2f}"


def badges(s: Snapshot) -> dict[str, int]:
    lots = s.lot_count or 0
    orders = orders_view.own_working(s) or 0
    return {"positions": lots, "orders": orders, "alerts": len(s.watcher.firing)}


class PageRenderer:
    """Draws pages and parts. Knows nothing of requests."""

    def __init__(self, hub: Hub, pages: tuple[Page, ...]) -> None:
        self.hub = hub
        self.env: Environment = render.environment(hub.assets.url, hub.build, hub.reader.bot.process)
        self.all = pages
        self.listed = tuple(page for page in pages if page.listed)
        self.by_key = {page.key: page for page in pages}
        for template in {page.template_of(part) for page in pages for part in page.parts} | {
            page.template for page in pages
        }:
            self.env.get_template(template)  # compiled now, not in front of the first reader
        self._frame: Any = self.env.get_template("parts/frame.html").module

    def frame(self, page: Page, s: Snapshot, role: str) -> dict[str, str]:
        """The parts that stand on every page, by the id of their element."""
        m = self._frame
        band = header.band(s)
        block = header.block(s)
        buttons = commands_view.buttons(s, role)
        return {
            "f-root": str(m.f_root(root(s, page.title))),
            "f-mode": str(m.f_mode(band, s.now)),
            "f-pres": str(m.f_pres(block, self.env.globals["age" if block.age_of == "file" else "trouble"])),
            "f-pulse": str(m.f_pulse(*header.pulse(s.beats))),
            "f-lights": str(m.f_lights(header.lights(s))),
            "cmd": str(m.f_cmd(buttons, band)),
            "f-acct": str(m.f_acct(header.account(s), self.env.globals["age_fed"], self.env.globals["fm"])),
            "f-nav": str(m.f_nav(self.listed, page.key, badges(s))),
            "receipts": str(m.f_receipts(commands_view.receipts(s))),
            "f-note": str(m.f_note(banner.most_urgent(s), self.env.globals, buttons.adopt)),
        }

    async def draw(self, page: Page, s: Snapshot, data: Data, role: str) -> dict[str, str]:
        """Every part of the page by the id of its element, with its age marks still in it.

        Hundreds of lots take milliseconds to draw; others get their turn between the pieces.
        """
        drawn = self.frame(page, s, role)
        for part in page.parts:
            await asyncio.sleep(0)
            context = part.view(s, data, role)
            drawn[part.id] = await self._pieces(
                self.env.get_template(page.template_of(part)), {"s": s, "role": role, **context}
            )
        return drawn

    @staticmethod
    async def _pieces(template: Template, context: render.Context) -> str:
        pieces, turn = [], time.perf_counter()
        for piece in template.generate(context):
            pieces.append(piece)
            if time.perf_counter() - turn > TURN_S:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        return "".join(pieces)

    async def whole(self, page: Page, s: Snapshot, data: Data, role: str, csrf: str, params: Params) -> str:
        """The whole document."""
        drawn = await self.draw(page, s, data, role)
        drawn["f-cmd"], drawn["f-receipts"] = drawn["cmd"], drawn["receipts"]
        query = query_of(page, params)
        text = self.env.get_template(page.template).render(
            page=page,
            pages=self.listed,
            root=root(s, page.title),
            parts={k: Markup(v) for k, v in drawn.items()},  # noqa: S704 (our own templates' text)
            s=s,
            data=data,
            role=role,
            csrf=csrf,
            query=query,
            here=page.path + ("?" + urlencode(dict(params)) if params else ""),
            params=params,
            charts=self.hub.assets.charts,
            sse=bool(self.hub.assets.url("htmx.js")),
            keys=[(p.shortcut, p.title) for p in self.listed],
        )
        return render.fill_age(text, s)

    def simple(self, template: str, **context: Any) -> str:
        """A page without the frame: sign-in, refusal, confirmation."""
        return self.env.get_template(template).render(**context)


_HEADINGS = {400: "Bad request", 401: "Sign in to continue", 403: "Not allowed", 404: "No such page",
             405: "Method not allowed",
             409: "Not possible now", 413: "Too large", 429: "Too many attempts", 503: "Not available"}  # fmt: skip


def refusal(env: Environment, status: int, text: str, *, page: bool) -> tuple[str, bytes]:
    """(content type, body) of a refusal: a page for a browser's navigation, JSON for everything else."""
    if page:
        heading = _HEADINGS.get(status, "Request failed")
        body = env.get_template("refused.html").render(title=heading, heading=heading, text=text, status=status)
        return "text/html; charset=utf-8", body.encode()
    return "application/json", orjson.dumps({"error": text, "status": status})
