"""One run as a single HTML file that loads nothing: `page(story)`."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from simtest.judge import INVARIANTS
from simtest.story.lanes import framed, lanes
from simtest.story.panels import panels
from simtest.story.run_story import BreachStory, OrderStory, RunStory
from simtest.story.svg import Axis, clock

_PAGE = Path(__file__).parent / "page"
EVENTS_MOST = 20_000  # lines of the table; a browser would stumble over more


def page(story: RunStory) -> str:
    """The whole page."""
    axis = Axis(max(story.end_us, 1))
    plan = story.truth["plan"]
    drawn = "".join(framed(lane, axis, story) for lane in [*lanes(story, axis), *panels(story, axis)])
    texts = {
        "title": f"Seed {story.seed}",
        "subtitle": escape(
            f"{plan['minutes']:g} min of faults and 3 min of calm · market {plan['market']} · "
            f"{', '.join(plan['products'])} · client ids {plan['mode']} · round trip {plan['rtt_ms'][0]} to "
            f"{plan['rtt_ms'][1]} ms" + (" · live" if plan.get("live") else "")
        ),
        "again": escape(f"./coin simulate --explain {story.seed} --minutes {plan['minutes']:g}"),
        "verdict": _verdict(story),
        "breaches": "".join(map(_breach, story.breaches)),
        "figures": "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in _figures(story)),
        "lanes": drawn,
        "orders": "".join(map(_order, story.orders)),
        "order_count": f"{len(story.orders):,}",
        "events": _events(story),
        "event_note": _event_note(story),
        "whos": "".join(
            f'<label><input type="checkbox" checked value="{who}"> {who}</label>'
            for who in sorted({who for _, who, _ in story.events})
        ),
        "invariants": _invariants(story),
        "plan": _pairs(plan["settings"]),
        "settings": _pairs(story.truth["settings"]),
        "css": (_PAGE / "story.css").read_text(),
        "js": (_PAGE / "story.js").read_text(),
    }
    pieces = (_PAGE / "story.html").read_text().split("{{")
    out = [pieces[0]]
    for piece in pieces[1:]:  # in one pass: a text that holds braces is not looked into
        key, _, rest = piece.partition("}}")
        out += [texts[key], rest]
    return "".join(out)


def _verdict(story: RunStory) -> str:
    names = list(story.record["breaches"])
    if not names:
        return '<p class="say good">Nothing broke.</p>'
    if "RIG" in names:
        return '<p class="say bad">The test itself failed (RIG): nothing is said of the bot.</p>'
    what = f"{len(names)} invariant{'s' if len(names) > 1 else ''}"
    return f'<p class="say bad">{what} broke: {escape(", ".join(names))}.</p>'


def _breach(breach: BreachStory) -> str:
    where = clock(breach.us)
    if not breach.named:
        where += " (the last moment of its orders)" if breach.orders else " (the end: no moment is named)"
    orders = ", ".join(f'<a href="#order-{o.number}">order {o.number}</a>' for o in breach.orders)
    return (
        f'<li id="breach-{breach.number}"><b>{breach.number}</b><div><strong>{escape(breach.invariant)}</strong> '
        f"<span>{escape(_said(breach.text))}</span><small>{where}{' · ' + orders if orders else ''}</small></div></li>"
    )


def _said(text: str) -> str:
    """The judge's words, with times as the page writes them."""
    return re.sub(r"\bat (\d+) us\b", lambda found: f"at {clock(int(found[1]))}", text)


def _figures(story: RunStory) -> list[tuple[str, str]]:
    record, counts = story.record, story.record.get("counts", {})
    judged = record.get("judged", {})
    strikes = sum(record.get("strikes", {}).values())
    return [
        ("virtual time", f"{record['virtual_s'] / 60:g} min"),
        ("lives of the process", str(counts.get("lives", len(story.truth["lives"])))),
        ("order requests", f"{counts.get('posts', len(story.truth['posts'])):,}"),
        ("orders, fills", f"{len(story.orders):,}, {sum(len(order.fills) for order in story.orders):,}"),
        ("faults and acts that struck", f"{strikes:,}"),
        ("things judged", f"{sum(judged.values()):,}"),
        ("rules judged, of all", f"{sum(1 for n in judged.values() if n)} of {len(judged)}"),
        ("hash of all events", str(record.get("hash", "–"))[:12]),
    ]


def _order(order: OrderStory) -> str:
    fills = ", ".join(f"{size} at {price:g}" for _, price, size, _ in order.fills)
    known = " / ".join((order.at_exchange or "–", order.in_ledger or "–"))
    answers = ", ".join(order.answers) or "not sent"
    cells = [
        (f"{order.number}", "n"),
        (clock(order.begin_us), "n"),
        (order.product_id, ""),
        (order.side, order.side.lower()),
        (order.purpose or ("–" if order.owner in ("bot", "copy") else order.owner), ""),
        (order.terms, "w wide"),
        (answers, "w"),
        (known, f"o {order.outcome}"),
        (clock(order.end_us) if order.end_us is not None else "open", "n"),
        (fills or "–", "w"),
        (order.reason or "", "w"),
    ]
    body = "".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in cells)
    flags = " ".join(f'<a class="flag" href="#breach-{n}">{n}</a>' for n in order.breaches)
    coid = f'<td class="id">{escape(order.client_order_id)}</td>'
    return f'<tr id="order-{order.number}"{" class=named" if order.breaches else ""}>{body}<td>{flags}</td>{coid}</tr>'


def _events(story: RunStory) -> str:
    rows = [(us, who, what, "") for us, who, what in story.events]
    rows += [(breach.us, "judge", f"{breach.invariant}: {breach.text}", ' class="breach"') for breach in story.breaches]
    rows.sort(key=lambda row: row[0])
    return "".join(
        f'<tr data-who="{who}"{kind}><td class="n">{clock(us)}</td><td>{who}</td><td class="w">{escape(what)}</td></tr>'
        for us, who, what, kind in rows[:EVENTS_MOST]
    )


def _event_note(story: RunStory) -> str:
    count = len(story.events)
    return f"{count:,}" if count <= EVENTS_MOST else f"the first {EVENTS_MOST:,} of {count:,}"


def _invariants(story: RunStory) -> str:
    rows = []
    for name, rules in story.judged().items():
        broken = len(story.record["breaches"].get(name, ()))
        judged = sum(n for _, _, n in rules)
        word, kind = ("broke", "bad") if broken else ("held", "good") if judged else ("not judged", "idle")
        check = INVARIANTS.get(name)
        sentence = ((check.__doc__ or "") if check is not None else "").strip().partition("\n")[0].partition(": ")[2]
        parts = "".join(
            f'<tr class="rule"><td>{escape(rule)}</td><td class="w">{escape(text)}</td><td></td>'
            f'<td class="n">{n:,}</td></tr>'
            for rule, text, n in rules
            if rule != name
        )
        rows.append(
            f'<tr class="invariant"><td>{escape(name)}</td><td class="w">{escape(sentence)}</td>'
            f'<td><span class="chip {kind}">{word}</span></td><td class="n">{judged:,}</td></tr>{parts}'
        )
    others = [name for name in story.record["breaches"] if name not in story.judged()]
    rows += [f'<tr><td>{escape(name)}</td><td></td><td class="bad">broke</td><td></td></tr>' for name in others]
    return "".join(rows)


def _pairs(values: Mapping[str, object]) -> str:
    rows = (
        f"<div><span>{escape(name)}</span><span>{escape(str(value))}</span></div>"
        for name, value in sorted(values.items())
    )
    return "".join(rows)
