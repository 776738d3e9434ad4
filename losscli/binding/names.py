"""Recognise keys, targets, weights and inputs, and the kind of an input, by column names."""

from __future__ import annotations

import re
from collections.abc import Iterable


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names that only number or identify rows.
_KEYS = _words_of("id ids _id idx index row row_id .row rowindex rownames uid uuid")
# The names pandas gives to an unnamed index; losscli gives them to unnamed CSV columns.
_PANDAS_INDEX = re.compile(r"(unnamed: \d+(\.\d+)*|__index_level_\d+__|level_\d+)?", re.IGNORECASE)
# Words before `_id` or `Id` that mark the number as a class or a token, not a key.
_NOT_KEYS = _words_of("label class target category token input pred")

# Names of targets: the first tier that matches a column decides.
_TARGET_TIERS = (
    _words_of("label labels target targets y_true"),
    _words_of("y"),
    _words_of("label_ids actual truth ground_truth obs class"),
)

# Names of inputs.
_INPUTS = _words_of(
    "pred preds prediction predictions predicted y_pred yhat y_hat .pred fitted score scores "
    "y_score prob probs proba probability probabilities y_prob logit logits output outputs "
    "rawprediction log_prob log_probs logprob logprobs"
)
# Stems of the columns of one input.
_STEMS = _INPUTS | {"p"}

# Names that are never an input.
_WEIGHTS = _words_of(
    "w wt weight weights sample_weight sample_weights class_weight class_weights case_weight "
    "case_weights pos_weight mask attention_mask var variance std stddev std_dev sigma std_err"
)

_PROBABILITIES = _words_of("p prob probs proba probability probabilities softmax")
_LOG_PROBABILITIES = _words_of("logp logprob logprobs")
_LOGITS = _words_of("logit logits rawprediction")

_BETWEEN_WORDS = re.compile(r"[_.\- ]+|(?<=[a-z0-9])(?=[A-Z])")


def is_key(name: str) -> bool:
    """Whether a column with this name only numbers or identifies rows.

    >>> [is_key(name) for name in ("id", "user_id", "PassengerId", "Unnamed: 0", "label_id")]
    [True, True, True, True, False]
    """
    if name.lower() in _KEYS or _PANDAS_INDEX.fullmatch(name):
        return True
    word = re.fullmatch(r"(.+)[_.\- ](?i:id)|(.*[a-z0-9])I[dD]", name)
    return word is not None and _words(word[1] or word[2])[-1] not in _NOT_KEYS


def same_key(name: str, others: Iterable[str]) -> str | None:
    """Return the column among `others` that is the same key, or None. That is the column with the
    same name, else the only column whose name differs just in case or separators. Unnamed indices
    count as the same key.

    >>> same_key("id", ["x", "Id"]), same_key("Unnamed: 0", ["y", "Unnamed: 1"])
    ('Id', 'Unnamed: 1')
    """
    names = list(others)
    if name in names or not is_key(name):
        return name if name in names else None
    matches = [other for other in names if is_key(other) and _plain_key(other) == _plain_key(name)]
    return matches[0] if len(matches) == 1 else None


def _plain_key(name: str) -> str:
    return "" if _PANDAS_INDEX.fullmatch(name) else re.sub(r"[_.\- ]", "", name.lower())


def is_weight(name: str) -> bool:
    """Whether a column with this name contains weights, variances or a mask."""
    return name.lower() in _WEIGHTS


def is_input(name: str) -> bool:
    """Whether this is a usual name of predictions."""
    return name.lower() in _INPUTS


def is_input_stem(stem: str) -> bool:
    """Whether the names of several columns of predictions usually begin or end with this stem."""
    return stem.lower() in _STEMS or not _STEMS.isdisjoint(_words(stem))


def targets_among(names: Iterable[str]) -> list[str]:
    """Return the columns with usual names of targets, from the first tier that matches any."""
    columns = list(names)
    tiers = ([name for name in columns if name.lower() in tier] for tier in _TARGET_TIERS)
    return next(filter(None, tiers), [])


def kind_of(name: str) -> str | None:
    """Return the kind of predictions that a name indicates: logits, probabilities or
    log-probabilities.

    >>> [kind_of(name) for name in ("logits", "y_prob", "log_probs", "score")]
    ['logits', 'probs', 'log-probs', None]
    """
    words = {name.lower(), *_words(name)}
    if words & _LOG_PROBABILITIES or ("log" in words and words & _PROBABILITIES):
        return "log-probs"
    if words & _PROBABILITIES:
        return "probs"
    return "logits" if words & _LOGITS else None


def _words(name: str) -> list[str]:
    return [word.lower() for word in _BETWEEN_WORDS.split(name) if word] or [""]
