"""What a hostile exchange, log line or command sender writes is shown as text: nothing of it runs in a real browser.

Every free text of the bot's document, the market file, the ledger and the logs carries the payloads; every page is
loaded with them, and they come in over the stream as well. The same payloads, put into a page without our escaping and
policy, do run: else this would prove nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson
import pytest
from playwright.sync_api import Browser, Dialog

from shared.documents.state import encode_state
from shared.files import write_whole
from tests.browser.conftest import Running, Visitor
from tests.dashboard.past_files import fill
from tests.dashboard.test_pages import poisoned
from tests.dashboard.writer import Writer

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
PAGES = ("/", "/positions", "/orders", "/chart", "/why", "/risk", "/performance", "/strategy", "/log", "/events",
         "/health", "/settings", "/sessions", "/moment")  # fmt: skip
HIT = "(window.hit||(()=>{}))()"
_ELEMENTS = (
    "<script>{}</script>", "<img src=x onerror='{}'>", "<svg onload='{}'></svg>", "<body onload='{}'>",
    "<iframe srcdoc='<script>parent.{}</script>'></iframe>", "<iframe src='javascript:parent.{}'></iframe>",
    "<details open ontoggle='{}'><summary>x</summary></details>", "<input autofocus onfocus='{}'>",
    "<select autofocus onfocus='{}'></select>", "<textarea autofocus onfocus='{}'></textarea>",
    "<video><source onerror='{}'></video>", "<video src=x onerror='{}'></video>", "<audio src=x onerror='{}'></audio>",
    "<object data='javascript:parent.{}'></object>", "<embed src='javascript:parent.{}'>",
    "<svg><script>{}</script></svg>", "<svg><animate onbegin='{}' attributeName=x dur=1s></animate></svg>",
    "<math><mtext><img src=x onerror='{}'></mtext></math>", "<style onload='{}'></style>",
    "<link rel=stylesheet href=x onerror='{}'>", "<script src='data:text/javascript,{}'></script>",
    "<marquee onstart='{}'>x</marquee>", "<svg><set onbegin='{}' attributeName=x></set></svg>",
    "<svg><image href=x onerror='{}'></image></svg>",
)  # fmt: skip
_ESCAPES = ("", "\"'>", "</title></textarea></script></style></svg></template>", "--><!---->", "]]>")
PAYLOADS = [
    escape + element.replace("{}", HIT)
    for escape in _ESCAPES[:3]
    for element in _ELEMENTS
    if not (escape and element.startswith(("<body", "<marquee")))
] + [
    "\"' onmouseover='{0}' onfocus='{0}' autofocus tabindex=0 x='".replace("{0}", HIT),
    "' autofocus onfocus={0} '".replace("{0}", HIT),
    '" style="animation:turn 1s" onanimationstart="{0}'.replace("{0}", HIT),
    f"javascript:{HIT}", f"data:text/html,<script>{HIT}</script>", "{{constructor.constructor('" + HIT + "')()}}",
    f"</hx-partial><hx-partial hx-target='body'><img src=x onerror='{HIT}'></hx-partial>",
    f"<template hx type=partial><img src=x onerror='{HIT}'></template>", f"<div hx-on:load='{HIT}'></div>",
    f"<div data-hx-get='/' data-hx-trigger='load' hx-vals='js:x:{HIT}'></div>",
    f"\n\ndata: <img src=x onerror='{HIT}'>\n\n",
    f"<b data-dismiss><img src=x onerror='{HIT}'></b>", f"{_ESCAPES[3]}<img src=x onerror='{HIT}'>",
    f"{_ESCAPES[4]}<img src=x onerror='{HIT}'>",
]  # fmt: skip
GROUP = 24  # payloads in one text
WATCH = """
window.hits = 0;
window.hit = () => { window.hits += 1; };
for (const name of ["alert", "confirm", "prompt"]) window[name] = window.hit;
"""


LOOK = """() => ({
  hits: window.hits, frames: window.frames.length, said: document.body.textContent.split("window.hit").length - 1,
})"""


def texts(turn: int) -> Iterator[str]:
    """Every text holds 24 of the payloads, whatever field it is; after all turns each has been everywhere."""
    mine = [PAYLOADS[(turn * GROUP + i) % len(PAYLOADS)] for i in range(GROUP)]
    while True:
        yield "".join(mine)


class Hostile:
    """In the bot's place: writes everything that a page is made of, poisoned."""

    def __init__(self, here: Running) -> None:
        self.paths = here.paths
        self.writer = Writer(here.folder)
        self.seq = 600_000

    def put(self, turn: int) -> str:
        """One write; returns its number as the page shows it."""
        self.seq += 1
        state = poisoned(self.writer.state(), texts(turn))
        write_whole(self.paths.state, encode_state(replace(state, seq=self.seq)), durable=False)
        self.writer.write_market()
        market = orjson.loads(self.paths.market.read_bytes())
        for row in (*market["quotes"], *market["depth"]):
            row["product_id"] = next(texts(turn))
        write_whole(self.paths.market, orjson.dumps(market), durable=False)
        return f"{self.seq:,}"


