"""Pages of --report in Chromium: quiet, accessible, narrow, printed, sorted, and hostile."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND, SAMPLES

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")

from browsing import chromium, serving  # noqa: E402 - needs Playwright

pytestmark = [pytest.mark.browser]

AXE = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js"))
DIGITS = ("digits_logits.npy", "digits_labels.npy")
THEMES = ("light", "dark")

# A4 at 96 dots per inch, without margins of 16 mm.
PRINTED_WIDTH, PRINTED_HEIGHT = round((210 - 32) / 25.4 * 96), round((297 - 32) / 25.4 * 96)

HOSTILE = [
    "<script>document.title='changed'</script>",
    '"><img src=x onerror="document.title=\'changed\'">',
    "'; alert(1); '",
    "</title></style></script><h1>changed</h1>",
    "\u202edesrever\u2066",
    "\u05e9\u05dc\u05d5\u05dd 123",
    "x" * 10_000,
    "many words " * 900,
]


def run(*words: object) -> str:
    command = [*COMMAND, *map(str, words)]
    done = subprocess.run(command, cwd=SAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(path: Path, *words: object) -> None:
    run(*words, "-q", "--report", path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    make(folder / "result.html", "ce", *DIGITS, "--by", "class", "--calibration")
    second = ("digits_logits.npy", "digits_second_logits.npy", "digits_labels.npy")
    make(folder / "comparison.html", "compare", "ce", *second, "--by", "class")
    record = folder / "r.json"
    run("ce", *DIGITS, "--record", record)
    run("verify", record, "--root", SAMPLES, "--report", folder / "verification.html")
    make(folder / "large.html", "mse", large_table(folder), "--by", "part", "--top", "200")
    make(folder / "hostile.html", "mse", hostile_table(folder), "--by", "part", "--keep", "part")
    (folder / "warned.csv").write_text("x,y\n1,2\nnan,3\n2,2\n")
    make(folder / "warned.html", "mse", folder / "warned.csv")
    return folder


PAGES = ["result", "comparison", "verification", "large", "hostile", "warned"]


def large_table(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    numbers = zip(rng.normal(size=1000).tolist(), rng.normal(size=1000).tolist(), strict=True)
    rows = [f"group {k % 200},{x!r},{y!r}\n" for k, (x, y) in enumerate(numbers)]
    (folder / "large.csv").write_text("part,x,y\n" + "".join(rows))
    return folder / "large.csv"


def hostile_table(folder: Path) -> Path:
    cells = [name.replace('"', '""') for name in HOSTILE]
    rows = [f'"{cell}",1,{k}\n' for k, cell in enumerate(cells)]
    (folder / "hostile.csv").write_text("part,x,y\n" + "".join(rows))
    return folder / "hostile.csv"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Any]:
    """Open a page. The page must not write to the console."""
    contexts, said = [], []

    def opened(name: str, **settings: Any) -> Any:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto((folder / f"{name}.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("name", PAGES)
def test_one_request_and_no_message(browser: Any, folder: Path, name: str) -> None:
    with serving(folder) as (address, requests), browser.new_context() as context:
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{address}/{name}.html", wait_until="networkidle")
        assert requests == [f"/{name}.html"]
        assert said == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened: Any, name: str, theme: str) -> None:
    page = opened(name, color_scheme=theme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")
    broken = {each["id"]: each["nodes"][0]["html"][:200] for each in found["violations"]}
    assert broken == {}
    assert len(found["passes"]) > 15


@pytest.mark.parametrize("width", [380, 800, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_window(opened: Any, name: str, width: int) -> None:
    page = opened(name, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_text_in_plots_can_be_read_on_a_phone(opened: Any) -> None:
    page = opened("result", viewport={"width": 380, "height": 800})
    heights = page.eval_on_selector_all(
        "svg text", "all => all.map(each => each.getBoundingClientRect().height)"
    )
    assert min(heights) > 10


def column(page: Any, heading: str, at: int) -> list[str]:
    texts: list[str] = page.evaluate(
        """([heading, at]) => [...[...document.querySelectorAll("section")]
            .find(each => each.querySelector("h2").textContent === heading)
            .querySelectorAll("tbody tr")].map(row => row.cells[at].textContent)""",
        [heading, at],
    )
    return texts


def test_tables_are_sorted_with_the_keyboard(opened: Any) -> None:
    page = opened("result")
    before = column(page, "By class", 0)
    button = page.locator("section", has_text="By class").locator("thead button").first
    button.focus()
    page.keyboard.press("Enter")
    assert column(page, "By class", 0) == [*"9876543210"]
    page.keyboard.press("Space")
    assert column(page, "By class", 0) == [*"0123456789"]
    heading = page.locator("th[aria-sort]")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert before != column(page, "By class", 0)


def test_the_keyboard_reaches_headings_and_the_link(opened: Any) -> None:
    page = opened("result")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert {"Numbers", "loss", "predicted", "Save the record"} <= set(reached)


@pytest.mark.parametrize("name", ["result", "comparison", "large"])
def test_everything_is_there_without_javascript(opened: Any, name: str) -> None:
    with_script, without = opened(name), opened(name, java_script_enabled=False)
    rows = "tbody tr"
    assert without.locator(rows).count() == with_script.locator(rows).count()
    assert without.locator("svg").count() == with_script.locator("svg").count()
    assert without.locator("thead button").count() == 0


@pytest.mark.parametrize("name", PAGES)
def test_plots_are_whole_on_a4(opened: Any, name: str, tmp_path: Path) -> None:
    page = opened(name, viewport={"width": PRINTED_WIDTH, "height": PRINTED_HEIGHT})
    page.emulate_media(media="print")
    boxes = page.eval_on_selector_all(
        "svg",
        """all => all.map(each => ({...each.getBoundingClientRect().toJSON(),
            break: getComputedStyle(each).breakInside}))""",
    )
    for box in boxes:
        assert box["break"] == "avoid"
        assert box["height"] < PRINTED_HEIGHT
        assert box["right"] <= PRINTED_WIDTH
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").stat().st_size > 1000


@pytest.mark.parametrize("theme", THEMES)
def test_hostile_names_are_text(opened: Any, theme: str) -> None:
    page = opened("hostile", color_scheme=theme)
    assert "changed" not in page.title()
    assert page.locator("h1").count() == 1
    assert page.locator("img").count() == 0
    texts = page.eval_on_selector_all("td", "all => all.map(each => each.textContent)")
    for name in HOSTILE[:4]:
        assert name in texts
    assert max(map(len, texts)) <= 80
    titles = page.eval_on_selector_all("[title]", "all => all.map(each => each.title)")
    assert HOSTILE[6] in titles


def test_colours_survive_a_server_that_forbids_styles(browser: Any, folder: Path) -> None:
    policy = {"Content_Security_Policy": "default-src 'none'"}
    with serving(folder, **policy) as (address, _), browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/result.html")
        assert page.evaluate("getComputedStyle(document.body).maxWidth") == "none"
        fill = page.evaluate("getComputedStyle(document.querySelector('rect')).fill")
        assert fill == "rgb(59, 125, 196)"
        box = page.evaluate("document.querySelector('svg').getBoundingClientRect().toJSON()")
        assert 100 < box["width"] < 600


def test_a_saved_record_is_verified(opened: Any, tmp_path: Path) -> None:
    page = opened("result", accept_downloads=True)
    with page.expect_download() as download:
        page.click("text=Save the record")
    path = tmp_path / "record.json.gz"
    download.value.save_as(path)
    found = json.loads(run("verify", path, "--root", SAMPLES, "-f", "json"))
    assert found["exact"] is True
