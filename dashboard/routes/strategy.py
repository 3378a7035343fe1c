"""The Strategy page, where an operator who signed in lately may choose what the bot trades with play money."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard import strategy_choice
from dashboard.auth.roles import FRESH_S, Principal, Role
from dashboard.hub import Hub
from dashboard.page import known_params
from dashboard.page_renderer import PageRenderer
from dashboard.pages.strategy import cards_view
from dashboard.pages.strategy.page import PAGE, load
from dashboard.routes.passkeys import confirm_path, note
from dashboard.routes.tools import form, html, hub_of, who
from dashboard.views.snapshot import Snapshot
from shared import strategy_evidence
from shared.env_file import EnvFileRefused
from shared.files import Unreadable
from shared.settings import Loaded, SettingsError
from shared.strategy_choice import GOAL_OF, GOALS, ChoiceRefused, was_chosen

HERE = PAGE.path


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    one_at_a_time = asyncio.Lock()

    async def shown(request: Request, error: str = "", after: str = "", status: int = 200) -> Response:
        hub, principal = hub_of(request), who(request)
        params = known_params(PAGE, request.query_params) | ({"after": after} if after else {})
        s = hub.reader.snapshot()
        data = await load(hub, s, params)
        data |= await asyncio.to_thread(_data, hub, s, principal, params.get("after", "")) | {"error": error}
        return html(request, await pages.whole(PAGE, s, data, principal.role, principal.csrf, params), status)

    @routes.get(HERE, name=PAGE.key)
    async def strategy(request: Request) -> Response:
        return await shown(request)

    @routes.post(f"{HERE}/choose")
    async def choose(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await form(request)
        name = given.get("strategy", "")
        if name not in GOAL_OF:
            raise HTTPException(422, "There is no such strategy.")
        if principal.kind != "session":
            raise HTTPException(403, "A strategy is chosen in a browser, or by ./coin strategy use.")
        back = f"{HERE}?after={GOAL_OF[name].key}"
        if principal.signed_in_s > FRESH_S:
            return RedirectResponse(confirm_path(back), 303)
        try:
            async with one_at_a_time:
                keys = await asyncio.to_thread(strategy_choice.choose, hub, hub.reader.snapshot(), name)
        except (ChoiceRefused, EnvFileRefused) as refused:
            return await shown(request, str(refused), GOAL_OF[name].key, 422)
        except OSError as error:
            return await shown(request, f".env cannot be written: {error.strerror or error}.", GOAL_OF[name].key, 503)
        if keys:
            note(hub, request, "strategy_chosen", {"name": name, "settings": keys})
        return RedirectResponse(f"{back}#st-wait", 303)

    return routes


def _data(hub: Hub, s: Snapshot, principal: Principal, after: str) -> dict[str, Any]:
    """Goals, and the cards of the one that is asked for or served by what is set. Blocks."""
    operator = principal.role is Role.OPERATOR and principal.kind == "session"
    fresh = principal.signed_in_s <= FRESH_S
    evidence, problem = _evidence()
    base = {
        "goals": GOALS, "operator": operator, "fresh": fresh, "may": operator and fresh,
        "evidence": cards_view.evidence_panel(evidence, problem, datetime.now(UTC).date()),
    }  # fmt: skip
    try:
        found = strategy_choice.read_env(hub)
    except SettingsError as error:
        return base | {"broken": error.problems[0], "goal": None, "cards": [], "chosen": True, "own": ""}
    set_to = found.settings.strategy
    asked = next((goal for goal in GOALS if goal.key == after), None)
    goal = asked or GOAL_OF.get(set_to)
    cards = [
        cards_view.card(name, _state(found, s, name), strategy_choice.choice(found, s, name), evidence)
        for name in (goal.strategies if goal is not None else ())
    ]
    own = "" if set_to in GOAL_OF else set_to
    return base | {"broken": "", "goal": goal, "cards": cards, "chosen": was_chosen(found), "own": own}


def _evidence() -> tuple[strategy_evidence.StrategyEvidence | None, str]:
    try:
        return strategy_evidence.read(), ""
    except (Unreadable, OSError) as error:
        return None, str(error)


def _state(found: Loaded, s: Snapshot, name: str) -> str:
    doc = s.state.strategy if s.state is not None else None
    if doc is not None and doc.name == name:
        return "runs"
    return "chosen" if found.settings.strategy == name else ""
