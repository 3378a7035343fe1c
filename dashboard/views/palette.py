"""What Ctrl-K finds: lots, products, commands, pages, settings, kept runs, and the documents. Nothing is carried out.

The browser filters; the list is made anew each time that it opens, so figures in it are of that moment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dashboard import handbook
from dashboard.page import Page
from dashboard.views import commands, positions
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.kept_run import KeptRunDoc

LOT_ICON = {"runner": "run", "scalp": "scalp"}


@dataclass(frozen=True, slots=True)
class PaletteItem:
    """One line. `href`: what it opens; `press`: the command whose button gets the focus (or opens its dialog)."""

    text: str
    icon: str
    href: str = ""
    press: str = ""
    more: str = ""  # beside the text, searched as well
    hint: str = ""  # at the right
    also: str = ""  # searched, not shown


@dataclass(frozen=True, slots=True)
class PaletteGroup:
    """Lines of one kind. `first`: they stand there before a word is typed."""

    title: str
    items: Sequence[PaletteItem]
    first: bool = False


def groups(
    s: Snapshot,
    role: str,
    pages: Iterable[Page],
    settings: Iterable[tuple[str, str, str]],  # (name, value as it may be shown, sentence)
    runs: Iterable[KeptRunDoc],
) -> list[PaletteGroup]:
    """Every line, in the order in which the kinds stand."""
    found = [
        PaletteGroup("Lots, nearest take profit first", _lots(s), first=True),
        PaletteGroup("Commands", _commands(s, role), first=True),
        PaletteGroup("Pages", [_page(page) for page in pages], first=True),
        PaletteGroup("Products", _products(s)),
        PaletteGroup(
            "Settings",
            [PaletteItem(k, "settings", f"/settings?q={quote(k)}", "", v, "", also) for k, v, also in settings],
        ),
        PaletteGroup("Kept runs", [_run(run) for run in runs]),
        PaletteGroup("Help, in here and offline", [*_terms(), *_documents()]),
    ]
    return [group for group in found if group.items]


def _page(page: Page) -> PaletteItem:
    return PaletteItem(page.title, page.icon, page.path, hint=f"g {page.shortcut}" if page.shortcut else "")


def _lots(s: Snapshot) -> list[PaletteItem]:
    rows = [(p, lot) for p in positions.held(s, {}).positions for lot in p.lots]
    rows.sort(key=lambda row: (row[1].to_go is None, row[1].to_go or 0.0))
    return [
        PaletteItem(
            f"{p.product_id} {lot.name.lower()}", LOT_ICON.get(lot.kind, "positions"), f"/positions#l-{lot.id}",
            more=f"take profit {f.price(lot.take, p.increment)}" if lot.take and not s.killed else "",
            hint=f.signed_pct(lot.to_go) if lot.to_go is not None and not s.killed else "",
            also=lot.id,
        )
        for p, lot in rows
    ]  # fmt: skip


def _products(s: Snapshot) -> list[PaletteItem]:
    state = s.state
    judged = [one.product_id for one in state.gates.products] if state is not None and state.gates is not None else []
    held = [one.product_id for one in state.positions or ()] if state is not None else []
    names = sorted({*judged, *held})
    found = []
    for name in names:
        found.append(PaletteItem(name, "chart", f"/chart?product={quote(name)}", more="chart"))
        found.append(PaletteItem(name, "why", "/why", more="why no trade now"))
    return found


def _commands(s: Snapshot, role: str) -> list[PaletteItem]:
    """Those of the header. A dialog asks; what has none stands under the finger, and is not pressed by the list."""
    held = commands.buttons(s, role)
    found = []
    for button in (held.start, held.pause, held.stop, held.flatten, held.reset or held.kill):
        asks = button.label.endswith("…")
        found.append(
            PaletteItem(button.label, button.icon, press=button.cmd, more=button.why,
                        hint="" if button.why else "asks first" if asks else "press it there")
        )  # fmt: skip
    return found


def _run(run: KeptRunDoc) -> PaletteItem:
    v, of = run.verdict, ", ".join(one.product_id for one in run.data)
    result = f"{f.signed_pct(v.total_return * 100)}, holding {f.signed_pct(v.buy_and_hold * 100)}"
    name = f"{run.settings.get('STRATEGY', 'a run')} on {of}"
    return PaletteItem(name, "lab", f"/lab/run?id={quote(run.run_id)}", more=result, also=run.run_id)


def _terms() -> list[PaletteItem]:
    return [
        PaletteItem(word.capitalize(), "info", "/help?of=glossary", more=meaning, hint="glossary")
        for word, meaning in handbook.terms().items()
    ]


def _documents() -> list[PaletteItem]:
    return [
        PaletteItem(
            part.heading, "book", part.path, hint=f"{chapter.minutes} min" if not part.anchor else "",
            more="" if not part.anchor else chapter.title,
        )
        for chapter in handbook.chapters() for part in chapter.sections if part.depth <= 3
    ]  # fmt: skip
