"""The JSON API: the same figures as on the pages."""

import asyncio
import os
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response

from dashboard import door, earned, order_money, tail
from dashboard.dispatch import CommandRefused, dispatch
from dashboard.hub import Hub
from dashboard.routes import models as m
from dashboard.routes.tools import address, hub_of, json, who
from dashboard.rows import LedgerCommand
from dashboard.views import chart, equity, header, results
from dashboard.views.commands import NOT_SEEN_S, of_latch
from dashboard.views.snapshot import Snapshot
from shared.documents.control import ReceiptDoc
from shared.documents.events import FOLDER_NOT_OWN, SECOND_WRITER
from shared.documents.state import alert_of

READ_TTL_S = 1.0
_NOT_WELL = "The bot is not writing, or its data folder is not adopted."
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": m.ErrorReply, "description": "Not signed in."},
    403: {"model": m.ErrorReply, "description": "Not allowed."},
    422: {"model": m.ErrorReply, "description": "A parameter is not valid."},
}


def _ok(model: type, extra: dict[int | str, dict[str, Any]] | None = None) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model}, **_ERRORS, **(extra or {})}


def router() -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["api"])
    _health(routes)
    _state(routes)
    _ledger(routes)
    _market(routes)
    _machine(routes)
    _commands(routes)
    return routes


def bot_health(s: Snapshot) -> dict[str, Any]:
    process, verdict = s.pm2.find(s.bot.process), s.verdict
    return {
        "ok": s.fit and all(alert_of(s.state, code) is None for code in (FOLDER_NOT_OWN, SECOND_WRITER)),
        "alerts": [{"code": alert.code, "text": alert.text} for alert in s.state.alerts] if s.state else [],
        "presence": s.presence.value,
        "status": s.status.value if s.status else None,
        "word": header.presence_word(s),
        "reason": verdict.reason or None,
        "seconds": _rounded(verdict.seconds),
        "figures_age_s": _rounded(verdict.figures_age_s),
        "parts": [{"name": p.name, "state": p.state.value, "age_ms": p.age_ms, "text": p.text} for p in verdict.parts],
        "age_s": None if s.age_s is None else round(s.age_s, 3),
        "late": s.late,
        "error": s.error,
        "pid": s.liveness.pid,
        "pid_alive": s.liveness.pid_alive,
        "lock": s.liveness.lock.value,
        "pm2": process.effective.value if process else None,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def rss_mb() -> float | None:
    """Resident memory of this process."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _health(routes: APIRouter) -> None:
    @routes.get("/health", response_class=Response, responses=_ok(m.HealthReply))
    async def health(request: Request) -> Response:
        """Health of the dashboard itself."""
        hub = hub_of(request)
        return json(
            {
                "ok": True,
                "build": hub.build,
                "uptime_s": round(time.monotonic() - hub.began, 1),
                "rss_mb": rss_mb(),
                "streams": request.app.state.broadcaster.clients,
                "connections": door.connections(),
                "assets_missing": hub.assets.missing,
            }
        )

    @routes.get(
        "/bot/health",
        response_class=Response,
        responses=_ok(
            m.BotHealthReply,
            {503: {"model": m.BotHealthReply, "description": _NOT_WELL}},
        ),
    )
    async def health_of_bot(request: Request) -> Response:
        """200 while the bot writes and may send orders, else 503; the body has the details."""
        found = bot_health(hub_of(request).reader.snapshot())
        return json(found, 200 if found["ok"] else 503)


def _state(routes: APIRouter) -> None:
    @routes.get("/state", response_class=Response, responses=_ok(m.StateReply))
    async def state(request: Request) -> Response:
        """The bot's state document, and the health of the bot as the dashboard sees it."""
        reader = hub_of(request).reader
        body = b'{"health":' + orjson.dumps(bot_health(reader.snapshot())) + b',"state":' + reader.state_raw + b"}"
        return Response(body, media_type="application/json")

    @routes.get("/positions", response_class=Response, responses=_ok(m.PositionsReply))
    async def positions(request: Request) -> Response:
        """Open lots by product. `known` false: not known yet, which is not the same as none."""
        s = hub_of(request).reader.snapshot()
        found = s.state.positions if s.state else None
        age_s = _rounded(s.verdict.figures_age_s)
        return json(
            {
                "known": found is not None,
                "fresh": s.fresh,
                "age_s": s.age_s,
                "figures_age_s": age_s,
                "positions": found or [],
            }
        )

    @routes.get("/risk", response_class=Response, responses=_ok(m.RiskReply))
    async def risk(request: Request) -> Response:
        """Limits, the kill latch, and earlier latches."""
        hub = hub_of(request)
        s = hub.reader.snapshot()
        found = s.state.risk if s.state else None
        latches = await hub.cache.get("latches", READ_TTL_S, hub.ledger.latches)
        return json(
            {
                "known": found is not None,
                "entries_blocked": found.entries_blocked if found else None,
                "limits": found.limits if found else [],
                "kill": s.state.kill if s.state else None,
                "latches": latches or [],
            }
        )


def _ledger(routes: APIRouter) -> None:
    @routes.get("/orders", response_class=Response, responses=_ok(m.OrdersReply))
    async def orders(
        request: Request, working: bool = True, limit: Annotated[int, Query(ge=1, le=1000)] = 200
    ) -> Response:
        """Working orders (with working=false: ended ones), newest first; amounts as exact text."""
        hub = hub_of(request)

        def read() -> list[dict[str, Any]] | None:
            rows = hub.ledger.orders(working=working, limit=limit)
            money = order_money.of_orders(hub.ledger, rows) if rows else {}
            return None if rows is None else [money[o.client_order_id].with_order(o) for o in rows]

        found = await hub.cache.get(("orders", working, limit), READ_TTL_S, read)
        return json({"known": found is not None, "orders": found or []})

    @routes.get("/fills", response_class=Response, responses=_ok(m.FillsReply))
    async def fills(
        request: Request,
        since_ms: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
        product_id: Annotated[str | None, Query(max_length=32)] = None,
    ) -> Response:
        """The bot's fills, newest first."""
        hub = hub_of(request)
        found = await hub.cache.get(
            ("fills", since_ms, limit, product_id), READ_TTL_S, lambda: hub.ledger.fills(since_ms, limit, product_id)
        )
        return await asyncio.to_thread(json, {"known": found is not None, "fills": found or []})

    @routes.get("/trades", response_class=Response, responses=_ok(m.TradesReply))
    async def trades(
        request: Request,
        since_ms: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=20000)] = 1000,
    ) -> Response:
        """Round trips (closed lots), oldest first, and the open lots."""
        hub = hub_of(request)
        found = await hub.cache.get(
            ("trades", since_ms, limit), READ_TTL_S, lambda: hub.ledger.closed_lots(since_ms, limit)
        )
        held = results.open_lots(hub.reader.snapshot()).lots or ()
        body = {"known": found is not None, "trades": found or [], "open": held}
        return await asyncio.to_thread(json, body)

    @routes.get("/performance", response_class=Response, responses=_ok(m.PerformanceReply))
    async def performance_(
        request: Request,
        range_: Annotated[str, Query(alias="range", pattern="^(1w|1m|1y|all)$")] = "1m",
        by: Annotated[str, Query(pattern="^(day|week|month)$")] = "day",
    ) -> Response:
        """Realised and open PnL with ratios, as on the Performance page."""
        hub = hub_of(request)
        s = hub.reader.snapshot()
        found = await earned.look(hub, s, range_)
        return json({"known": found is not None, "range": range_, **earned.figures(found, by, s)})


