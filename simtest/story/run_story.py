"""What happened in a run, for people: its orders with all that is known of them, its breaches with their moments."""

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simtest import timeline
from simtest.judge import INVARIANTS
from simtest.judge.rules import RULES, invariant_of

Row = dict[str, Any]
_AT_US = re.compile(r"\bat (\d+) us\b")
_WORD = re.compile(r"\b[0-9a-f]{8}\b")
SHOWN_OF_ID = 8  # characters: the judge names an order of ours by its last ones, one of the exchange by its first ones


@dataclass(slots=True)
class OrderStory:
    """One order, as far as the bot, the exchange and the ledger know it. Times are microseconds of the run."""

    number: int  # in the order of sending, from 1
    client_order_id: str
    order_id: str | None = None  # the exchange's; None = it has none of this id
    product_id: str = ""
    side: str = ""
    terms: str = ""  # kind, size and limit, for a person
    owner: str = "bot"  # bot, copy (the bot on a copied folder), stray (under the bot's mark, not its own), others
    purpose: str | None = None  # as the ledger has it
    lot_id: str | None = None
    limit: float | None = None  # price
    begin_us: int = 0
    end_us: int | None = None  # None = not over when the run ended
    posts_us: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)  # what each request for it came back with
    cancels_us: list[int] = field(default_factory=list)
    fills: list[tuple[int, float, str, str]] = field(default_factory=list)  # (when, price, size as text, trade id)
    at_exchange: str | None = None  # its state there; None = it never got there
    in_ledger: str | None = None  # its state here; None = the ledger does not hold it
    reason: str = ""
    breaches: list[int] = field(default_factory=list)  # numbers of the breaches that name it

    @property
    def last_us(self) -> int:
        """When the newest thing about it happened."""
        return max(self.begin_us, self.end_us or 0, *self.posts_us, *(us for us, *_ in self.fills), *self.cancels_us)

    @property
    def outcome(self) -> str:
        """One word: filled, partly, cancelled, refused, unsent, lost (sent, never at the exchange) or open."""
        if self.at_exchange is None:
            if self.posts_us:
                return "refused" if any(text.startswith("refused") for text in self.answers) else "lost"
            return "unsent"
        if self.at_exchange == "FILLED":
            return "filled"
        if self.end_us is None:
            return "open"
        if self.fills:
            return "partly"
        return "refused" if self.at_exchange == "FAILED" else "cancelled"


@dataclass(slots=True)
class BreachStory:
    """One breach: what the judge says, and where it belongs on the timeline."""

    number: int  # from 1
    invariant: str
    text: str
    us: int
    named: bool  # the moment is the judge's own; else it is the last one of the orders named, or the end of the run
    orders: list[OrderStory] = field(default_factory=list)


@dataclass(slots=True)
class RunStory:
    """Everything that a page shows of a run."""

    seed: int
    truth: Row
    record: Row
    orders: list[OrderStory]
    breaches: list[BreachStory]
    events: list[timeline.Line]
    notes: list[Row]  # the bot's activity log

    @property
    def end_us(self) -> int:
        return int(self.truth["end_us"])

    @property
    def products(self) -> list[str]:
        """Those of the plan, then others that were traded."""
        return list(dict.fromkeys([*self.truth["plan"]["products"], *(order.product_id for order in self.orders)]))

    def judged(self) -> dict[str, list[tuple[str, str, int]]]:
        """Invariant → its rules as (name, sentence, how often it was judged)."""
        counts: Mapping[str, int] = self.record.get("judged", {})
        found: dict[str, list[tuple[str, str, int]]] = {name: [] for name in INVARIANTS}
        for rule, sentence in RULES.items():
            found.setdefault(invariant_of(rule), []).append((rule, sentence, counts.get(rule, 0)))
        return found


def read(folder: Path, record: Row) -> RunStory:
    """The story of the run in `folder`, judged as `record`. Raises OSError, ValueError where there is no evidence."""
    truth = json.loads((folder / "truth.json").read_bytes())
    rows = _ledger(folder, "SELECT * FROM orders ORDER BY rowid")
    orders = _orders(truth, rows)
    story = RunStory(
        seed=record["seed"],
        truth=truth,
        record=record,
        orders=orders,
        breaches=[],
        events=timeline.events(folder, truth),
        notes=_ledger(folder, "SELECT at_ms, kind, level, text FROM activity_log ORDER BY rowid"),
    )
    texts = [(name, text) for name, found in record["breaches"].items() for text in found]
    for number, (name, text) in enumerate(texts, 1):
        story.breaches.append(_breach(story, number, name, text))
    return story


def _ledger(folder: Path, query: str) -> list[Row]:
    path = folder / "data" / "ledger.db"
    if not path.exists():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute(query)]
    db.close()
    return found


# Orders.


