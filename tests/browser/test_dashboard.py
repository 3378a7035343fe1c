"""The dashboard in a real browser: buttons, receipts, and every way in which something can die."""

import re
import signal
import statistics
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from shared.control import TradingState, decode_control
from shared.files import write_whole
from tests.browser.conftest import Running, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
Start = Callable[..., Running]
Visit = Callable[..., Visitor]


def test_every_button_ends_in_a_receipt(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    for cmd, word in (("pause", "PAUSED"), ("start", "RUNNING"), ("stop", "STOPPED"), ("start", "RUNNING")):
        v.page.click(f"#cmd button[value={cmd}]")
        text = v.receipt(cmd.capitalize())
        assert re.search(r"sent\s+seen\s+\S+\s?m?s\s+done", text.replace("\u00a0", " ")), text
        v.word(word)
        assert v.page.get_attribute(f"#cmd button[value={cmd}]", "aria-pressed") == "true"
    v.page.click("#cmd button[value=kill]")
    v.page.wait_for_selector("#dlg[open]")
    assert v.page.is_disabled("#dlg [data-go]")
    v.page.fill("#ask-w", "kil")
    assert v.page.is_disabled("#dlg [data-go]")
    v.page.fill("#ask-w", "kill")
    v.page.click("#dlg [data-go]")
    v.word("KILLED")
    v.receipt("Kill")
    assert "no exit is active" in v.page.inner_text("#f-note")
    assert decode_control(here.paths.control.read_bytes()).level is TradingState.KILL
    v.page.click("#cmd button[value=reset_kill]")
    v.page.wait_for_selector("#dlg[open]")
    v.page.fill("#ask-w", v.page.get_attribute("#ask-w", "data-word") or "")
    v.page.click("#dlg [data-go]")
    v.receipt("Reset kill")
    v.word("STOPPED")
    v.page.click("#cmd button[value=start]")
    v.word("RUNNING")
    v.page.click("#cmd button[value=flatten]")
    v.page.wait_for_selector("#dlg[open]")
    assert "taker 0.90" in v.page.inner_text("#dlg").replace("\u00a0", " ")
    v.page.fill("#ask-w", "FLATTEN")
    v.page.click("#dlg [data-go]")
    v.receipt("Flatten")
    v.page.wait_for_selector('#ov-positions :text("Flat: no lots.")')
    v.go("/risk").click("#ri-drill button")
    v.receipt("Drill")
    v.page.wait_for_selector('#ri-drill :text("Passed")')
    assert v.trouble == []
    assert v.asked == {f"127.0.0.1:{here.port}"}  # no request to any other host


def test_holding_k_kills_and_letting_go_does_not(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    v.page.keyboard.down("k")
    v.page.wait_for_selector(".hold:not([hidden])")
    v.page.wait_for_timeout(500)
    v.page.keyboard.up("k")
    v.page.wait_for_timeout(900)
    assert not here.paths.kill.exists()
    v.page.keyboard.down("k")
    v.word("KILLED")
    v.page.keyboard.up("k")
    assert "held K" in v.receipt("Kill")


def test_a_dead_bot_is_never_shown_running(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    died = time.monotonic()
    here.signal("writer", signal.SIGKILL)
    v.word("OFFLINE", 10)
    assert time.monotonic() - died < 5
    assert v.page.evaluate("document.documentElement.dataset.old") == ""
    assert v.page.title().startswith("OFFLINE")
    assert "icon-bad" in (v.page.get_attribute("#favicon", "href") or "")
    assert "No stop loss is active" in v.page.inner_text("#f-note")
    pressed = time.monotonic()
    v.page.click("#cmd button[value=pause]")
    assert "Not delivered" in v.receipt("Pause", "lost")
    assert 1.9 < time.monotonic() - pressed < 4
    here.write()  # the bot comes back, under the wish that was written meanwhile
    v.word("PAUSED")
    assert v.page.evaluate("'old' in document.documentElement.dataset") is False


def test_a_silent_bot_grows_late_then_stale_and_its_colour_goes(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    colour = "getComputedStyle(document.querySelector('#ov-today .ok')).color"
    alive = v.page.evaluate(colour)
    here.signal("writer", signal.SIGSTOP)
    v.page.wait_for_selector("#f-pres .age[data-s=late]", timeout=4000)
    assert v.page.inner_text("#f-pres b") == "RUNNING"
    v.word("STALE", 8)
    assert v.page.evaluate(colour) != alive
    first = v.page.inner_text("#f-pres .age")
    v.page.wait_for_timeout(700)
    assert v.page.inner_text("#f-pres .age") != first  # it ages in front of the reader
    here.signal("writer", signal.SIGCONT)
    v.word("RUNNING")


def test_a_blind_bot_loses_the_colour_of_what_lives_on_prices(running: Start, visit: Visit) -> None:
    here = running("blind")
    v = visit(here)
    v.word("BLIND")
    assert v.page.title().startswith("BLIND ")
    assert "icon-bad" in (v.page.get_attribute("#favicon", "href") or "")
    assert "6 lots, 5,700.07 USD, not monitored" in v.page.inner_text("#f-note h2")
    edge = "(q) => getComputedStyle(document.querySelector(q)).borderTopStyle"
    for fed in ("#ov-equity", "#ov-today", "#ov-exits", "#ov-positions"):
        assert v.page.evaluate(edge, fed) == "dashed", fed
        assert v.page.get_attribute(f"{fed} .age", "data-s") == "stale", fed
    for own in ("#ov-why", "#ov-events"):
        assert v.page.evaluate(edge, own) != "dashed", f"{own} is of now"
        assert v.page.get_attribute(f"{own} .age", "data-s") in ("fresh", "late"), own
    colour = "(q) => getComputedStyle(document.querySelector(q)).color"
    assert v.page.evaluate(colour, "#ov-today .ok") == v.page.evaluate(colour, "#ov-today .m")
    first = v.page.inner_text("#ov-equity .age")
    v.page.wait_for_timeout(700)
    assert v.page.inner_text("#ov-equity .age") != first, "it ages in front of the reader"


@pytest.mark.parametrize("width", [1440, 1380, 1280, 390])
def test_no_sentence_in_the_status_block_pushes_kill_off_the_screen(running: Start, visit: Visit, width: int) -> None:
    v = visit(running("blind"), viewport={"width": width, "height": 900})
    v.word("BLIND")
    v.page.evaluate(
        "document.querySelector('#f-pres .s').textContent = 'paused, and says much more than fits '.repeat(3)"
    )
    right = "(q) => Math.max(...[...document.querySelectorAll(q)].map((el) => el.getBoundingClientRect().right))"
    for part in (".bar .cmd .btn" if width > 719 else "#f-nav .cmds", "#f-pres"):
        assert 0 < v.page.evaluate(right, part) <= width, part


def test_a_damaged_file_another_version_and_none_at_all(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    here.signal("writer", signal.SIGSTOP)
    good = here.paths.state.read_bytes()
    write_whole(here.paths.state, good[: len(good) // 2], durable=False)
    v.word("UNREADABLE", 3)
    assert v.page.inner_text(".acct .big").startswith("12,4")  # the last good values stay
    write_whole(here.paths.state, good.replace(b'"version":1,"ts_ms"', b'"version":7,"ts_ms"'), durable=False)
    v.page.wait_for_selector('#f-note :text("read-only")')
    for cmd in ("start", "pause", "stop", "flatten"):
        assert v.page.get_attribute(f"#cmd button[value={cmd}]", "aria-disabled") == "true"
    assert v.page.get_attribute("#cmd button[value=kill]", "aria-disabled") is None
    here.paths.state.unlink()
    v.word("OFFLINE", 3)
    here.signal("writer", signal.SIGCONT)
    v.word("RUNNING")


def test_what_differs_stands_on_every_page_until_a_person_adopts_it(running: Start, visit: Visit) -> None:
    here = running("differs")
    v = visit(here)
    v.word("RUNNING")
    for path in ("/positions", "/why", "/health"):
        assert "250.5 USD more" in v.go(path).inner_text("#f-note").replace("\u00a0", " "), path
    assert "does not show it" in v.page.inner_text("#he-account")
    v.page.click("#f-note button[value=adopt]")
    v.page.wait_for_selector("#dlg[open]")
    assert v.page.is_disabled("#dlg [data-go]")
    v.page.fill("#ask-w", "adopt")
    v.page.click("#dlg [data-go]")
    assert "dopted BTC -0.01, USD +250.5" in v.receipt("Adopt")
    v.page.wait_for_selector("#f-note:empty", state="attached")
    assert v.page.query_selector("button[value=adopt]") is None
    assert v.trouble == []


def test_a_cut_stream_is_said_and_polled_around(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    v.page.route("**/api/stream*", lambda route: route.abort())
    v.page.reload()
    v.page.wait_for_selector("#link:not([hidden])", timeout=12_000)
    assert "every 2 seconds" in v.page.inner_text("#link")
    first = v.page.inner_text("#f-pres")
    v.page.wait_for_timeout(3000)
    assert v.page.inner_text("#f-pres") != first
    v.page.click("#cmd button[value=pause]")
    v.receipt("Pause")
    v.page.unroute("**/api/stream*")


def test_a_dead_dashboard_goes_on_ageing_and_comes_back(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    here.signal("dashboard", signal.SIGKILL)
    v.page.wait_for_selector("#f-pres .age[data-s=stale]", timeout=9000)
    v.word("NO ANSWER")
    assert v.page.inner_text("#f-pres .s") == "was running" and "does not respond" in v.page.inner_text("#link")
    assert v.page.title().startswith("NO ANSWER")
    assert v.page.evaluate("document.documentElement.dataset.old === ''"), "its colour goes"
    v.page.click("#cmd button[value=pause]")
    v.page.wait_for_selector('#flash :text("does not respond")')
    here.serve()
    v.word("RUNNING", 15)  # the session outlived the process
    v.page.wait_for_selector("#f-pres .age[data-s=fresh]", timeout=15_000)
    assert not v.page.title().startswith("NO ANSWER")
    assert v.page.evaluate("document.documentElement.dataset.old === undefined")
    v.page.wait_for_selector("#link", state="hidden", timeout=15_000)


def test_a_stream_whose_first_request_failed_is_opened_later(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    failed: list[str] = []

    def refuse(route: Route) -> None:
        failed.append(route.request.url)
        route.abort()

    v.page.route("**/api/stream?*", refuse, times=1)
    with v.page.expect_response(lambda r: bool(failed) and "/api/stream" in r.url, timeout=15_000) as opened:
        v.go("/")
    assert len(failed) == 1 and opened.value.status == 200
    v.page.wait_for_timeout(1500)
    assert v.page.is_hidden("#link")


def test_two_tabs_show_the_same_receipt(running: Start, visit: Visit) -> None:
    here = running()
    one, two = visit(here), visit(here)
    one.word("RUNNING")
    two.word("RUNNING")
    one.page.click("#cmd button[value=pause]")
    assert one.receipt("Pause") == two.receipt("Pause")
    two.word("PAUSED")


def test_keyboard_alone_reaches_everything(running: Start, visit: Visit) -> None:
    v = visit(running())
    v.word("RUNNING")
    v.page.keyboard.press("Tab")
    assert v.page.evaluate("document.activeElement.textContent") == "Skip to content"
    seen: set[str] = set()
    for _ in range(60):
        v.page.keyboard.press("Tab")
        seen.add(v.page.evaluate("document.activeElement.value || document.activeElement.getAttribute('href') || ''"))
    assert {"pause", "stop", "flatten", "kill", "/positions", "/settings", "/why"} <= seen
    v.page.keyboard.press("g")
    v.page.keyboard.press("p")
    v.page.wait_for_url("**/positions")
    v.page.keyboard.press("c")
    assert v.page.evaluate("document.activeElement.value") == "pause"
    v.page.keyboard.press("Enter")
    v.receipt("Pause")
    v.page.keyboard.press("?")
    v.page.wait_for_selector("#dlg-keys[open]")
    v.page.keyboard.press("Escape")
    assert v.page.query_selector("#dlg-keys[open]") is None
    v.page.keyboard.press("t")
    assert v.page.evaluate("document.documentElement.dataset.theme") in ("dark", "light")


def test_focus_and_typed_words_survive_a_refresh(running: Start, visit: Visit) -> None:
    v = visit(running())
    v.word("RUNNING")
    v.page.click("#cmd button[value=kill]")
    v.page.wait_for_selector("#dlg[open]")
    v.page.type("#ask-w", "KI")
    v.page.wait_for_timeout(1600)
    assert v.page.input_value("#ask-w") == "KI"
    assert v.page.evaluate("document.activeElement.id") == "ask-w"
    v.page.keyboard.press("Escape")
    v.page.focus("#cmd button[value=stop]")
    v.page.wait_for_timeout(1300)
    assert v.page.evaluate("document.activeElement.value") == "stop"


def test_a_table_sorts_and_stays_sorted_over_refreshes(running: Start, visit: Visit) -> None:
    v = visit(running())
    v.word("RUNNING")
    v.go("/performance?range=all")
    figures = "[...document.querySelectorAll('#pe-periods tbody td.pnl')].map(c => " \
              "parseFloat(c.textContent.replace('\u2212', '-').replace(/,/g, '')))"  # fmt: skip
    v.page.click('#pe-periods th:text("Result, USD")')
    up = v.page.evaluate(figures)
    assert up == sorted(up)
    assert v.page.get_attribute('#pe-periods th:text("Result, USD")', "aria-sort") == "ascending"
    v.page.focus('#pe-periods th:text("Result, USD")')
    v.page.keyboard.press("Enter")
    v.page.wait_for_timeout(1200)
    down = v.page.evaluate(figures)
    assert down == sorted(down, reverse=True)
    assert len(down) > 3


def test_signing_out_ends_it(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    v.page.click("button[form=outf]")
    v.page.wait_for_url("**/login")
    v.page.goto(here.base + "/")
    assert "Sign in" in v.page.inner_text("h1")


def test_a_viewer_sees_buttons_that_say_why(running: Start, visit: Visit) -> None:
    v = visit(running(), role="viewer")
    v.word("RUNNING")
    button = v.page.locator("#cmd button[value=kill]")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("data-why") == "Signed in as viewer: read-only."


def test_a_phone_has_the_commands_in_the_thumbs_reach(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    v.word("RUNNING")
    v.page.tap("#f-nav button.cmds")
    v.page.wait_for_selector("#cmd:popover-open")
    box = v.page.locator("#cmd button[value=kill]").bounding_box()
    assert box is not None
    assert box["height"] >= 44
    v.page.tap("#cmd button[value=pause]")
    v.receipt("Pause")
    for path in ("/", "/positions", "/orders", "/why", "/risk", "/health", "/settings", "/events", "/performance"):
        v.go(path)
        assert v.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_without_javascript_a_button_is_a_form(running: Start, visit: Visit, browser: object) -> None:
    here = running()
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(here.login_link())
    page.click("text=Continue")
    time.sleep(1.2)
    page.reload()
    assert page.inner_text("#f-pres b") == "RUNNING"
    page.click("#cmd button[value=pause]")
    assert page.url == here.base + "/"
    time.sleep(0.8)
    page.reload()
    assert page.inner_text("#f-pres b") == "PAUSED"
    page.click("#cmd button[value=kill]")
    assert "Kill COIN-BOT" in page.inner_text("h2")
    page.fill("#ask-w", "KILL")
    page.click("[data-go]")
    time.sleep(0.8)
    page.reload()
    assert page.inner_text("#f-pres b") == "KILLED"
    context.close()


WATCH_SCREEN = """() => {
  window.seen = [];
  document.addEventListener('htmx:sse:after:message', () => requestAnimationFrame(() => {
    const n = +document.querySelector('#f-pres').textContent.match(/seq ([\\d,]+)/)[1].replace(/,/g, '');
    if (n !== window.last) { window.last = n; window.seen.push([n, Date.now()]); }
  }));
}"""


def test_a_change_of_the_file_is_on_the_screen_within_300_ms(running: Start, visit: Visit) -> None:
    here = running()
    v = visit(here)
    v.word("RUNNING")
    v.page.evaluate(WATCH_SCREEN)
    p95 = 0.0
    for _ in range(5):  # a machine that others use as well gets five tries
        took = _measure(here, v)
        p95 = statistics.quantiles(took, n=20)[-1]
        if p95 <= 300:
            return
    pytest.fail(f"p95 {p95} ms")


def _measure(here: Running, v: Visitor) -> list[int]:
    """Milliseconds from the writer's stamp on a document to the frame that shows it."""
    written: dict[int, int] = {}
    end = time.monotonic() + 7
    while time.monotonic() < end:
        data = here.paths.state.read_bytes()
        written[int(_group(rb'"seq":(\d+)', data))] = int(_group(rb'"ts_ms":(\d+)', data))
        v.page.wait_for_timeout(120)
    seen = {int(n): int(at) for n, at in v.page.evaluate("window.seen")}
    took = [seen[n] - at for n, at in written.items() if n in seen]
    assert len(took) >= 5
    return took


def _group(pattern: bytes, data: bytes) -> bytes:
    found = re.search(pattern, data)
    assert found is not None
    return found[1]
