"""The versions and the machine that computed a result."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from losscli._version import __version__

# The environment variable that switches CPU features off when NumPy is imported.
DISABLED = "NPY_DISABLE_CPU_FEATURES"

# The members that may change the last bits of a loss.
_NUMERIC = ("losscli", "NumPy", "libc", "machine", "SIMD")


def environment() -> dict[str, Any]:
    """The versions and the machine of this process."""
    return {
        "losscli": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "pyarrow": pa.__version__,
        "libc": " ".join(platform.libc_ver()).strip(),
        "machine": platform.machine(),
        "SIMD": _simd(),
    }


def numeric_environment() -> dict[str, Any]:
    """The versions and the active CPU features that may change the last bits of a loss."""
    simd = _simd()
    return {
        "NumPy": np.__version__,
        "pyarrow": pa.__version__,
        "CPU features": [*simd["baseline"], *simd["found"]],
    }


def _simd() -> dict[str, list[str]]:
    """The CPU features that NumPy always uses, those that it found, and those that it did not."""
    config: Any = np.show_config(mode="dicts")
    features: Mapping[str, Sequence[str]] = config.get("SIMD Extensions", {})
    # NumPy leaves out empty lists.
    return {name: list(features.get(name, [])) for name in ("baseline", "found", "not found")}


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """One text for each difference between two environments."""
    found = []
    for name in dict.fromkeys([*here, *recorded]):
        there = recorded.get(name)
        if there == here.get(name):
            continue
        if name == "SIMD":
            found += _features(there, here["SIMD"])
        else:
            found.append(f"{name} {here.get(name)}, recorded {there}")
    return found


def explains_last_bits(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether two environments may compute losses with other last bits. An environment that is not
    complete explains nothing."""
    is_complete = _are_features(recorded.get("SIMD")) and all(
        isinstance(recorded.get(name), str) for name in _NUMERIC if name != "SIMD"
    )
    return is_complete and any(recorded.get(name) != here.get(name) for name in _NUMERIC)


def features_to_disable(recorded: Mapping[str, Any]) -> list[str]:
    """The CPU features that this machine has and the recorded one had not.

    Empty if the versions of NumPy know different features: NumPy ignores unknown names, and a name
    may mean other instructions.
    """
    there: Any = recorded.get("SIMD")
    here = _simd()
    if not _are_features(there) or _known(there) != _known(here):
        return []
    return [name for name in here["found"] if name in there["not found"]]


def _features(there: Any, here: Mapping[str, Sequence[str]]) -> list[str]:
    if not _are_features(there):
        return ["CPU features"]
    active, recorded = ({*features["baseline"], *features["found"]} for features in (here, there))
    texts = []
    if active - recorded:
        texts.append(f"CPU features not recorded: {', '.join(sorted(active - recorded))}")
    if recorded - active:
        texts.append(f"CPU features only recorded: {', '.join(sorted(recorded - active))}")
    return texts or ["CPU features"]


def _are_features(features: Any) -> bool:
    names = ("baseline", "found", "not found")
    return isinstance(features, dict) and all(
        isinstance(features.get(name), list)
        and all(isinstance(feature, str) for feature in features[name])
        for name in names
    )


def _known(features: Mapping[str, Sequence[str]]) -> set[str]:
    return {name for names in features.values() for name in names}
