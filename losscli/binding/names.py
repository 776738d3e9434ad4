"""What the name of a column says: key, target, weight, input, and what an input holds."""

from __future__ import annotations

import re
from collections.abc import Iterable


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names that only number or identify rows.
_KEYS = _words_of("id ids _id idx index row row_id .row rowindex rownames uid uuid")
# What pandas calls an index without a name; CSV columns without a name are called so as well.
_PANDAS_INDEX = re.compile(r"(unnamed: \d+(\.\d+)*|__index_level_\d+__|level_\d+)?", re.IGNORECASE)
# Words before `_id` or `Id` that say that the number is a class or a token, and no key.
_NO_KEYS = _words_of("label class target category token input pred")

# What targets are called: the first tier of which a column is there decides.
_TARGET_TIERS = (
    _words_of("label labels target targets y_true"),
    _words_of("y"),
    _words_of("label_ids actual truth ground_truth obs class"),
)

# What inputs are called.
_INPUTS = _words_of(
    "pred preds prediction predictions predicted y_pred yhat y_hat .pred fitted score scores "
    "y_score prob probs proba probability probabilities y_prob logit logits output outputs "
    "rawprediction log_prob log_probs logprob logprobs"
)
# What the names of several columns of one input begin with, beyond these.
_STEMS = _INPUTS | {"p"}

# What is never an input.
_WEIGHTS = _words_of(
    "w wt weight weights sample_weight sample_weights class_weight class_weights case_weight "
    "case_weights pos_weight mask attention_mask var variance std stddev std_dev sigma std_err"
)

_PROBABILITIES = _words_of("p prob probs proba probability probabilities softmax")
_LOG_PROBABILITIES = _words_of("logp logprob logprobs")
_LOGITS = _words_of("logit logits rawprediction")

_BETWEEN_WORDS = re.compile(r"[_.\- ]+|(?<=[a-z0-9])(?=[A-Z])")


def is_key(name: str) -> bool:
    """Whether a column of that name only numbers or identifies its rows.

    >>> [is_key(name) for name in ("id", "user_id", "PassengerId", "Unnamed: 0", "label_id")]
    [True, True, True, True, False]
    """
    if name.lower() in _KEYS or _PANDAS_INDEX.fullmatch(name):
        return True
    word = re.fullmatch(r"(.+)[_.\- ](?i:id)|(.*[a-z0-9])I[dD]", name)
    return word is not None and _words(word[1] or word[2])[-1] not in _NO_KEYS


def same_key(name: str, others: Iterable[str]) -> str | None:
    """Which of other columns is the key of that name: the one that is called so, else the only one
    that is called so in another case, or that is an index without a name as well.

    >>> same_key("id", ["x", "Id"]), same_key("Unnamed: 0", ["y", "Unnamed: 1"])
    ('Id', 'Unnamed: 1')
    """
    known = list(others)
    if name in known or not is_key(name):
        return name if name in known else None
    alike = [one for one in known if is_key(one) and _plain_key(one) == _plain_key(name)]
    return alike[0] if len(alike) == 1 else None


def _plain_key(name: str) -> str:
    return "" if _PANDAS_INDEX.fullmatch(name) else re.sub(r"[_.\- ]", "", name.lower())


def is_weight(name: str) -> bool:
    """Whether a column of that name holds weights, variances or a mask."""
    return name.lower() in _WEIGHTS


def is_input(name: str) -> bool:
    """Whether predictions are usually called so."""
    return name.lower() in _INPUTS


def is_input_stem(stem: str) -> bool:
    """Whether the names of several columns of predictions usually begin or end so."""
    return stem.lower() in _STEMS or not _STEMS.isdisjoint(_words(stem))


def targets_among(names: Iterable[str]) -> list[str]:
    """The columns that are called as targets are: those of the first tier that is there."""
    known = list(names)
    tiers = ([name for name in known if name.lower() in tier] for tier in _TARGET_TIERS)
    return next(filter(None, tiers), [])


def kind_of(name: str) -> str | None:
    """What a name says that predictions are: logits, probabilities or log-probabilities.

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
