"""A typical script with PyTorch: python torch_script.py LOSS FILE..."""

import sys

import numpy as np
import torch

loss, *paths = sys.argv[1:]
arrays = [torch.from_numpy(np.load(path)) for path in paths]
name = loss.replace("-", "_")
long_names = {
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
    "cross_entropy": "cross_entropy",
    "kl_div": "kl_div",
}
function = getattr(torch.nn.functional, long_names.get(name, f"{name}_loss"))
print(function(*arrays).item())