def _orders(truth: Row, rows: Iterable[Row]) -> list[OrderStory]:
    """Every order of the run: those of the exchange, those that were sent in vain, those that were never sent."""
    found: dict[tuple[str, str | None], OrderStory] = {}
    strays, mark = set(truth["strays"]), f"ct-{truth['bot_name']}-"
    for order in truth["venue"]["orders"]:
        coid = order["client_order_id"]
        owner = "stray" if coid in strays else "bot" if coid.startswith(mark) else "others"
        found[coid, order["order_id"]] = OrderStory(
            0, coid, order["order_id"], order["product_id"], order["side"], _terms(order), owner,
            limit=float(order["limit"]) if order["limit"] is not None else None, begin_us=order["created_us"],
            end_us=order["done_us"], at_exchange=order["status"], reason=order["cancel_message"] or "",
        )  # fmt: skip
    _of_requests(found, truth, "bot")
    for copy in truth["copies"]:
        _of_requests(found, copy, "copy")
    _of_fills(found, truth)
    _of_ledger(found, rows, int(truth["start_us"]))
    orders = sorted(found.values(), key=lambda order: (order.begin_us, order.client_order_id, order.order_id or ""))
    for number, order in enumerate(orders, 1):
        order.number = number
    return orders


def _terms(order: Row) -> str:
    size = f"{order['size']} base" if order["size"] is not None else f"for {order['quote']} quote"
    return f"{order['kind'].lower()} {size}" + (f" at {order['limit']}" if order["limit"] is not None else "")


def _of_requests(found: dict[tuple[str, str | None], OrderStory], truth: Row, owner: str) -> None:
    for post in truth["posts"]:
        coid, order_id = str(post["client_order_id"]), post["order_id"]
        order = found.get((coid, order_id)) or next((o for (c, _), o in found.items() if c == coid), None)
        if order is None:
            kind, terms = next(iter((post["configuration"] or {"unknown": {}}).items()))
            said = " ".join(f"{name}={value}" for name, value in terms.items())
            order = found[coid, order_id] = OrderStory(
                0, coid, None, str(post["product_id"]), str(post["side"]), f"{kind} {said}", owner,
                begin_us=post["sent_us"], end_us=post["done_us"],
            )  # fmt: skip
        order.owner = owner if order.owner in ("bot", "copy") else order.owner
        order.posts_us.append(post["sent_us"])
        order.begin_us = min(order.begin_us, post["sent_us"])
        order.answers.append(_answer(post))
    by_venue = {order.order_id: order for order in found.values() if order.order_id is not None}
    for cancel in truth["cancels"]:
        for order_id in cancel["ids"] or ():
            if order_id in by_venue:
                by_venue[order_id].cancels_us.append(cancel["sent_us"])


def _answer(post: Row) -> str:
    if post["status"] is None:
        return "no answer"
    if post["order_id"]:
        return "accepted"
    if post["status"] >= 500:  # says nothing of the order
        return f"answered {post['status']}"
    return f"refused: {post.get('error') or post['status']}"


def _of_fills(found: Mapping[tuple[str, str | None], OrderStory], truth: Row) -> None:
    by_venue = {order.order_id: order for order in found.values() if order.order_id is not None}
    for fill in truth["venue"]["fills"]:
        by_venue[fill["order_id"]].fills.append((fill["us"], float(fill["price"]), fill["size"], fill["trade_id"]))


def _of_ledger(found: dict[tuple[str, str | None], OrderStory], rows: Iterable[Row], start_us: int) -> None:
    by_coid: dict[str, list[OrderStory]] = defaultdict(list)
    for order in found.values():
        by_coid[order.client_order_id].append(order)
    for row in rows:
        coid = row["client_order_id"]
        if coid not in by_coid:
            made_us = max(row["created_ms"] * 1000 - start_us, 0)
            found[coid, None] = never_sent = OrderStory(
                0, coid, None, row["product_id"], row["side"],
                _unsent_terms(row),
                begin_us=made_us, end_us=made_us,
            )  # fmt: skip
            by_coid[coid].append(never_sent)
        for order in by_coid[coid]:
            order.purpose, order.in_ledger, order.lot_id = row["purpose"], row["state"], row["lot_id"] or coid
            order.reason = order.reason or row["reason"] or ""


def _unsent_terms(row: Row) -> str:
    size = f"{row['base_size']} base" if row["base_size"] else f"for {row['quote_size']} quote"
    return f"{row['kind']} {size}" + (f" at {row['limit_price']}" if row["limit_price"] else "")


# Breaches.


def _breach(story: RunStory, number: int, invariant: str, text: str) -> BreachStory:
    told = [int(us) for us in _AT_US.findall(text) if int(us) <= story.end_us]
    orders = _named(story.orders, text) or [order for order in story.orders if set(order.posts_us) & set(told)]
    for order in orders:
        order.breaches.append(number)
    us = told[0] if told else max((order.last_us for order in orders), default=story.end_us)
    return BreachStory(number, invariant, text, us, bool(told), orders)


def _named(orders: Iterable[OrderStory], text: str) -> list[OrderStory]:
    """The orders that a text of the judge names: by their own ids, a fill's, or their lot's."""
    words = set(_WORD.findall(text)) | {word for word in re.findall(r"[\w-]+", text) if len(word) > SHOWN_OF_ID}
    return [order for order in orders if words & _names(order)]


def _names(order: OrderStory) -> set[str]:
    names = {order.client_order_id, order.client_order_id[-SHOWN_OF_ID:]}
    names |= {trade_id[:SHOWN_OF_ID] for *_, trade_id in order.fills}
    if order.order_id is not None:
        names |= {order.order_id, order.order_id[:SHOWN_OF_ID]}
    return names | ({order.lot_id[-SHOWN_OF_ID:]} if order.lot_id is not None else set())
