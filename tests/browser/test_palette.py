"""Ctrl-K, the glossary and the first steps in a real browser."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Running, Visitor
from tests.browser.test_access import AXE, findings_now

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
LINES = "#pal-list a"


def test_it_finds_opens_and_carries_nothing_out(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    here = running()
    v = visit(here)
    page = v.go("/")
    v.word("RUNNING")
    page.keyboard.press("Control+k")
    page.wait_for_selector(LINES)
    page.keyboard.type("take_profit_pct")
    assert page.inner_text(f"{LINES}[aria-selected=true]").startswith("TAKE_PROFIT_PCT")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings?q=TAKE_PROFIT_PCT")

    page.keyboard.press("Control+k")
    page.wait_for_selector(LINES)
    page.keyboard.down("k")  # typed into the field: no kill, however long it is held
    page.wait_for_timeout(1300)
    page.keyboard.up("k")
    page.fill("#pal-q", "kill")
    page.wait_for_selector(f"{LINES} >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#dlg[open] [data-word=KILL]")
    assert not here.paths.kill.exists(), "the list opened the dialog that always asks"
    page.keyboard.press("Escape")

    page.keyboard.press("Control+k")
    page.wait_for_selector(LINES)
    page.fill("#pal-q", "pause")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.value") == "pause" and page.locator("#receipts .rc").count() == 0

    page.keyboard.press("Control+k")
    page.wait_for_selector(LINES)
    page.fill("#pal-q", "break-even")
    page.click(f"{LINES}:has-text('glossary')")
    page.wait_for_url("**/help?of=glossary")
    assert "break-even" in page.inner_text(".doc")
    assert v.trouble == [] and v.asked == {f"127.0.0.1:{here.port}"}


def test_a_word_is_explained_by_keyboard_too(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    v = visit(running())
    page = v.go("/")
    word = page.locator("#ov-today .gloss").first
    note = page.locator("#ov-today [role=tooltip]").first
    assert not note.is_visible()
    page.keyboard.press("Tab")  # what has the focus shows that it does from now on
    word.focus()
    page.wait_for_timeout(1500)  # the stream draws the card anew meanwhile
    assert note.is_visible() and "fees" in note.inner_text()
    assert v.trouble == []


def test_five_first_steps(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    """The writer of the state obeys commands as a bot does."""
    v = visit(running())
    page = v.go("/help")
    page.click("a:text('Begin')")
    page.wait_for_selector("#tour [data-step=lot]:visible")
    assert page.locator("#ov-positions.spot").count() == 1
    page.click("#tour button:visible >> nth=0")
    page.click("#tour [data-step=even] [data-next]")
    page.wait_for_selector("#tour [data-step=pause]:visible")
    page.reload()
    page.wait_for_selector("#tour [data-step=pause]:visible")
    page.click("#cmd button[value=pause]")
    page.wait_for_selector("#tour [data-step=receipt]:visible")
    page.click("#cmd button[value=start]")
    page.wait_for_selector("#tour [data-step=kill]:visible")
    page.click("#tour [data-step=kill] [data-end]")
    assert not page.is_visible("#tour") and page.locator(".spot").count() == 0
    v.go("/")
    assert not page.is_visible("#tour"), "it does not come again by itself"
    assert v.trouble == []


def test_a_viewer_has_no_steps(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    v = visit(running(), role="viewer")
    assert v.go("/?steps=1").locator("#tour").count() == 0 and v.trouble == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
def test_no_serious_finding(
    running: Callable[..., Running], visit: Callable[..., Visitor], theme: str, width: int
) -> None:
    v = visit(running(), color_scheme=theme, viewport={"width": width, "height": 900})
    for path in ("/help", "/help?of=strategies"):
        assert v.go(path).evaluate("document.documentElement.scrollWidth") <= width
    page = v.go("/?steps=1")
    page.wait_for_selector("#tour [data-step=lot]:visible")
    assert findings_now(v, "first steps") == []
    page.keyboard.press("Control+k")
    page.wait_for_selector(LINES)
    assert findings_now(v, "palette") == []
    page.fill("#pal-q", "take")
    assert findings_now(v, "palette, something found") == []