def _market(routes: APIRouter) -> None:
    @routes.get("/equity", response_class=Response, responses=_ok(m.EquityReply))
    async def equity_curve(
        request: Request,
        range_: Annotated[str, Query(alias="range", pattern="^(1d|1w|1m|all)$")] = "1d",
    ) -> Response:
        """Equity up to now, drawdown of the time-weighted curve, transfers, and the fills of that time."""
        hub = hub_of(request)
        s = hub.reader.snapshot()
        since_s = equity.since(range_, s.now)
        notes = await hub.cache.get(("equity-api", range_, since_s // 60), 2.0, lambda: hub.market.equity(since_s))
        fills = await hub.cache.get(("fills-eq", since_s // 60), 2.0, lambda: hub.ledger.fills(since_s * 1000, 20_000))
        adopted = await hub.cache.get("adopted", 2.0, hub.ledger.adopted)
        rows = equity.until_now(notes, equity.now(s), since_s)
        curve = equity.curve(rows or [])
        span_s = max(60, (curve.at_s[-1] - curve.at_s[0]) // 400) if curve.at_s else 60
        account = s.state.account if s.state else None
        return json(
            {
                "known": rows is not None,
                "range": range_,
                "at_s": curve.at_s,
                "equity": curve.equity,
                "drawdown": curve.drawdown,
                "curve": curve.curve,
                "noted": len(notes or []),
                "transfers": [
                    {"at_s": flag.at_s, "value": flag.value, "what": flag.what, "adopted": flag.adopted}
                    for flag in equity.flags(adopted, s, since_s)
                ],
                "day_start": account.day_start_equity if account and range_ == "1d" else None,
                "fills": await asyncio.to_thread(chart.clusters, (fills or [])[::-1], span_s),
            }
        )


def _machine(routes: APIRouter) -> None:
    @routes.get("/logs", response_class=Response, responses=_ok(m.LogsReply))
    async def logs(
        request: Request,
        source: Annotated[str, Query(max_length=40)] = "",
        level: Annotated[str, Query(pattern="^(|DEBUG|INFO|WARNING|ERROR)$")] = "",
        q: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=2000)] = 200,
    ) -> Response:
        """The newest lines of all logs, newest first."""
        hub = hub_of(request)
        found = await hub.cache.get(
            ("logs", source, level, q, limit), READ_TTL_S, lambda: tail.read(hub.paths.logs, source, level, q, limit)
        )
        return json({"lines": found, "sources": tail.sources(hub.paths.logs)})

    @routes.get("/pm2", response_class=Response, responses=_ok(m.Pm2Reply))
    async def pm2(request: Request) -> Response:
        """CoinTrader's processes as PM2 reports them."""
        s = hub_of(request).reader.snapshot()
        now_ms = int(s.now.timestamp() * 1000)
        rows = [
            {
                "name": p.name,
                "pid": p.pid,
                "state": p.effective.value,
                "label": p.label,
                "restarts": p.restarts,
                "uptime_s": header.uptime_s(p, now_ms),
                "memory_bytes": p.memory_bytes,
                "cpu_pct": p.cpu_pct,
                "exit_code": p.exit_code,
            }
            for p in s.pm2.processes
        ]
        return json(
            {"ok": s.pm2.trouble is None, "trouble": s.pm2.trouble, "version": s.pm2.version, "processes": rows}
        )


def _commands(routes: APIRouter) -> None:
    @routes.get("/commands", response_class=Response, responses=_ok(m.CommandsReply))
    async def commands(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """Commands and their receipts, newest first."""
        hub = hub_of(request)
        rows = await hub.cache.get(("commands", limit), READ_TTL_S, lambda: hub.ledger.commands(limit))
        s = hub.reader.snapshot()
        found = {row.id: _from_ledger(row) for row in rows or []}
        found.update({r.id: _from_receipt(r) for r in (s.state.receipts if s.state else [])})
        for sent in s.sent:
            if sent.id not in found:
                found[sent.id] = _unseen(s, sent.id) or {}
        newest = sorted(found.values(), key=lambda r: r["sent_ms"] or r["seen_ms"] or 0, reverse=True)
        return json({"commands": newest[:limit]})

    @routes.post(
        "/commands",
        status_code=202,
        response_class=Response,
        responses={
            202: {"model": m.CommandSentReply},
            **_ERRORS,
            400: {"model": m.ErrorReply, "description": "No such command, or it takes other arguments."},
            409: {"model": m.ErrorReply, "description": "Not possible now; the text says why."},
            503: {"model": m.ErrorReply, "description": "The ring is full, the lock is held, or PM2 cannot be asked."},
            507: {
                "model": m.ErrorReply,
                "description": "The disk is full; a kill: no delivery worked, and what to do manually.",
            },
        },
    )
    async def send(request: Request, body: m.CommandBody) -> Response:
        """Send a command. 202: it is written; its receipt has the outcome. A kill succeeds if any of its deliveries
        works, and the reply names them."""
        try:
            sent = await dispatch(
                hub_of(request), who(request), address(request), body.cmd, body.args,
                confirm=body.confirm, held=body.held,
            )  # fmt: skip
        except CommandRefused as refused:
            raise HTTPException(refused.status, str(refused)) from refused
        command, where = sent.command, f"/api/commands/{sent.command.id}"
        told = {"id": command.id, "cmd": command.cmd, "seq": command.seq if sent.in_ring else None, "at": command.at}
        answer = json({**told, "receipt": where, "text": sent.text, "ways": sent.ways, "failed": sent.failed}, 202)
        answer.headers["location"] = where
        return answer

    @routes.get(
        "/commands/{command_id}",
        response_class=Response,
        responses=_ok(m.ReceiptReply, {404: {"model": m.ErrorReply, "description": "No such command."}}),
    )
    async def receipt(request: Request, command_id: str) -> Response:
        """The receipt of one command."""
        hub = hub_of(request)
        found = await _receipt(hub, command_id[:80])
        if found is None:
            raise HTTPException(404, "There is no such command.")
        return json(found)


async def _receipt(hub: Hub, command_id: str) -> dict[str, Any] | None:
    s = hub.reader.snapshot()
    known = next((r for r in (s.state.receipts if s.state else []) if r.id == command_id), None)
    if known is not None:
        return _from_receipt(known)
    unseen = _unseen(s, command_id)
    row = await hub.cache.get(("command", command_id), READ_TTL_S, lambda: hub.ledger.command(command_id))
    return _from_ledger(row) if row is not None else unseen


def _unseen(s: Snapshot, command_id: str) -> dict[str, Any] | None:
    sent = next((x for x in s.sent if x.id == command_id), None)
    if sent is None:
        return None
    if (latched := of_latch(sent, s)) is not None:
        return _from_receipt(latched)
    return {
        "id": sent.id,
        "cmd": sent.cmd,
        "state": "not_seen" if sent.waited_s > NOT_SEEN_S else "sent",
        "by": sent.by,
        "sent_ms": sent.sent_ms,
        "seen_ms": None,
        "done_ms": None,
        "reason": sent.said or None,
        "result": None,
    }


def _from_receipt(r: ReceiptDoc) -> dict[str, Any]:
    return {name: getattr(r, name) for name in m.ReceiptReply.model_fields}


def _from_ledger(r: LedgerCommand) -> dict[str, Any]:
    return {name: getattr(r, name) for name in m.ReceiptReply.model_fields}
