"""The report in a real browser: it opens without a complaint or a request, its parts answer, and names from elsewhere do nothing."""

from __future__ import annotations

import re
import zlib

import pytest

import wcdfa
from tests.helpers.browser import Opened, browser
from tests.helpers.report_runs import SETTINGS, analysis, series
from wcdfa.analysis.series import analyze
from wcdfa.recording.groups import ALL
from wcdfa.report import Failure, section_of, write
from wcdfa.verdicts.explanations import of_verdict

pytestmark = pytest.mark.slow  # opens a browser

HOSTILE = [
    "<script>window.ran = 1</script>",
    "</script><script>window.ran = 1</script>",
    '"><img src="x" onerror="window.ran = 1">',
    "<svg/onload=window.ran=1>",
    "<a href='javascript:window.ran=1'>click</a>",
    "<a href='https://example.org'>click</a>",
    "${window.ran = 1}",
    "'-window.ran=1-'",
    "&lt;img src=x onerror=window.ran=1&gt;",
    "]]><b>\u202egnp.exe",
    "<!--",
    "<b><i>" * 50,
]


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    found = analysis()
    return write(tmp_path_factory.mktemp("one") / "report.html", [section_of(found, {"head": found.series})], title="a run"), found


def test_it_opens_without_a_complaint_or_a_request(chromium, one):
    path, found = one
    opened = Opened(chromium, path)
    shown = {each["name"]: each for each in opened.data()}
    assert list(shown) == ["SGD(momentum 0.9) alone", "α, 95 %", "‖ΔW‖", "learning rate", "loss"]
    assert shown["α, 95 %"]["y"] == pytest.approx(found.judged.numbers("alpha"), rel=1e-3)
    assert shown["α, 95 %"]["x"] == [found.step(int(stop) - 1) for stop in found.judged.stops]
    assert opened.data(".plot.fluctuations")[0]["name"] == "95 % of such series"
    (rows,) = opened.data(".plot.surrogates")
    assert [each.partition("<br>")[0] for each in rows["text"]] == [
        "in random order",
        "SGD(momentum 0.9) alone",
        "α of this window",
    ]
    opened.page.locator("details.higher summary").click()
    higher = [each["name"] for each in opened.data(".plot.orders") if each["name"].startswith("order")]
    assert [each.partition(":")[0] for each in higher if ":" in each] == ["order 1", "order 2", "order 3"]
    (heat,) = opened.data(".plot.groups")
    assert heat["z"][0] == pytest.approx(found.judged.numbers("alpha"), rel=1e-3)
    assert (opened.said, opened.asked) == ([], [opened.address])


def test_the_slider_shows_any_window(chromium, one):
    path, found = one
    opened = Opened(chromium, path)
    opened.drawn(".plot.surrogates")
    slider, verdict = opened.page.locator("input[type=range]"), opened.page.locator(".window .verdict")
    verdicts = found.judged.verdicts
    assert verdict.text_content() == str(verdicts[-1])
    last = opened.data(".plot.fluctuations")
    slider.focus()
    opened.page.keyboard.press("Home")
    for number in (0, 1, 2):
        assert verdict.text_content() == str(verdicts[number])
        points = next(each for each in opened.data(".plot.fluctuations") if each["name"].startswith("F(s)"))
        assert points["y"] == pytest.approx(verdicts[number].result.fluctuations, rel=1e-4)
        assert points["name"] == f"F(s): α = {verdicts[number].alpha:.2f}"
        first, stop = found.step(256 * number), found.step(256 * number + 255)
        assert f"{number + 1} of 8: steps {first:,}–{stop:,}" == opened.page.locator("output").text_content()
        marked = opened.page.eval_on_selector(".plot.trajectory", "place => place.layout.shapes.at(-1)")
        assert (marked["x0"], marked["x1"]) == (first, stop)
        reasons = opened.page.locator(".window .reasons li").all_text_contents()
        assert reasons[: len(verdicts[number].findings)] == [each.text for each in verdicts[number].findings]
        opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("End")
    assert opened.data(".plot.fluctuations") == last
    assert opened.said == []


def test_a_click_on_a_point_shows_its_window(chromium, one):
    path, found = one
    opened = Opened(chromium, path)
    place = opened.drawn()
    opened.drawn(".plot.surrogates")
    at = place.evaluate("""place => {
        const { xaxis, yaxis } = place._fullLayout, alpha = place._fullData.find((each) => each.name.startsWith("α"));
        const box = place.getBoundingClientRect();
        return [box.x + xaxis._offset + xaxis.l2p(alpha.x[2]), box.y + yaxis._offset + yaxis.l2p(alpha.y[2])];
    }""")
    opened.page.mouse.move(*at)
    opened.page.mouse.click(*at)
    opened.until("document.querySelector('input[type=range]').value === '3'")
    assert opened.page.locator(".window .verdict").text_content() == str(found.judged.verdicts[2])


