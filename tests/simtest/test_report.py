"""The published page is what the command writes from the kept results, not what a hand made of it."""

import json

from simtest.report import DOC, KEPT, page


def test_the_page_is_the_commands() -> None:
    assert DOC.read_text() == page(json.loads(KEPT.read_text()))
