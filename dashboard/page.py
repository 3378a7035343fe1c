"""What a page is: its place in the navigation, what it reads first, and its parts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from dashboard.hub import Hub
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot

Params = Mapping[str, str]
Data = dict[str, Any]
Load = Callable[[Hub, Snapshot, Params], Awaitable[Data]]
View = Callable[[Snapshot, Data, str], Context]
Settle = Callable[[Hub, Snapshot, Params, Params], Params]


@dataclass(frozen=True, slots=True)
class PagePart:
    """One piece of a page that refreshes by itself."""

    id: str  # of its root element
    template: str  # a file of the page's folder, or "parts/…" for one that several pages show
    view: View  # gives what the template needs


def as_asked(_hub: Hub, _s: Snapshot, asked: Params, _kept: Params) -> Params:
    return asked


async def nothing(_hub: Hub, _s: Snapshot, _params: Params) -> Data:
    return {}


@dataclass(frozen=True, slots=True)
class Page:
    """A page. The folder `dashboard/pages/<key>/` holds this declaration with its views and templates."""

    key: str
    parts: tuple[PagePart, ...]
    shortcut: str = ""  # the key that opens it, after G
    load: Load = nothing
    params: tuple[str, ...] = ()  # query parameters that the page knows
    primary: bool = False  # in the phone's bottom bar
    listed: bool = True  # in the navigation
    own_path: str = ""  # where it is not `/<key>`
    own_icon: str = ""  # where it is not the icon named `<key>`
    own_route: bool = False  # drawn by a route of its own, since what it shows depends on who asks
    # What the page shows for what was asked for and what this browser chose last (the parameters named in `kept`): it
    # holds for as long as the page is open, so that what it shows does not change under the reader.
    settle: Settle = as_asked
    kept: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.own_path or f"/{self.key}"

    @property
    def title(self) -> str:
        return self.key.capitalize()

    @property
    def icon(self) -> str:
        return self.own_icon or self.key

    @property
    def template(self) -> str:
        return f"pages/{self.key}/page.html"

    def template_of(self, part: PagePart) -> str:
        return part.template if "/" in part.template else f"pages/{self.key}/{part.template}"


def query_of(page: Page, params: Params) -> str:
    return urlencode({"page": page.key, **{k: v for k, v in params.items() if k in page.params}})


def known_params(page: Page, query: Params) -> dict[str, str]:
    """The query parameters that the page knows, short ones only."""
    return {k: query[k][:200] for k in page.params if query.get(k)}
