"""Pages of HTML: --report and --format html."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES, Run

from losscli.report.numbers import AS_USUAL
from losscli.report.page.markup import PACKED, cut, label
from losscli.report.page.plots import Scale, plots_of
from losscli.result import Bars, Column, Diagonal, Dots, Kind, Pairs, Table

DIGITS = [str(SAMPLES / name) for name in ("digits_logits.npy", "digits_labels.npy")]
SECOND = str(SAMPLES / "digits_second_logits.npy")

# A page without its record is smaller than this.
MOST_BYTES = 50_000


class Page(HTMLParser):
    """The elements of a page, in order, with their attributes, and the text outside scripts and
    styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.inline: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline[self._inside] = data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def record(self) -> Any:
        """The record in the page; None if there is none."""
        links = [link["href"] for link in self.all("a")]
        if not links:
            return None
        [link] = links
        assert link is not None
        assert link.startswith(PACKED)
        return json.loads(gzip.decompress(base64.b64decode(link.removeprefix(PACKED))))

    @property
    def size(self) -> int:
        """The bytes of the page without its record."""
        return len(re.sub(rf"{PACKED}[^\"]*", "", self.source).encode())


@pytest.fixture
def page(run: Run, tmp_path: Path) -> Any:
    """Write the page of a command."""

    def page(*words: object) -> Page:
        path = tmp_path / "page.html"
        code, _, err = run(*words, "--report", path, "-q")
        assert code == 0, err
        return Page(path.read_text())

    return page


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """200 groups of 5 rows."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=1000), rng.normal(size=1000)
    rows = zip((f"group {k % 200}" for k in range(1000)), x.tolist(), y.tolist(), strict=True)
    path = tmp_path / "t.csv"
    path.write_text("part,x,y\n" + "".join(f"{g},{a!r},{b!r}\n" for g, a, b in rows))
    return path


def test_the_answer_is_first(page: Any) -> None:
    text = page("ce", *DIGITS).text
    order = ["cross-entropy", "0.4057", "95% CI 0.3650-0.4464   n = 450", "perplexity", "1.500"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_page_shows_the_distribution_and_the_largest_losses_unasked(page: Any) -> None:
    text = page("ce", *DIGITS).text
    for title in ("Distribution of the losses", "Quantiles of the losses", "Largest losses"):
        assert title in text
    assert "4.0179" in text  # the largest loss


def test_what_only_the_page_shows_is_not_printed(run: Run, tmp_path: Path) -> None:
    alone = run("ce", *DIGITS, "-q")
    assert run("ce", *DIGITS, "-q", "--report", tmp_path / "p.html") == alone
    one = run("ce", *DIGITS, "-q", "--top", 2)
    assert run("ce", *DIGITS, "-q", "--top", 2, "--report", tmp_path / "p.html") == one


def test_a_page_on_standard_output_is_the_same_page(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("ce", *DIGITS, "-f", "html")
    run("ce", *DIGITS, "--report", "page.html")
    assert code == 0
    written, printed = Page((tmp_path / "page.html").read_text()), Page(out)
    assert printed.record["claim"] == written.record["claim"]
    assert printed.text.partition("command")[0] == written.text.partition("command")[0]


def test_the_policy_allows_this_style_and_this_script_alone(page: Any) -> None:
    made = page("ce", *DIGITS)
    [policy] = [meta["content"] for meta in made.all("meta") if "http-equiv" in meta]
    for kind in ("style", "script"):
        digest = hashlib.sha256(made.inline[kind].encode()).digest()
        assert f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not [attributes for _, attributes in made.tags if "style" in attributes]


def test_a_page_names_no_other_resource(page: Any) -> None:
    made = page("ce", *DIGITS, "--by", "class", "--calibration")
    values = [v for _, attributes in made.tags for v in attributes.values() if v]
    assert not [value for value in values if "//" in value and not value.startswith("data:")]
    assert "url(" not in made.inline["style"]
    assert "import" not in made.inline["style"] + made.inline["script"]


def test_every_fill_and_stroke_is_an_attribute(page: Any) -> None:
    """Servers may forbid the style sheet. Shapes without a colour would be black, or invisible."""
    made = page("ce", *DIGITS, "--by", "class", "--calibration")
    groups = [each for each in made.all("g") if "fill" in each]
    paths = made.all("path")
    assert groups
    assert all("stroke" in path for path in paths)


def test_a_large_page_is_small(page: Any, table: Path) -> None:
    made = page("mse", table, "--by", "part", "--top", 200)
    assert made.text.count("group 1") > 100
    assert len(made.all("tr")) > 400
    assert made.size < MOST_BYTES


def test_rows_beyond_the_limit_are_counted(page: Any, table: Path) -> None:
    made = page("mse", table, "--top", 201)
    assert "The first 200 of 201 elements." in made.text


def test_the_record_in_a_page_is_verified(run: Run, tmp_path: Path) -> None:
    run("ce", *DIGITS, "--by", "class", "--report", tmp_path / "p.html")
    code, out, _ = run("verify", tmp_path / "p.html", "--root", SAMPLES)
    assert code == 0
    assert "bit for bit" in out


def test_the_record_is_that_of_record(run: Run, tmp_path: Path) -> None:
    run("ce", *DIGITS, "--top", 3, "--record", tmp_path / "r.json")
    added = ["--quantiles", "0.05,0.25,0.5,0.75,0.95,0.99", "--histogram"]
    run("ce", *DIGITS, "--top", 3, *added, "--report", tmp_path / "p.html")
    record = json.loads((tmp_path / "r.json").read_text())
    found = Page((tmp_path / "p.html").read_text()).record
    assert found["claim"]["files"] == record["claim"]["files"]
    assert found["claim"]["numbers"]["top"] == record["claim"]["numbers"]["top"]


DAMAGE = [
    (lambda text: text.replace(PACKED, ""), "a page without one whole record"),
    (lambda text: text + text, "a page without one whole record"),
    (lambda text: re.sub(rf"({PACKED}).{{30}}", r"\1AAAA", text), "damaged"),
    (lambda text: re.sub(rf"{PACKED}[^\"]*", f"{PACKED}####", text), "one whole record"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_a_damaged_page_has_one_line(run: Run, tmp_path: Path, damage: Any, message: str) -> None:
    path = tmp_path / "p.html"
    run("ce", *DIGITS, "--report", path)
    path.write_text(damage(path.read_text()))
    code, _, err = run("verify", path, "--root", SAMPLES)
    assert code == 1
    assert err.startswith(f"losscli: error: {path}: ")
    assert message in err


EDITS = [
    lambda text: text.replace("0.4057", "0.3057"),
    lambda text: text + "<p>more</p>",
    lambda text: text.replace("</main>", ""),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_page_is_not_verified(run: Run, tmp_path: Path, edit: Any) -> None:
    path = tmp_path / "p.html"
    run("ce", *DIGITS, "--report", path)
    path.write_text(edit(path.read_text()))
    code, out, err = run("verify", path, "--root", SAMPLES, "-f", "table")
    assert code == 3
    assert "loss         cross-entropy 0.4057333999790036" in out
    assert "not verified: record: changed since it was written: the page around it" in err
    code, _, err = run("replay", path, *DIGITS)
    assert code == 3


def test_a_page_of_a_comparison(page: Any) -> None:
    made = page("compare", "ce", DIGITS[0], SECOND, DIGITS[1], "--by", "class")
    for part in ("B - A", "-0.2406", "B is better", "Distribution of the differences"):
        assert part in made.text
    assert made.record["claim"]


def test_a_page_of_merged_parts(run: Run, page: Any, tmp_path: Path) -> None:
    for k in (1, 2):
        part = ["--part", f"{k}/2", "--save-part", tmp_path / f"{k}.json"]
        assert run("ce", *DIGITS, "--by", "class", *part)[0] == 0
    made = page("merge", tmp_path / "1.json", tmp_path / "2.json")
    assert "0.4057" in made.text
    assert "By class" in made.text


def test_a_page_of_a_verification(run: Run, page: Any, tmp_path: Path) -> None:
    run("ce", *DIGITS, "--record", tmp_path / "r.json")
    made = page_of_verify(run, tmp_path)
    assert "verification verified" in made.text
    assert "numbers" in made.text


def page_of_verify(run: Run, folder: Path) -> Page:
    path = folder / "v.html"
    assert run("verify", folder / "r.json", "--root", SAMPLES, "--report", path)[0] == 0
    return Page(path.read_text())


def test_a_page_of_losses(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(300.0))
    code, out, _ = run("mse", tmp_path / "x.npy", ",".join(["0"] * 300), "-r", "none", "-f", "html")
    made = Page(out)
    assert code == 0
    assert len(made.all("tr")) == 201
    assert "The first 200 of 300 rows." in made.text


@pytest.mark.parametrize("words", [["losses"], ["inspect", DIGITS[0]]])
def test_pages_of_other_commands(run: Run, words: list[str]) -> None:
    code, out, _ = run(*words, "-f", "html")
    assert code == 0
    assert Page(out).all("table") or "digits_logits" in Page(out).text


INPUTS = [
    ["t.html", "--input-format", "csv"],
    ["link.html", "--input-format", "csv"],
    ["t.csv", "--by", "g.html"],
    ["t.csv", "--sample-weight", "g.html"],
    ["t.csv", "--cluster", "g.html"],
    ["p.csv", "--classes", "c.html"],
]


@pytest.mark.parametrize("words", INPUTS, ids=" ".join)
def test_no_input_of_any_kind_is_overwritten(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("t.html", "t.csv"):
        Path(name).write_text("x,y\n1,2\n2,4\n")
    Path("p.csv").write_text("p,label\n0.5,no\n0.25,yes\n")
    Path("c.html").write_text("no\nyes\n")
    Path("g.html").write_text("1\n2\n")
    Path("link.html").symlink_to("t.csv")
    used = next(word for word in words if word.endswith(".html"))
    before = Path(used).read_text()
    loss = "bce" if "--classes" in words else "mse"
    code, _, err = run(loss, *words, "--report", used)
    assert code != 0, err
    assert Path(used).read_text() == before


def test_the_data_of_a_verification_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "t.html"
    data.write_text("x,y\n1,2\n2,4\n")
    words = ["mse", data, "--input-format", "csv", "--record", tmp_path / "r.json"]
    assert run(*words)[0] == 0
    code, _, err = run("verify", tmp_path / "r.json", "--report", data)
    assert code == 2
    assert "is also a file of the record" in err
    assert data.read_text().startswith("x,y")


def test_a_record_cannot_be_planted(run: Run, tmp_path: Path) -> None:
    """The name of a column looks like the link with the record of another run."""
    (tmp_path / "good.csv").write_text("x,y\n1,1\n2,2\n")
    run("mse", tmp_path / "good.csv", "--report", tmp_path / "good.html")
    link = re.search(r'id="sha256[^>]*', (tmp_path / "good.html").read_text())
    assert link is not None
    for planted in (link[0], 'id="sha256-' + "0" * 64 + '" download="record.json.gz" href=""'):
        name = planted.replace('"', '""')
        (tmp_path / "bad.csv").write_text(f'"{name}",y\n1,2\n3,9\n')
        assert run("mse", tmp_path / "bad.csv", "--report", tmp_path / "bad.html")[0] == 0
        code, out, err = run("verify", tmp_path / "bad.html", "-f", "table")
        assert code == 0, err
        assert "loss         mse 18.5" in out


def test_a_record_that_expands_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    run("ce", *DIGITS, "--report", path)
    zeros = base64.b64encode(gzip.compress(b" " * (1 << 25))).decode()
    path.write_text(re.sub(rf"({PACKED})[^\"]*", rf"\g<1>{zeros}", path.read_text()))
    code, _, err = run("verify", path)
    assert code == 1
    assert "damaged or too large" in err


def test_a_record_with_something_after_it_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    run("ce", *DIGITS, "--report", path)
    text = path.read_text()
    packed = re.search(rf"{PACKED}([^\"]*)", text)
    assert packed is not None
    more = base64.b64encode(base64.b64decode(packed[1]) + gzip.compress(b"more")).decode()
    path.write_text(text.replace(packed[1], more))
    assert run("verify", path)[0] == 1


@pytest.mark.parametrize(
    "edit", [lambda text: "\ufeff\n" + text, lambda text: text.replace("<!doctype", "<!DOCTYPE")]
)
def test_a_page_that_another_program_saved_is_still_a_page(
    run: Run, tmp_path: Path, edit: Any
) -> None:
    path = tmp_path / "p.html"
    run("ce", *DIGITS, "--report", path)
    path.write_text(edit(path.read_text()))
    code, _, err = run("verify", path, "--root", SAMPLES)
    assert code == 3
    assert "changed since it was written: the page around it" in err


def test_a_page_elsewhere_notes_what_verify_needs(run: Run, tmp_path: Path) -> None:
    _, _, err = run("ce", *DIGITS, "--report", tmp_path / "p.html")
    assert "some files are not in its folder, so losscli verify needs --root" in err


@pytest.mark.parametrize("name", ["p\u202eart", 'a"b<c>\x1b[31m', "x" * 300])
def test_names_of_columns_are_text(page: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    header = name.replace('"', '""')
    path.write_text(f'"{header}",x,y\na,1,2\nb,2,3\n')
    made = page("mse", path, "-i", "x", "-t", "y", "--by", name)
    assert not set(made.source) & set("\u202e\x1b")


def test_names_of_files_that_are_not_utf_8(run: Run, tmp_path: Path) -> None:
    labels = os.fsdecode(os.fsencode(tmp_path) + b"/labels\xff.npy")
    np.save(labels, np.arange(3))
    code, out, err = run("mse", "1,2,3", "1,1,1", "--by", labels, "-f", "html")
    assert code == 0, err
    assert "\\xff" in out or "\\udcff" in out


# ------------------------------------------------------------------ plots


@dataclass(frozen=True)
class Row:
    """A row of each kind of chart."""

    name: str
    low: float
    high: float
    count: int
    ci: tuple[float, float] | None = None


def plot(chart: Any, *rows: Row) -> Page:
    columns = [Column("name", Kind.PLAIN), Column("low", Kind.LOSS), Column("high", Kind.LOSS)]
    columns += [Column("count", Kind.COUNT), Column("ci", Kind.INTERVAL)]
    table = Table("t", tuple(columns), rows, chart=chart)
    return Page("".join(plots_of(table, rows, AS_USUAL)))


def test_bars_stand_on_the_axis() -> None:
    """A bar of half the count is half as high, and all end at 150."""
    made = plot(Bars("low", "high", "count"), Row("", 0, 1, 4), Row("", 1, 2, 0), Row("", 2, 9, 2))
    first, last = made.all("rect")
    assert (first["x"], first["y"], first["height"]) == ("8", "4", "146")
    assert (last["x"], last["y"], last["height"]) == ("317.3", "77", "73")
    assert first["width"] == last["width"] == "153.7"
    assert "fill-opacity" not in first
    assert last["fill-opacity"] == ".5"
    assert [each["text-anchor"] for each in made.all("text")] == ["start", "middle", "end"]


def test_dots_are_at_their_values() -> None:
    """The scale is from 28 + 9 for the label to 460: 0 to 10 are 37 to 460."""
    rows = Row("a", 0, 0, 0, (0.0, 10.0)), Row("b", 5, 0, 0)
    made = plot(Dots("low", "ci", 10.0), *rows)
    axis, reference, interval, dots = (path["d"] for path in made.all("path"))
    assert axis == "M37.0 40H460"
    assert reference == "M460 0V40"
    assert interval == "M37 10H460"
    assert dots == "M37 10h0M248.5 30h0"


def test_pairs_have_both_values() -> None:
    made = plot(Pairs("low", "high"), Row("a", 0, 10, 0), Row("b", 10, 5, 0))
    _, lines, first, second = made.all("path")
    assert lines["d"] == "M37 10H460M460 30H248.5"
    assert (first["d"], first["class"]) == ("M37 10h0M460 30h0", "a")
    assert (second["d"], second["class"]) == ("M460 10h0M248.5 30h0", "b")


def test_a_diagonal_rises() -> None:
    made = plot(Diagonal("low", "high", "count"), Row("", 0, 1, 4), Row("", 1, 0, 1))
    left, right = made.all("circle")
    assert (left["cx"], left["cy"], left["r"]) == ("40", "10", "10")
    assert (right["cx"], right["cy"], right["r"]) == ("290", "260", "6")


def test_many_rows_make_several_plots() -> None:
    rows = [Row(f"{k}", k, k, 0) for k in range(70)]
    made = plot(Dots("low", "ci"), *rows)
    assert [svg["viewbox"] for svg in made.all("svg")] == [
        "0 0 480 666",
        "0 0 480 666",
        "0 0 480 146",
    ]


def test_warnings_and_notes_are_on_the_page(page: Any, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("g,x,y\na,1,2\nb,nan,3\n")
    made = page("mse", tmp_path / "t.csv", "--by", "g")
    assert "the loss of 1 element is NaN" in made.text
    assert "input: used column x" in made.text
    assert "* fewer than 30 samples: the interval is rough" in made.text


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop",
    "&lt;b&gt;",
    "</title></style></script>",
    "\u202eabc\u2066",
    "x" * 10_000,
]


def test_hostile_names_are_text(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = (json.dumps(name, ensure_ascii=False).replace('\\"', '""') for name in HOSTILE)
    path.write_text("part,x,y\n" + "".join(f"{cell},1,{k}\n" for k, cell in enumerate(cells)))
    made = page("mse", path, "--by", "part", "--top", 7, "--keep", "part")
    assert len(made.all("script")) == len(made.all("style")) == 1
    assert not made.all("img")
    for name in HOSTILE[:5]:
        assert name in made.text
    titles = [attributes["title"] for _, attributes in made.tags if "title" in attributes]
    assert "x" * 10_000 in titles
    assert "x" * 81 not in made.text
    assert "\u202e" not in made.text


def test_a_file_that_exists_is_replaced_and_inputs_are_not(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    path.write_text("old")
    assert run("ce", *DIGITS, "--report", path)[0] == 0
    assert path.read_text().startswith("<!doctype html>")
    code, _, err = run("verify", path, "--root", SAMPLES, "--report", path)
    assert code == 2
    assert "is also the record that is verified" in err
    (tmp_path / "t.html").write_text("x,y\n1,2\n2,4\n")
    words = [tmp_path / "t.html", "--input-format", "csv", "--report", tmp_path / "t.html"]
    code, _, err = run("mse", *words)
    assert code == 2
    assert "is also an input file" in err
    assert (tmp_path / "t.html").read_text().startswith("x,y")


WRONG = [
    (["--report", "x.pdf"], "expected a file name with suffix .html or .htm"),
    (["--report", ""], "--report is empty"),
    (["--report", "x.html", "--record", "x.html"], "is also the file of --record"),
    (["--report", "x.html", "--output", "x.html"], "--output"),
    (["--report", "x.html", "--part", "1/2", "--save-part", "p"], "Give it to losscli merge"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_files_that_are_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("ce", *DIGITS, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_reported_before_the_work(run: Run, tmp_path: Path) -> None:
    code, out, err = run("ce", *DIGITS, "--report", tmp_path / "no" / "p.html")
    assert (code, out) == (1, "")
    assert "cannot write file" in err


def test_numbers_that_are_not_finite_have_no_place_in_a_plot(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("part,x,y\na,1,2\nb,inf,2\nc,nan,2\nd,4,2\n")
    scores = np.load(DIGITS[0])
    scores[3] = np.nan
    scores[4, np.load(DIGITS[1])[4]] = -np.inf
    np.save(tmp_path / "x.npy", scores)
    for made in (
        page("mse", path, "--by", "part"),
        page("ce", tmp_path / "x.npy", DIGITS[1], "--by", "class", "--calibration"),
        page("compare", "ce", tmp_path / "x.npy", SECOND, DIGITS[1], "--by", "class"),
    ):
        shapes = (made.all(name) for name in ("path", "rect", "circle", "text"))
        drawn = "".join(str(each) for shape in shapes for each in shape)
        assert "nan" not in drawn
        assert "inf" not in drawn


def test_equal_losses_have_one_label_on_each_axis(page: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((6, 2)))
    made = page("ce", tmp_path / "x.npy", "0,1,0,1,0,1", "--by", "class")
    assert len(made.all("text")) == 1 + 2 + 1  # of the histogram, of the groups, of their axis


def test_reduction_none_has_no_file_of_a_page(run: Run, tmp_path: Path) -> None:
    code, _, err = run("mse", "1,2", "1,3", "-r", "none", "--report", tmp_path / "p.html")
    assert code == 2
    assert "--report needs one number" in err
    assert not list(tmp_path.iterdir())


def test_a_page_of_standard_input_does_not_suggest_to_verify_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.TextIOWrapper(io.BytesIO(b"x,y\n1,2\n2,4\n"))
    monkeypatch.setattr("sys.stdin", text)
    assert run("mse", "-", "--report", tmp_path / "p.html")[0] == 0
    made = Page((tmp_path / "p.html").read_text())
    assert "Save the record." in made.text
    assert made.record["claim"]["files"][0]["path"] == "-"


def test_warnings_of_one_model_name_it(run: Run, tmp_path: Path) -> None:
    x = np.load(DIGITS[0])
    np.save(tmp_path / "b.npy", np.where(np.arange(len(x))[:, None] == 5, np.nan, x))
    _, _, err = run("compare", "ce", DIGITS[0], tmp_path / "b.npy", DIGITS[1])
    assert "warning: B: " in err


def test_a_label_is_cut_at_80_characters() -> None:
    assert cut("a" * 80) == ("a" * 80, None)
    assert cut("a" * 81) == ("a" * 79 + "…", "a" * 81)
    assert label("a<b") == "a&lt;b"
    assert label("é") == "<bdi>é</bdi>"


def test_a_scale_of_one_value_is_in_the_middle() -> None:
    assert Scale(2.0, 2.0, 0.0, 10.0).at(2.0) == "5"
    assert Scale(0.0, 4.0, 0.0, 10.0).at(1.0) == "2.5"
