"""The project's documents, to be read inside COIN: chapters, their sections, a search, and the glossary's terms.

Read from `docs/` of this checkout once for each process, so they are the documents of this version, and no network is
needed. `/help` shows them, the palette finds them, the words on the pages are explained by them.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from shared.paths import ROOT

DOCS = ROOT / "docs"
# What a person reads, in this order; what is left out is made for machines or shows nothing without its pictures.
NAMES = (
    "dashboard", "trading-rules", "strategies", "risk", "glossary", "lab", "learning", "research", "alerts", "chat",
    "operations", "security", "monitoring", "ledger", "performance", "reliability", "simulation-testing", "simulator",
    "command-line", "architecture", "howto/strategy", "howto/model", "howto/setting", "howto/command", "howto/guard",
    "howto/alert-rule", "howto/alert-sink", "howto/page", "howto/venue",
)  # fmt: skip
WORDS_A_MINUTE = 220
HITS = 40
_HEADING = re.compile(r"^(#{1,4}) (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (?!term)([^|]+) \| ([^|]+) \|", re.MULTILINE)
_MARKS = re.compile(r"[`*#|>]+|\]\([^)]*\)|!?\[")


@dataclass(frozen=True, slots=True)
class DocSection:
    """A heading and the text down to the next one, without Markdown's marks.

    `of`: the chapter's name; `anchor`: "" = the chapter's beginning.
    """

    of: str
    anchor: str
    heading: str
    depth: int
    text: str

    @property
    def path(self) -> str:
        return f"/help?of={self.of}" + (f"#{self.anchor}" if self.anchor else "")


@dataclass(frozen=True, slots=True)
class Chapter:
    """One document. `minutes`: how long reading takes."""

    name: str
    title: str
    minutes: int
    sections: tuple[DocSection, ...]


@dataclass(frozen=True, slots=True)
class DocHit:
    """A section that holds every word, with the text around the first one."""

    section: DocSection
    chapter: str
    around: str


def anchor(heading: str) -> str:
    """The name that a heading's link has: lower case, words joined by hyphens."""
    return re.sub(r"[^\w]+", "-", heading.strip().lower()).strip("-").replace("_", "-")


def section(text: str, name: str) -> str | None:
    """The section with that name, down to the next heading of its depth or above; None = there is none."""
    found = [match for match in _headings(text) if len(match[1]) > 1]
    for number, match in enumerate(found):
        if anchor(match[2]) != name:
            continue
        after = (other.start() for other in found[number + 1 :] if len(other[1]) <= len(match[1]))
        return text[match.start() : next(after, len(text))].rstrip()
    return None


def _headings(text: str) -> list[re.Match[str]]:
    """Without the comments of shell examples, which look like headings."""
    blank = _FENCED.sub(lambda fenced: " " * len(fenced[0]), text)
    return list(_HEADING.finditer(blank))


@cache
def source(name: str) -> str:
    """The document as it is written; "" where the file is missing."""
    path = DOCS / f"{name}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@cache
def chapters() -> tuple[Chapter, ...]:
    """Every document that is there, in the order of `NAMES`."""
    return tuple(chapter_of(name, source(name)) for name in NAMES if source(name))


def chapter_of(name: str, text: str) -> Chapter:
    found = _headings(text)
    title = plain(found[0][2]) if found else name
    sections, seen = [], set[str]()
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        heading, depth = plain(match[2]), len(match[1])
        mark = "" if number == 0 else _unused(anchor(match[2]), seen)
        sections.append(DocSection(name, mark, heading, depth, plain(text[match.end() : end])))
    return Chapter(name, title, max(1, round(len(text.split()) / WORDS_A_MINUTE)), tuple(sections))


def _unused(mark: str, seen: set[str]) -> str:
    """Two headings of one name get two anchors, in the order of the text."""
    found, number = mark, 1
    while found in seen:
        number += 1
        found = f"{mark}-{number}"
    seen.add(found)
    return found


def plain(text: str) -> str:
    """Without Markdown's marks."""
    return " ".join(_MARKS.sub("", text).split())


@lru_cache(maxsize=len(NAMES))
def rendered(name: str) -> Markup | None:
    """A chapter as HTML, its headings with anchors, its links inside COIN; None = there is no such chapter."""
    chapter = next((one for one in chapters() if one.name == name), None)
    if chapter is None:
        return None
    # What looks like a tag in the text is text; without pictures, of which COIN serves none.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(source(name))
    marks = iter(section.anchor for section in chapter.sections)
    for token in tokens:
        if token.type == "heading_open" and len(token.tag) == 2 and int(token.tag[1]) <= 4:
            token.attrSet("id", next(marks, "") or "top")
        elif token.type == "table_open":
            token.attrSet("class", "tb")
        for inner in token.children or ():
            _link(inner, name)
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 (escaped by the parser)


def _link(token: Token, name: str) -> None:
    """Another document's link becomes the one of its chapter; of a file that is no chapter only the words stay."""
    if token.type != "link_open":
        return
    target = str(token.attrGet("href") or "")
    if target.startswith(("https://", "http://")):
        token.attrSet("rel", "noreferrer")
        return
    path, _, mark = target.partition("#")
    folder = name.rpartition("/")[0]
    parts: list[str] = [folder] if folder and path else []
    for part in path.removesuffix(".md").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    found = "/".join(parts).removeprefix("docs/") if path else name
    if found in NAMES and (not path or path.endswith(".md")):
        token.attrSet("href", f"/help?of={found}" + (f"#{anchor(mark)}" if mark else ""))
    else:
        del token.attrs["href"]


@lru_cache(maxsize=64)  # an open page asks again with each write of the bot
def search(words: str) -> list[DocHit]:
    """Sections that hold every one of the words, those with it in the heading first; at most `HITS`."""
    wanted = words.lower().split()
    found: list[tuple[int, int, DocHit]] = []
    if not wanted:
        return []
    for number, chapter in enumerate(chapters()):
        for part in chapter.sections:
            heading = part.heading.lower()
            whole = f"{heading} {part.text.lower()}"
            if all(word in whole for word in wanted):
                rank = -sum(word in heading for word in wanted)
                found.append((rank, number, DocHit(part, chapter.title, _around(part.text, wanted))))
    return [hit for _, _, hit in sorted(found, key=lambda one: one[:2])[:HITS]]


def _around(text: str, wanted: list[str]) -> str:
    at = min((place for word in wanted if (place := text.lower().find(word)) >= 0), default=0)
    first = max(0, text.rfind(" ", 0, max(0, at - 60)) + 1)
    cut = text[first : first + 220]
    return ("…" if first else "") + (cut if len(text) <= first + 220 else cut.rsplit(" ", 1)[0] + "…")


@cache
def terms() -> dict[str, str]:
    """What each word of docs/glossary.md means, by the word."""
    return {plain(word): plain(meaning) for word, meaning in _ROW.findall(source("glossary")) if set(word) != {"-"}}