def test_the_legend_hides_and_shows(chromium, one):
    opened = Opened(chromium, one[0])
    opened.drawn()
    opened.page.locator(".plot.trajectory .legendtoggle").nth(3).click()
    opened.until("document.querySelector('.plot.trajectory')._fullData.some((each) => each.visible === 'legendonly')")
    assert [each["name"] for each in opened.data() if each["visible"] == "legendonly"] == ["learning rate"]
    opened.page.locator("input[type=range]").focus()
    opened.page.keyboard.press("Home")  # another window leaves it hidden
    assert [each["name"] for each in opened.data() if each["visible"] == "legendonly"] == ["learning rate"]
    opened.page.locator(".plot.trajectory .legendtoggle").nth(3).click()
    opened.until("document.querySelector('.plot.trajectory')._fullData.every((each) => each.visible === true)")
    assert opened.said == []


def test_it_follows_the_colors_of_the_system(chromium, one):
    opened = Opened(chromium, one[0], color_scheme="light")
    opened.drawn()
    ink = "place => place._fullLayout.font.color"
    assert opened.page.eval_on_selector(".plot.trajectory", ink) == "#1a1a1a"
    opened.page.emulate_media(color_scheme="dark")
    opened.until("document.querySelector('.plot.trajectory')._fullLayout.font.color === '#e8e8e8'")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 26)"


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_screen(chromium, one, width):
    opened = Opened(chromium, one[0], viewport={"width": width, "height": 800})
    opened.drawn(".plot.groups")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_runs_lie_side_by_side(chromium, tmp_path):
    found = [analysis(f"runs/seed={seed}.jsonl", seed=seed, more=False) for seed in range(3)]
    opened = Opened(chromium, write(tmp_path / "report.html", [section_of(each) for each in found]))
    shown = opened.data(".plot.together")
    assert [each["name"] for each in shown] == [each.series.name for each in found]
    for each, of in zip(shown, found, strict=True):
        assert each["y"] == pytest.approx(of.judged.numbers("alpha"), rel=1e-3)
    assert opened.page.locator("#overview tbody tr").count() == 3
    assert opened.page.locator("#run-2 .plot.trajectory .main-svg").count() == 0  # not before it is near
    opened.page.locator("#overview a").nth(2).click()
    opened.drawn("#run-2 .plot.trajectory")
    slider = opened.page.locator("#run-2 input[type=range]")
    slider.fill("1")
    assert opened.page.locator("#run-2 .window .verdict").text_content() == str(found[2].judged.verdicts[0])
    assert (opened.said, opened.asked) == ([], [opened.address])


def hostile_report(path):
    groups = {name: series(name) for name in HOSTILE}
    runs = [analysis(name) for name in HOSTILE[:3]]
    runs = [each._replace(series=each.series._replace(run=HOSTILE[0], column=HOSTILE[2], notes=tuple(HOSTILE))) for each in runs]
    sections = [section_of(each, groups) for each in runs]
    return write(path, sections, title=HOSTILE[1], failures=[Failure(name, name) for name in HOSTILE])


def test_names_from_elsewhere_do_nothing(chromium, tmp_path):
    """The policy of the page is put aside, so that only the escaping holds."""
    opened = Opened(chromium, hostile_report(tmp_path / "report.html"), bypass_csp=True)
    for place in (".plot.together", "#run-0 .plot.surrogates", "#run-0 .plot.groups"):
        opened.drawn(place)
    heat = opened.page.locator("#run-0 .plot.groups")
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    for part in range(1, 10):  # over each name's row
        opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * part / 10)
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate("window.ran") is None
    assert opened.page.locator("img, iframe, object, embed, [onerror], [onload]").count() == 0
    links = opened.page.eval_on_selector_all(
        "a", "all => all.map((each) => each.getAttribute('href') ?? each.getAttribute('xlink:href'))"
    )
    assert {link for link in links if link is not None and not link.startswith(("#run-", "#do-"))} == set()
    ticks = opened.page.locator("#run-0 .plot.groups .ytick text").all_text_contents()
    assert len(ticks) == len(HOSTILE)
    assert ticks[0] == HOSTILE[0]  # shown as it is
    assert (opened.said, opened.asked) == ([], [opened.address])


def test_the_test_of_names_sees_one_that_does_something(chromium, tmp_path):
    path = hostile_report(tmp_path / "report.html")
    path.write_text(path.read_text().replace("<main>", f"<main>{HOSTILE[2]}"))
    assert Opened(chromium, path, bypass_csp=True).page.evaluate("window.ran") == 1
    kept = Opened(chromium, path)  # with the policy of the page, not even that one runs
    kept.drawn(".plot.together")
    assert kept.page.evaluate("window.ran") is None
    kept.page.evaluate("document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))")
    assert kept.page.evaluate("window.ran") is None


