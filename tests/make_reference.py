"""Generate reference.json: inputs for every registered loss, and the results of PyTorch.

    python tests/make_reference.py

The script needs torch==2.13.0. The tests that read the file do not need PyTorch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from oracle import WITH_ELEMENTS, draw_arrays, draw_options, torch_loss

from losscli.losses.registry import LOSSES, Loss

REFERENCE = Path(__file__).with_name("reference.json")

CASES_A_LOSS = 30


class Rounded:
    """Random multiples of 1/32, which are short in decimal and exact in float16."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def size(self, low: int, high: int) -> int:
        return self.integer(low, high)

    def classes(self, low: int, high: int) -> int:
        return self.integer(low, high)

    def integer(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high, endpoint=True))

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[self.integer(0, len(choices) - 1)]

    def number(self, low: float, high: float) -> float:
        return float(self.numbers((), low, high))

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Any:
        low, high = np.ceil(low * 32), np.floor(high * 32)
        return self._rng.integers(int(low), int(high), shape, endpoint=True) / 32

    def indices(self, shape: tuple[int, ...], low: int, high: int) -> Any:
        return self._rng.integers(low, high, shape, endpoint=True)


def main() -> None:
    cases = [case for loss in (LOSSES[name] for name in WITH_ELEMENTS) for case in _cases(loss)]
    lines = ",\n".join(json.dumps(case) for case in cases)
    REFERENCE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _cases(loss: Loss) -> Iterator[dict[str, Any]]:
    """Cases of a loss with at least one element each."""
    draw, made = Rounded(seed=13), 0
    while made < CASES_A_LOSS:
        arrays = draw_arrays(loss, draw)
        options = draw_options(loss, draw, arrays)
        try:
            expected = {
                reduction: torch_loss(loss, arrays, options, reduction).tolist()
                for reduction in loss.reductions
            }
        except RuntimeError:  # some PyTorch losses refuse empty arrays
            continue
        if np.size(expected["none"]):
            made += 1
            yield {
                "loss": loss.name,
                "arrays": {name: np.asarray(array).tolist() for name, array in arrays.items()},
                "options": options,
                "expected": expected,
            }


if __name__ == "__main__":
    main()
