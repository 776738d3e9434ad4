"""Facts of a result by name, and the error for different numbers of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from losscli import Wanted, evaluate
from losscli.errors import DataError


def test_a_result_is_a_dictionary_of_its_facts_and_tables() -> None:
    """The loss is the mean of 1 and 4."""
    result = evaluate("mse", [1.0, 2.0], [0.0, 0.0], wanted=Wanted(top=1, quantiles=("0.5",)))
    found = dict(result)
    assert (found["loss"], found["reduction"]) == ("mse", "mean")
    assert (found["value"], found["count"], found["weight_sum"]) == (2.5, 2, 2.0)
    assert found["top"] == result.top == result["top"]
    assert found["quantiles"] == result.quantiles
    assert {"loss", "value", "top", "quantiles"} <= set(dir(result))
    with pytest.raises(KeyError, match="groups"):
        result["groups"]


@pytest.mark.parametrize(("rows", "has_hint"), [(3, True), (2, False), (5, False)])
def test_a_first_row_that_became_a_header_is_thought_of(
    rows: int, has_hint: bool, tmp_path: Path
) -> None:
    """Labels without a header lose their first row, which is read as the header."""
    np.save(tmp_path / "x.npy", np.zeros(4))
    (tmp_path / "g.txt").write_text("a\n" * (rows + 1))
    with pytest.raises(DataError, match="expected the same number") as caught:
        evaluate(
            "mse", tmp_path / "x.npy", np.zeros(4), wanted=Wanted(by=(str(tmp_path / "g.txt"),))
        )
    hint = ". If the first line of a text file is data, use --no-header."
    assert str(caught.value).endswith(hint) == has_hint
