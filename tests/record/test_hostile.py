"""Records from strangers: no path leaves the root, and every mistake is one line."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import SAMPLES, Run

from losscli.record import file


@pytest.fixture
def record(tmp_path: Path, run: Run) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copy(SAMPLES / "digits.parquet", folder)
    path = folder / "run.json"
    words = ("ce", folder / "digits.parquet", "-t", "label", "--by", "class", "--top", "2")
    assert run(*words, "--record", path, "-q")[0] == 0
    return path


def content_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a record whose checksums are right."""
    sections = (content[name] for name in ("claim", "environment", "run"))
    path.write_text(file.text_of(*sections))


def renamed(path: Path, to: str) -> None:
    """Let the record name another file."""
    text = json.dumps(content_of(path)).replace('"digits.parquet"', json.dumps(to))
    write(path, json.loads(text))


def refusal(run: Run, *words: object) -> str:
    code, out, err = run(*words)
    assert (code, err.count("\n")) == (1, 1), err
    assert out == ""
    return err.removeprefix("losscli: error: ").rstrip()


@pytest.mark.parametrize("place", ["../secret.parquet", "a/../../secret.parquet"])
def test_paths_outside_the_folder(place: str, record: Path, run: Run) -> None:
    shutil.copy(SAMPLES / "digits.parquet", record.parent.parent / "secret.parquet")
    renamed(record, place)
    assert "is outside the folder of the record. Name a folder" in refusal(run, "verify", record)
    assert run("verify", record, "--root", record.parent.parent)[0] == 0


def test_absolute_paths(record: Path, run: Run, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "digits.parquet", tmp_path / "secret.parquet")
    renamed(record, str(tmp_path / "secret.parquet"))
    assert "is outside the folder of the record" in refusal(run, "verify", record)
    assert run("verify", record, "--root", tmp_path)[0] == 0


def test_a_link_that_leads_outside(record: Path, run: Run, tmp_path: Path) -> None:
    shutil.move(record.parent / "digits.parquet", tmp_path / "secret.parquet")
    (record.parent / "digits.parquet").symlink_to(tmp_path / "secret.parquet")
    assert "is outside the folder of the record" in refusal(run, "verify", record)


@pytest.mark.parametrize("uri", ["s3://bucket/x.parquet", "gs://bucket/x", "https://example.com/x"])
def test_stores_are_asked_only_below_the_root(uri: str, record: Path, run: Run) -> None:
    renamed(record, uri)
    for words in (("verify", record), ("verify", record, "--root", record.parent)):
        assert f"{uri} is outside the folder of the record" in refusal(run, *words)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("classes",), "SECRET"),
        (("wanted", "by"), ["SECRET"]),
        (("wanted", "by"), ["s3://bucket/x.csv"]),
        (("wanted", "cluster"), "SECRET"),
        (("wanted", "cluster"), "s3://bucket/x.csv"),
    ],
)
def test_labels_and_names_outside_the_folder(
    place: tuple[str, ...], value: Any, record: Path, run: Run, tmp_path: Path
) -> None:
    """Only columns, and files that the record lists."""
    secret = tmp_path / "secret.csv"
    secret.write_text("name\n" + "secret-word\n" * 450)
    content = content_of(record)
    request = content["claim"]["requests"][0]
    *outer, last = place
    for name in outer:
        request = request[name]
    request[last] = json.loads(json.dumps(value).replace("SECRET", str(secret)))
    write(record, content)
    for words in (("verify", record), ("replay", record, record.parent / "digits.parquet")):
        code, out, err = run(*words)
        assert code in (1, 3)
        assert "secret-word" not in out + err
        assert "no such column" in err or "is the name of a file" in err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a record of losscli"),
        ("[]", "not a record of losscli. Write records with --record."),
        ("{}", "not a record of losscli. Write records with --record."),
        ('{"losscli_record": 2}', "the record has version 2; expected 1"),
        ('{"losscli_record": 1}', "not a valid record of losscli: no object 'claim'"),
        ('{"losscli_record": 1, "claim": NaN}', "NaN is not JSON"),
        ('{"losscli_record": 1, "losscli_record": 1}', "a name occurs twice"),
        ('{"losscli_record": ' + "[" * 100_000, "not a record of losscli"),
        ('{"losscli_record": ' + "9" * 10_000 + "}", "not a record of losscli"),
        ("\x00", "not a record of losscli"),
        ('{"losscli_part": 1}', "not a record of losscli"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "record"])
def test_what_is_not_a_record(
    command: str, text: str, problem: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    assert problem in refusal(run, command, path)


def test_large_records(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_MOST_BYTES", 1 << 20)
    path = tmp_path / "run.json"
    path.write_text('{"losscli_record": "' + "x" * (1 << 20) + '"}')
    assert refusal(run, "verify", path) == f"{path}: found more than 1 MiB; not a record of losscli"


VALUES: tuple[Any, ...] = (None, True, -1, 1e308, 2**80, "", "x", "../x", [], [[]], {}, {"x": 1})


def places_of(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values in nested objects and lists."""
    if not isinstance(value, dict | list):
        return [place]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [place, *(at for name, member in inner for at in places_of(member, (*place, name)))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_any_content_with_right_checksums(seed: int, record: Path, run: Run) -> None:
    """Each command ends with an exit code that it documents, and at most one line."""
    original, draw = record.read_text(), random.Random(seed)
    places = [place for place in places_of(json.loads(original)) if len(place) > 1]
    os.chdir(record.parent)
    for _ in range(60):
        content = json.loads(original)
        *outer, last = draw.choice(places)
        parent = content
        for name in outer:
            parent = parent[name]
        if isinstance(last, str) and draw.random() < 0.2:
            del parent[last]
        else:
            parent[last] = draw.choice(VALUES)
        write(record, content)
        place = ".".join(map(str, (*outer, last)))
        for words in (
            ("verify", "run.json"),
            ("record", "run.json"),
            ("record", "run.json", "--sums"),
            ("record", "run.json", "--in-toto"),
            ("replay", "run.json", "digits.parquet", "-q"),
        ):
            code, _, err = run(*words)
            assert code in (0, 1, 2, 3), (place, words, err)
            assert "internal error" not in err, (place, words, err)
            assert err.count("\n") <= 1, (place, words, err)
