"""One section of docs/operations.md: what an alert means, what to look at, what to do. Readable without a network."""

from functools import lru_cache

from fastapi import HTTPException
from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboard.handbook import section, source
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot


@lru_cache(maxsize=128)  # names come from the address
def rendered(name: str) -> tuple[str, Markup] | None:
    """(heading, text) of the section with that name; None = there is none."""
    found = section(source("operations"), name) if name else None
    if found is None:
        return None
    heading, _, body = found.partition("\n")
    # "zero" knows no HTML: what looks like a tag in the text is text.
    html = MarkdownIt("zero").enable(["heading", "list", "code", "fence", "backticks", "emphasis"]).render(body)
    return heading.lstrip("# ").replace("-", " "), Markup(html)  # noqa: S704 (escaped by the parser)


async def load(_hub: Hub, _s: Snapshot, params: Params) -> Data:
    """Raises HTTPException for a name that no section has."""
    found = rendered(params.get("of", ""))
    if found is None:
        raise HTTPException(404, "There is no runbook of this name.")
    return {"title": f"Runbook: {found[0]}", "text": found[1]}


def _shown(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"title": data["title"], "text": data["text"]}


PAGE = Page(
    key="runbook",
    own_icon="info",
    parts=(PagePart("rb-all", "section.html", _shown),),
    load=load,
    params=("of",),
    listed=False,
)
