"""The state document: what is written is what is read back."""

from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

from shared.documents.account import LotDoc
from shared.documents.risk import GateDoc


@pytest.mark.parametrize("document", [LotDoc, GateDoc])
def test_what_may_be_none_may_be_left_out(document: type) -> None:
    """These rows are written without the fields that hold nothing: each of those must be read back as None."""
    hints = get_type_hints(document)
    nullable = [f for f in fields(document) if type(None) in get_args(hints[f.name])]
    assert nullable and all(f.default is None for f in nullable), [f.name for f in nullable if f.default is not None]
