"""Reports in a real browser: nothing is logged, asked for or run, nothing overflows, everything can be read."""

from __future__ import annotations

import pytest
from hostile.test_foreign_text import CORPUS
from reporter.html.chromium import BROWSER, Chromium
from reporter.html.conftest import HOSTILE, TASKS
from samples import SAMPLES

from mlpcli.reporter.html.page import page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
]

OVERFLOW = """(() => {
  const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll table') &&
    e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200));
  return [document.documentElement.scrollWidth - innerWidth, wide];
})()"""
# Text on its ground: each contrast below 4.5, by WCAG 2.2.
FAINT = """(() => {
  const light = c => { const s = c / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4 };
  const luminance = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    return 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b) };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(c)) return c } return 'rgb(255, 255, 255)' };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const hasText = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!hasText || e.tagName === 'title' || e.tagName === 'desc') continue;
    const style = getComputedStyle(e), ink = e.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const [a, b] = [luminance(ink), luminance(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(e.outerHTML.slice(0, 100));
  }
  return found;
})()"""
UNNAMED = """[...document.querySelectorAll('svg[role=img], table, [role=region], nav, section')].filter(e => {
  const ids = (e.getAttribute('aria-labelledby') || '').split(' ');
  const name = e.getAttribute('aria-label') || ids.map(id => document.getElementById(id)?.textContent || '').join('') ||
    e.querySelector('caption')?.textContent || '';
  return !name.trim();
}).map(e => e.outerHTML.slice(0, 100))"""
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module", params=TASKS)
def report(request, made, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(page(made(request.param).document))
    return path


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_logs_nothing_asks_for_nothing_and_fits(chromium, report, width):
    with chromium.open(report, width) as tab:
        for _ in range(2):
            beyond, wide = tab.value(OVERFLOW)
            assert (beyond <= 0, wide) == (True, [])
            tab.value(OPEN)
        assert tab.complaints() == []
        assert tab.requests() == []
        assert tab.value("document.scripts.length") == 0


MORE = [p.name for p in sorted(SAMPLES.glob("*.csv")) if p.name not in [file for file, _ in TASKS.values()]]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", [*MORE, "naughty.csv"])
def test_so_do_the_pages_of_all_sample_tables_and_of_the_naughty_strings(name, width, chromium, made, tmp_path):
    if name == "naughty.csv" and not CORPUS.exists():
        pytest.skip("needs the shared corpus")
    path = tmp_path / "report.html"
    path.write_bytes(page(made(name).document))
    with chromium.open(path, width) as tab:
        tab.value(OPEN)
        beyond, wide = tab.value(OVERFLOW)
        assert (beyond <= 0, wide, tab.value(FAINT), tab.value(UNNAMED)) == (True, [], [], [])
        assert (tab.complaints(), tab.requests(), tab.value("document.scripts.length")) == ([], [], 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_everything_has_a_name(chromium, report, scheme):
    with chromium.open(report, 1280, scheme) as tab:
        dark = tab.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")
        tab.value(OPEN)
        assert tab.value(FAINT) == []
        assert tab.value(UNNAMED) == []


def test_the_names_that_a_screen_reader_says_are_there(chromium, made, tmp_path):
    path = tmp_path / "r.html"
    path.write_bytes(page(made("classes").document))
    with chromium.open(path, 1280) as tab:
        tab.call("Accessibility.enable")
        nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    said = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")]
    assert {role for role, _ in said} >= {"banner", "navigation", "main", "contentinfo", "columnheader", "rowheader"}
    images = [name for role, name in said if role in ("img", "image")]
    assert len(images) == len(made("classes").report.effects) + 6
    assert all("ROC curve" in name or len(name) > 20 for name in images)
    assert next(name for role, name in said if role == "heading") == "species: a model of iris.csv"


def test_the_page_runs_no_script_that_somebody_put_into_it(chromium, tmp_path, made):
    """The policy stands by itself, should a text ever be written as it is."""
    path = tmp_path / "r.html"
    content = page(made("classes").document).decode()
    attack = (
        "<script>document.title='hacked'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='hacked'\">"
    )
    path.write_text(content.replace("</main>", f"{attack}<p style='color:red' id=p>x</p></main>"), encoding="utf-8")
    with chromium.open(path, 1280) as tab:
        assert tab.value("document.title") == "species: a model of iris.csv"
        assert tab.value("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
        assert len(tab.complaints()) >= 2


def test_hostile_text_is_shown_as_it_stands(chromium, made, tmp_path):
    path = tmp_path / "r.html"
    path.write_bytes(page(made("hostile").document))
    with chromium.open(path, 1280) as tab:
        text = tab.value("document.body.textContent")
        assert all(shown in text for shown in HOSTILE if shown.isprintable() and len(shown) < 1_000)
        assert tab.complaints() == []
        assert tab.value("document.querySelectorAll('main img, main a, main script').length") == 0
