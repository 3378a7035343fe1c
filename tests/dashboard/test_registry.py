"""Where a page lives: one folder for each, with its declaration and its templates, and nothing that no page shows."""

import re
from pathlib import Path

import pytest

from dashboard import pages
from dashboard.page import Page
from dashboard.pages.registry import PAGES

FOLDER = Path(pages.__file__).parent
SHARED = FOLDER.parent / "templates"


def test_every_folder_is_a_page_and_every_page_a_folder() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/page.py")}
    assert folders == {page.key for page in PAGES}
    assert len({page.path for page in PAGES}) == len(PAGES)
    shortcuts = [page.shortcut for page in PAGES if page.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)
    ids = [part.id for page in PAGES for part in page.parts if "/" not in part.template]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_shows_every_template_of_its_folder(page: Page) -> None:
    folder = FOLDER / page.key
    shown = {"page.html"} | {part.template for part in page.parts if "/" not in part.template}
    texts = "".join(path.read_text() for path in folder.glob("*.html"))
    shown |= set(re.findall(rf'"pages/{page.key}/([a-z_]+\.html)"', texts))
    assert {path.name for path in folder.glob("*.html")} == shown
    for part in page.parts:
        where = SHARED / part.template if "/" in part.template else folder / part.template
        assert f'id="{part.id}"' in where.read_text(), "the stream replaces the element with the part's id"