def poison_files(here: Running) -> None:
    """What the ledger, the charts' store, the audit trail and the logs say."""
    fill(here.folder)
    rows = ["".join(PAYLOADS[i : i + GROUP]) for i in range(0, len(PAYLOADS), GROUP)]
    with sqlite3.connect(here.paths.ledger) as db:
        for i, text in enumerate(rows):
            db.execute(
                "UPDATE activity_log SET text=?, product_id=?, kind=? WHERE seq % ? = ?",
                (text, text, text, len(rows), i),
            )
            db.execute("UPDATE orders SET reason=?, product_id=? WHERE rowid % ? = ?", (text, text, len(rows), i))
            db.execute("UPDATE lots SET exit_reason=?, product_id=? WHERE rowid % ? = ?", (text, text, len(rows), i))
        db.execute("UPDATE commands SET reason=?, by=?", (rows[0], rows[1]))
    with sqlite3.connect(here.paths.market_db) as db:
        for i, text in enumerate(rows):
            db.execute(
                "UPDATE OR IGNORE stops SET title=?, product_id=? WHERE start_s/60 % ? = ?", (text, text, len(rows), i)
            )
            db.execute(
                "UPDATE signals SET vals=? WHERE start_s/60 % ? = ?", (orjson.dumps({text: 1.0}).decode(), len(rows), i)
            )
    with (here.paths.logs / "COIN-BOT.log").open("a") as log:
        log.writelines(f"2026-11-20T10:00:00.000Z ERROR {text!r}\n" for text in rows)
    with here.paths.audit.open("ab") as audit:
        for text in rows:
            audit.write(
                orjson.dumps({"at": "2026-11-20T10:00:00Z", "what": text, "by": text, "role": text, "from": text})
            )
            audit.write(b"\n")


def test_nothing_that_the_exchange_says_runs(browser: Browser, running: Callable[..., Running]) -> None:
    assert len(PAYLOADS) >= 60
    here = running("bare")
    here.signal("writer", 15)
    poison_files(here)
    hostile = Hostile(here)
    turns = -(-len(PAYLOADS) // GROUP)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    dialogs: list[str] = []

    def seen_dialog(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    context.add_init_script(WATCH)
    try:
        visitor = Visitor(context, here)
        page, seen = visitor.page, 0
        page.on("dialog", seen_dialog)
        for turn in range(turns):
            hostile.put(turn)
            for path in PAGES:
                page.goto(here.base + path)
                found = page.evaluate(LOOK)
                assert (found["hits"], found["frames"]) == (0, 0), (turn, path)
                seen += found["said"]
        # And by the stream, into a page that is open: everything is drawn anew with each turn.
        for path in ("/", "/strategy", "/chart"):
            page.goto(here.base + path)
            for turn in range(turns):
                seq = hostile.put(turn)
                page.wait_for_selector(f'#f-pres:has-text("{seq}")')
                assert page.evaluate(LOOK)["hits"] == 0, (turn, path)
        assert seen > 5000, "the payloads were on the pages, as text"
        trouble = [t for t in visitor.trouble if "chart Error: 422" not in t]  # no product is called like that
        assert trouble == dialogs == [], "escaping held: the policy had nothing to refuse"
        assert visitor.asked == {f"127.0.0.1:{here.port}"}
    finally:
        context.close()
        hostile.writer.lock.close()


def test_the_same_payloads_do_run_where_nobody_escapes_them(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    try:
        page.set_content("<!doctype html>")
        frames = [f'<!doctype html><script>{WATCH}</script><i title="{p}"></i>{p}' for p in PAYLOADS]
        ran = page.evaluate(
            """async (frames) => {
              const made = frames.map((srcdoc) => Object.assign(document.createElement("iframe"), { srcdoc }));
              document.body.append(...made);
              const ran = () => made.filter((frame) => frame.contentWindow.hits > 0).length;
              for (let i = 0; i < 100 && ran() < 40; i++) await new Promise((done) => setTimeout(done, 100));
              return ran();
            }""",
            frames,
        )
    finally:
        context.close()
    assert ran >= 40, f"{ran} of {len(PAYLOADS)}"
