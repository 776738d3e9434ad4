"""What `losscli --help` says of the losses. Made by tests/catalogue.py, not by hand."""

from typing import Literal

# The groups of losses in the help.
Group = Literal["classification", "regression", "ranking"]

# The name, the alias, the module of the family, the group and the summary.
ROWS: list[tuple[str, str | None, str, Group, str]] = [
    (
        "bce",
        None,
        "losscli.losses.binary",
        "classification",
        "Binary cross-entropy of probabilities.",
    ),
    (
        "bce-with-logits",
        None,
        "losscli.losses.binary",
        "classification",
        "Binary cross-entropy of the sigmoid of logits.",
    ),
    (
        "focal",
        "sigmoid-focal",
        "losscli.losses.binary",
        "classification",
        "Binary cross-entropy of logits, with less weight on well-predicted elements.",
    ),
    (
        "multilabel-soft-margin",
        None,
        "losscli.losses.binary",
        "classification",
        "Binary cross-entropy of logits, averaged over the classes of a row.",
    ),
    (
        "nll",
        None,
        "losscli.losses.classification",
        "classification",
        "Negative log-likelihood of the target class, from log-probabilities.",
    ),
    (
        "cross-entropy",
        "ce",
        "losscli.losses.classification",
        "classification",
        "Cross-entropy of logits, for class indices or class probabilities.",
    ),
    (
        "kl-div",
        None,
        "losscli.losses.distribution",
        "classification",
        "Kullback-Leibler divergence of the input distribution from the target distribution.",
    ),
    (
        "poisson-nll",
        None,
        "losscli.losses.distribution",
        "regression",
        "Poisson negative log-likelihood of counts.",
    ),
    (
        "gaussian-nll",
        None,
        "losscli.losses.distribution",
        "regression",
        "Gaussian negative log-likelihood of targets, with predicted variances.",
    ),
    (
        "cosine-embedding",
        None,
        "losscli.losses.embedding",
        "ranking",
        "Cosine distance of similar pairs, cosine similarity above a margin of dissimilar pairs.",
    ),
    (
        "triplet-margin",
        None,
        "losscli.losses.embedding",
        "ranking",
        "Hinge loss on the distances from an anchor to a positive and a negative.",
    ),
    (
        "soft-margin",
        None,
        "losscli.losses.margin",
        "classification",
        "Logistic loss of scores, for targets 1 and -1.",
    ),
    (
        "hinge-embedding",
        None,
        "losscli.losses.margin",
        "ranking",
        "Hinge loss on the distances of similar (1) and dissimilar (-1) pairs.",
    ),
    (
        "margin-ranking",
        None,
        "losscli.losses.margin",
        "ranking",
        "Hinge loss on the difference of two scores, of which one should be higher.",
    ),
    (
        "multi-margin",
        None,
        "losscli.losses.margin",
        "classification",
        "Multiclass hinge loss of scores.",
    ),
    (
        "multilabel-margin",
        None,
        "losscli.losses.margin",
        "classification",
        "Multilabel hinge loss of scores.",
    ),
    (
        "dice",
        None,
        "losscli.losses.overlap",
        "classification",
        "Soft Dice loss: one minus the overlap of probabilities and targets.",
    ),
    (
        "l1",
        None,
        "losscli.losses.regression",
        "regression",
        "Absolute error.",
    ),
    (
        "mse",
        None,
        "losscli.losses.regression",
        "regression",
        "Squared error.",
    ),
    (
        "smooth-l1",
        None,
        "losscli.losses.regression",
        "regression",
        "Squared error near 0, absolute error beyond beta.",
    ),
    (
        "huber",
        None,
        "losscli.losses.regression",
        "regression",
        "Squared error near 0, delta times the absolute error beyond delta.",
    ),
    (
        "ctc",
        None,
        "losscli.losses.sequence",
        "ranking",
        "Connectionist temporal classification of unaligned label sequences.",
    ),
]
