"""Makes the files beside it: held-out predictions of scikit-learn models on its bundled data.

    python sample_data/make.py

needs scikit-learn beside losscli's own dependencies. The committed files were made with
scikit-learn 1.9.1 and NumPy 2.4.6; other versions may change the last digits.

digits            10 classes, 450 samples: logits and log-probabilities of a logistic regression,
                  and the logits of a second one that is regularised a tenth as much
breast_cancer     2 classes, 143 samples: logit and probability of the class 1 (benign)
diabetes          regression, 111 samples: predicted and measured progression of the disease
segmentation      3 classes for each pixel of 24 noisy 8 x 8 images of digits (background, edge,
                  ink); the labels of the outermost pixels are 255, to be ignored
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 0


def digits() -> None:
    features, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        features, labels, random_state=SEED, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    model.fit(train, train_labels)
    logits = model.decision_function(test).astype(np.float32)
    np.save(HERE / "digits_logits.npy", logits)
    np.save(HERE / "digits_log_probs.npy", model.predict_log_proba(test).astype(np.float32))
    np.save(HERE / "digits_labels.npy", test_labels.astype(np.int64))
    second = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    second.fit(train, train_labels)
    second_logits = second.decision_function(test).astype(np.float32)
    np.save(HERE / "digits_second_logits.npy", second_logits)
    columns = {f"logit_{digit}": logits[:, digit] for digit in range(10)}
    pa.csv.write_csv(pa.table({**columns, "label": test_labels}), HERE / "digits.csv")
    rows = pa.FixedSizeListArray.from_arrays(pa.array(logits.ravel()), 10)
    pa.parquet.write_table(
        pa.table({"logits": rows, "label": test_labels}), HERE / "digits.parquet"
    )


def breast_cancer() -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        features, labels, random_state=SEED, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    model.fit(train, train_labels)
    table = pa.table(
        {
            "logit": model.decision_function(test),
            "probability": model.predict_proba(test)[:, 1],
            "label": test_labels,
        }
    )
    pa.csv.write_csv(table, HERE / "breast_cancer.csv")
    pa.parquet.write_table(table, HERE / "breast_cancer.parquet")


def diabetes() -> None:
    features, measured = load_diabetes(return_X_y=True)
    train, test, train_measured, test_measured = train_test_split(
        features, measured, random_state=SEED
    )
    predicted = Ridge(alpha=0.1).fit(train, train_measured).predict(test)
    np.save(HERE / "diabetes_predicted.npy", predicted)
    np.save(HERE / "diabetes_measured.npy", test_measured)
    pa.csv.write_csv(
        pa.table({"predicted": predicted, "measured": test_measured}), HERE / "diabetes.csv"
    )


def segmentation() -> None:
    """A logistic regression that sees the 3 x 3 noisy pixels around each pixel."""
    images = load_digits().images
    labels = np.digitize(images, [2.0, 11.0]).astype(np.uint8)
    noisy = images + np.random.default_rng(SEED).normal(scale=3.0, size=images.shape)
    padded = np.pad(noisy, ((0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    features = patches.reshape(*images.shape, 9)
    train, test = slice(0, 200), slice(-24, None)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(features[train].reshape(-1, 9), labels[train].ravel())
    logits = model.decision_function(features[test].reshape(-1, 9)).reshape(24, 8, 8, 3)
    border = np.ones((8, 8), dtype=bool)
    border[1:-1, 1:-1] = False
    targets = labels[test].copy()
    targets[:, border] = 255
    channels_second = np.ascontiguousarray(np.moveaxis(logits, -1, 1), dtype=np.float32)
    np.save(HERE / "segmentation_logits.npy", channels_second)
    np.save(HERE / "segmentation_labels.npy", targets)


if __name__ == "__main__":
    digits()
    breast_cancer()
    diabetes()
    segmentation()
