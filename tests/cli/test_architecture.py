"""The picture of the rooms: drawn from the imports, and refused where they run in a circle."""

import pytest

from cli import architecture


def test_a_room_stands_above_what_it_imports() -> None:
    found = {"top": {"middle", "ground"}, "middle": {"ground"}, "ground": set[str]()}
    assert architecture.floors(found) == [["ground"], ["middle"], ["top"]]
    assert architecture.needed(found) == {"top": {"middle"}, "middle": {"ground"}, "ground": set()}


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match="a circle among one, two"):
        architecture.floors({"one": {"two"}, "two": {"one"}, "ground": set()})


def test_every_room_is_drawn_with_its_purpose() -> None:
    named = architecture.rooms()
    picture = architecture.draw()
    assert {"bot.engine", "bot.app", "shared.ledger", "dashboard", "simulator"} <= set(named)
    for name, room in named.items():
        assert room.purpose and f">{name.replace('.', '/')}</text>" in picture
    assert architecture.PICTURE.read_text() == picture, "python -m cli.architecture draws it anew"


def test_an_arrow_past_a_floor_runs_beside_its_rooms() -> None:
    levels, arrows = [["a"], ["b"], ["c"]], {"c": {"a", "b"}, "b": set[str](), "a": set[str]()}
    rows, ways = architecture.lanes(levels, arrows)
    assert ["c", "c>a@1", "a"] in ways and "c>a@1" in rows[1]