def test_words_are_there_without_scripts(chromium, one):
    path, found = one
    opened = Opened(chromium, path, java_script_enabled=False)
    assert str(found.judged.verdicts[-1]) in opened.page.inner_text("main")
    assert "Alarms" in opened.page.inner_text("main")


PICTURES = "() => [...document.querySelectorAll('.plot')].map((place) => place.querySelector('svg.still')).map((each) => each.checkVisibility() ? each.getBoundingClientRect().height : 0)"


def seen(opened):
    """Heights of the still pictures; of those in a closed part, 0."""
    return dict(
        zip(
            opened.page.eval_on_selector_all(".plot", "all => all.map((each) => each.classList[1])"),
            opened.page.evaluate(PICTURES),
            strict=True,
        )
    )


def test_pictures_are_there_without_scripts(chromium, one):
    opened = Opened(chromium, one[0], java_script_enabled=False)
    heights = seen(opened)
    assert heights.pop("orders") == 0
    assert set(heights) == {"trajectory", "fluctuations", "surrogates", "groups", "direction"}
    assert min(heights.values()) > 250
    assert "need a browser of 2023 or later that runs scripts" in opened.page.inner_text("noscript")
    opened.page.locator("details.higher summary").click()
    assert seen(opened)["orders"] > 250


def test_print_shows_the_last_window(chromium, one):
    path, found = one
    opened = Opened(chromium, path)
    opened.drawn(".plot.surrogates")
    first, last = str(found.judged.verdicts[0]), str(found.judged.verdicts[-1])
    opened.page.locator("input[type=range]").fill("1")
    assert opened.page.locator(".window .verdict").text_content() == first
    assert set(seen(opened).values()) == {0}  # the ones that answer are in their place
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    opened.page.emulate_media(media="print")
    assert opened.page.locator(".window .verdict").text_content() == last
    heights = seen(opened)
    heights.pop("orders")
    assert min(heights.values()) > 200
    assert not opened.page.locator(".plot.trajectory .main-svg").first.is_visible()
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator(".window .verdict").text_content() == first


def test_a_printed_page_has_its_pictures(chromium, one):
    """Curves and lines in the streams of the PDF; text alone has few."""
    page = Opened(chromium, one[0]).page
    drawn = strokes(page.pdf())
    page.add_style_tag(content=".still { display: none !important; }")
    assert drawn > strokes(page.pdf()) + 1000


def strokes(pdf):
    """How many lines and curves are drawn in a PDF."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, flags=re.DOTALL)
    return sum(len(re.findall(rb"\s[lc]\s", unpacked(each))) for each in streams)


def unpacked(stream):
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def test_a_line_leads_to_its_row(chromium, one):
    opened = Opened(chromium, one[0])
    opened.drawn()
    opened.page.locator(".window .verdict a").click()
    row = opened.page.locator("#lines tr:target")
    assert row.is_visible()
    assert row.get_attribute("id") == opened.page.locator(".window .verdict a").get_attribute("href")[1:]


def test_a_window_without_alpha_has_no_empty_frames(chromium, tmp_path):
    run = series("run")
    run.values[256:512] = 1.0
    found = analyze(run, SETTINGS)
    opened = Opened(chromium, write(tmp_path / "report.html", [section_of(found)]))
    opened.drawn(".plot.surrogates")
    slider = opened.page.locator("input[type=range]")
    slider.fill("2")
    assert not opened.page.locator(".pair").is_visible()
    assert opened.page.locator(".not-drawn").text_content() == "There is no α in this window, and so no F(s) to draw."
    assert opened.page.locator(".window .next span").text_content() == of_verdict(found.judged.verdicts[1]).next_step
    slider.fill("3")
    assert opened.page.locator(".pair").is_visible()
    assert any(each["name"] == "SGD(momentum 0.9) alone" for each in opened.data(".plot.fluctuations"))
    assert (opened.said, opened.asked) == ([], [opened.address])


def test_an_old_browser_says_what_is_missing(chromium, one):
    context = chromium.new_context()
    context.add_init_script("delete window.DecompressionStream")
    page = context.new_page()
    page.goto(one[0].as_uri())
    page.wait_for_selector(".missing")
    assert "need a browser of 2023 or later" in page.inner_text(".missing >> nth=0")


def test_a_monitor_of_groups_in_a_browser(chromium, tmp_path):
    monitor = wcdfa.WeightChangeDFA(64, stride=16, groups=lambda path: HOSTILE[2])
    norms = series("run").values
    total = norms.cumsum()
    for i in range(200):
        monitor.update({"w": total[i : i + 1]})
    monitor.report(tmp_path / "report.html", title=HOSTILE[0])
    opened = Opened(chromium, tmp_path / "report.html", bypass_csp=True)
    (heat,) = opened.data(".plot.groups")
    assert heat["z"][0][:-1] == pytest.approx(monitor.histories[ALL], rel=1e-3)  # and the norms since the last of them
    assert opened.page.evaluate("window.ran") is None
    assert (opened.said, opened.asked) == ([], [opened.address])
