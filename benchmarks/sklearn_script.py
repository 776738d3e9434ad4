"""A typical script with scikit-learn: python sklearn_script.py PROBS LABELS."""

import sys

import numpy as np
from sklearn.metrics import log_loss

probs, labels = map(np.load, sys.argv[1:])
print(log_loss(labels, probs, labels=np.arange(probs.shape[1])))
