"""Other names of losses, and the command to use for each."""

# The advice for each name.
MEANT = {
    "mae": "Use l1.",
    "log-loss": "Use nll --from probs for classes, or bce for the probability of one class.",
    "xent": "Use cross-entropy.",
    "rmse": "Use mse, which also reports rmse.",
    "version": "Use --version.",
    "perplexity": "Use nll or cross-entropy, which also report perplexity.",
}
MEANT["logloss"] = MEANT["log-loss"]

# Names of other packages, for which the most similarly spelled command is not the right one.
MEANT |= {
    name: f"Use {command}."
    for name, command in (
        ("binary-cross-entropy", "bce"),
        ("brier-score", "brier"),
        ("brier-score-loss", "brier"),
        ("binary-cross-entropy-with-logits", "bce-with-logits"),
        ("l1-loss", "l1"),
        ("mse-loss", "mse"),
        ("nll-loss", "nll"),
        ("l2", "mse"),
        ("kl", "kl-div"),
    )
}
