"""A run as a timeline, one line for each event: `python -m simtest.timeline FOLDER`."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Line = tuple[int, str, str]  # when in us, who, what
SHOWN = ("status", "level", "latch", "cleared_ms", "blocked", "error", "ledger_ok")


def lines(folder: Path) -> list[str]:
    """The whole run."""
    truth = json.loads((folder / "truth.json").read_bytes())
    return [f"{us / 1e6:10.3f} s  {who:8}  {what}" for us, who, what in events(folder, truth)]


def events(folder: Path, truth: Row) -> list[Line]:
    """The whole run, oldest first. `truth`: what its truth.json holds."""
    found = [*_world(truth), *_orders(truth), *_bot(truth), *_journal(folder, truth)]
    found.sort(key=lambda line: line[0])
    return found


def _world(truth: Row) -> Iterator[Line]:
    for window in truth["plan"]["windows"]:
        where = f" on {window['scope']}" if window["scope"] else ""
        text = f"{window['kind']}{where} at a rate of {window['rate']:g} (arg {window['arg']:g})"
        yield round(window["at_s"] * 1e6), "fault", f"begins: {text}"
        yield round((window["at_s"] + window["for_s"]) * 1e6), "fault", f"ends: {window['kind']}{where}"
    for act in truth["acts"]:
        more = {name: value for name, value in act.items() if name not in ("us", "kind")}
        yield act["us"], "act", f"{act['kind']} {more}"
    for life in truth["lives"]:
        yield life["from_us"], "process", f"life {life['life']} begins"
        if life["to_us"] is not None:
            yield life["to_us"], "process", f"life {life['life']}: {life['end']} {life.get('error') or ''}"


def _orders(truth: Row) -> Iterator[Line]:
    for post in truth["posts"]:
        yield post["sent_us"], "bot", f"POST {post['side']} {_name(post['client_order_id'])} {post['configuration']}"
        if post["done_us"] is not None:
            answer = post["order_id"] or post.get("error")
            yield post["done_us"], "exchange", f"{_name(post['client_order_id'])}: {post['status']} {answer}"
    for cancel in truth["cancels"]:
        yield cancel["sent_us"], "bot", f"cancel {', '.join(_name(order_id) for order_id in cancel['ids'] or ())}"
    names = {order["order_id"]: order["client_order_id"] for order in truth["venue"]["orders"]}
    for order in truth["venue"]["orders"]:
        if order["done_us"] is not None:
            text = f"{_name(order['client_order_id'])} is {order['status']}, filled {order['filled']}"
            yield order["done_us"], "exchange", text
    for fill in truth["venue"]["fills"]:
        text = f"{_name(names[fill['order_id']])}: {fill['side']} {fill['size']} at {fill['price']}, fee {fill['fee']}"
        yield fill["us"], "exchange", f"fill of {text}"


def _bot(truth: Row) -> Iterator[Line]:
    """What the bot published, where it changed."""
    last: Row = {}
    for state in truth["states"]:
        now = {name: state[name] for name in SHOWN}
        changed = {name: value for name, value in now.items() if value != last.get(name)}
        if changed:
            yield state["us"], "state", ", ".join(f"{name} {value}" for name, value in changed.items())
        last = now


def _journal(folder: Path, truth: Row) -> Iterator[Line]:
    """The bot's notes, at the times of its own clock."""
    ledger = folder / "data" / "ledger.db"
    if not ledger.exists():
        return
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT at_ms, kind, level, text FROM activity_log ORDER BY rowid").fetchall()
    db.close()
    for at_ms, kind, level, text in rows:
        yield at_ms * 1000 - truth["start_us"], "journal", f"{kind} ({level}): {text}"


def _name(order: Any) -> str:
    return str(order)[-8:]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines(Path(sys.argv[1]))) + "\n")
