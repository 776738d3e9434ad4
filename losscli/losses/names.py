"""Names that losses have elsewhere, and the command that computes each here."""

# What is named, and how to get it.
MEANT = {
    "mae": "the mean absolute error is losscli l1",
    "log-loss": "the log loss of classes is losscli nll --from probs, that of one probability "
    "losscli bce",
    "xent": "the cross-entropy of logits is losscli cross-entropy",
    "rmse": "losscli mse also reports the root of its mean, rmse",
    "perplexity": "losscli nll and losscli cross-entropy also report the perplexity",
}
MEANT["logloss"] = MEANT["log-loss"]
