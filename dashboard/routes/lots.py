"""What an action on a lot would come to: read only. It is sent by POST /api/commands."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from dashboard.routes.models import ErrorReply
from dashboard.routes.tools import hub_of, json, who
from dashboard.views import lot_preview

TEXT_CHARS = 40


class LotPreviewReply(BaseModel):
    lot_id: str
    product_id: str
    kind: str
    action: str = Field(description="take, stop, size.")
    asked: str = Field(description="The price or size as it would be sent; none = no stop.")
    cmd: str = Field(description="Send it with `args`, unchanged, by POST /api/commands.")
    args: dict[str, str]
    refusal: str | None = Field(description="Why it cannot be sent; null = it can.")
    confirm: str | None = Field(description="The parameter that lets it pass when set to yes (at_a_loss); null = none.")
    base_size: str = Field(description="What the figures are of: all of the lot, or the part.")
    now: str | None = Field(description="Where the level stands; none = no stop.")
    mark: float | None
    break_even: float = Field(description="Price at which the lot earns nothing after fees.")
    price_increment: str
    from_mark_pct: float | None
    value: float | None = Field(description="The size at the asked price, quote currency.")
    fee_pct: float | None = Field(description="Of the exit: the maker's where a take rests, the taker's of a stop.")
    fee: float | None
    result: float | None = Field(description="After the entry's and the exit's fee.")
    result_pct: float | None = Field(description="Of what the lot cost.")
    rest_size: str | None = Field(description="Of the lot, after a part is sold.")
    note: str | None


Text = Annotated[str | None, Query(max_length=TEXT_CHARS)]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["api"])

    @routes.get(
        "/lots/{lot_id}/preview",
        response_class=Response,
        responses={
            200: {"model": LotPreviewReply},
            401: {"model": ErrorReply, "description": "Not signed in."},
            404: {"model": ErrorReply, "description": "No such open lot."},
            422: {"model": ErrorReply, "description": "Not exactly one of take, stop and size."},
        },
    )
    async def preview(
        request: Request, lot_id: str, take: Text = None, stop: Text = None, size: Text = None, at_a_loss: Text = None
    ) -> Response:
        """What moving the lot's take or stop there, or selling so much of it, would come to, after fees. Nothing is
        sent."""
        s, role = hub_of(request).reader.snapshot(), who(request).role.value
        found = lot_preview.find(s, lot_id)
        if found is None:
            raise HTTPException(404, "No such open lot.")
        if sum(one is not None for one in (take, stop, size)) != 1:
            raise HTTPException(422, "Exactly one of take, stop and size.")
        if take is not None:
            loss = (at_a_loss or "").lower() in ("yes", "true", "1")
            return json(asdict(lot_preview.preview_take(s, *found, take, role, at_a_loss=loss)))
        if stop is not None:
            return json(asdict(lot_preview.preview_stop(s, *found, stop, role)))
        return json(asdict(lot_preview.preview_part(s, *found, size or "", role)))

    return routes
