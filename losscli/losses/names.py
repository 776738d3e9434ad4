"""Names that losses have elsewhere, and the command to use for each."""

# The advice for each name.
MEANT = {
    "mae": "Use l1.",
    "log-loss": "Use nll --from probs for classes, or bce for the probability of one class.",
    "xent": "Use cross-entropy.",
    "rmse": "Use mse, which also reports rmse.",
    "perplexity": "Use nll or cross-entropy, which also report perplexity.",
}
MEANT["logloss"] = MEANT["log-loss"]
