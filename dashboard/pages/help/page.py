"""Help: the project's own documents, with a search; the glossary; the first steps. Readable without a network."""

from fastapi import HTTPException

from dashboard import handbook
from dashboard.hub import Hub
from dashboard.page import Data, Page, Params
from dashboard.views.snapshot import Snapshot


async def load(_hub: Hub, _s: Snapshot, params: Params) -> Data:
    """One chapter, what a search found, or the list. Raises HTTPException for a chapter that there is not."""
    name, words = params.get("of", ""), " ".join(params.get("q", "").split())
    chapter = next((one for one in handbook.chapters() if one.name == name), None)
    if name and chapter is None:
        raise HTTPException(404, "There is no document of this name.")
    return {
        "chapters": handbook.chapters(), "chapter": chapter, "text": handbook.rendered(name) if chapter else None,
        "q": words, "hits": handbook.search(words), "terms": handbook.terms(),
    }  # fmt: skip


PAGE = Page(key="help", own_icon="book", shortcut="i", parts=(), load=load, params=("of", "q"))
