"""Style: colours that stay apart for the colour blind and read on paper; figures that show themselves once."""

import itertools
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from sdg_lab import show
from sdg_lab.course.ch00 import FAMILY_COLOURS
from sdg_lab.show import style
from sdg_lab.show.axes import set_title

# Machado, Oliveira and Fernandes (2009), table of matrices for severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(hex_colour, sight):
    """Return CIE L*a*b* (D65) of a colour as it is seen."""
    srgb = np.array(mpl.colors.to_rgb(hex_colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ np.clip(np.array(SIGHT[sight]) @ linear, 0, 1) / [0.95047, 1.0, 1.08883]
    fx, fy, fz = (np.cbrt(v) if v > 216 / 24389 else v * 841 / 108 + 4 / 29 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def closest(colours, sight):
    return min(np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in itertools.combinations(colours, 2))


DATA_ROLES = ("real", "synthetic", "baseline", "augmented", "both")


@pytest.mark.parametrize("sight", SIGHT)
def test_the_roles_and_the_families_stay_apart(sight):
    """A difference of 2.3 is just noticed; 10 is plain."""
    assert closest([show.colour(role) for role in DATA_ROLES], sight) > 10
    assert closest(list(FAMILY_COLOURS.values()), sight) > 15


def test_the_measure_would_catch_a_red_and_a_green_of_one_lightness():
    assert closest(["#C0504D", "#707A3A"], "deuteranopia") < 10 < closest(["#C0504D", "#707A3A"], "normal")


@pytest.mark.parametrize("role", style._ROLES)
def test_every_role_reads_as_a_line_on_paper(role):
    assert style.contrast(show.colour(role), style.PAPER) >= 3


@pytest.mark.parametrize("fill", style.OKABE_ITO.values(), ids=style.OKABE_ITO)
def test_text_on_every_fill_reads(fill):
    assert style.contrast(style.text_on(fill), fill) >= 4


def test_contrast_is_that_of_the_standard():
    assert style.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert style.contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)  # the well-known limit grey


def test_small_text_reads():
    assert min(style.contrast(text, style.PAPER) for text in (style.INK, style.MUTED)) >= 4.5


def test_the_map_for_amounts_darkens_steadily():
    lightness = [style.luminance(mpl.colors.to_hex(c)) for c in mpl.colormaps[style.SEQUENTIAL](np.linspace(0, 1, 64))]
    assert (np.diff(lightness) < 0).all()


def test_an_unknown_role_is_refused():
    with pytest.raises(ValueError, match=r"role must be one of real, synthetic, .* got 'fake'"):
        show.colour("fake")


def test_panels_are_unknown_to_pyplot_and_show_themselves_once_with_their_titles():
    before = plt.get_fignums()
    figure, axes = show.panels(2, 3, title="Six panels")
    axes[0, 0].set_title("left")
    assert axes.shape == (2, 3)
    assert plt.get_fignums() == before
    bundle = figure._repr_mimebundle_()
    assert bundle["text/plain"] == "Figure: Six panels; left"
    assert bundle["image/png"].startswith(b"\x89PNG")


def test_a_full_figure_is_900_pixels_wide_and_the_same_twice(tmp_path):
    first, second = (show.panels()[0] for _ in range(2))
    assert first.png() == second.png()
    (tmp_path / "figure.png").write_bytes(first.png())
    assert Image.open(tmp_path / "figure.png").width == 902


def test_a_figure_without_axes_is_refused():
    with pytest.raises(ValueError, match="rows must be a whole number >= 1, got 0"):
        show.panels(0, 2)
    with pytest.raises(ValueError, match="columns must be a whole number >= 1, got 0"):
        show.panels(1, 0)


@pytest.mark.parametrize(
    "program",
    [
        "from sdg_lab import show; assert 'matplotlib' not in sys.modules; import matplotlib.pyplot as plt",
        "import matplotlib.pyplot as plt; from sdg_lab import show",
        "from sdg_lab import show; show.panels(); import matplotlib.pyplot as plt",
        "import importlib.util; from sdg_lab import show; importlib.util.find_spec('matplotlib'); "
        "import matplotlib.pyplot as plt",
    ],
    ids=["before matplotlib", "after matplotlib", "with a figure", "when somebody only looked for it"],
)
def test_the_style_is_there_whoever_comes_first_and_nothing_is_left_behind(program):
    before = "import sys; finders = list(sys.meta_path); "
    after = "; print(plt.rcParams['figure.dpi'], plt.rcParams['axes.prop_cycle'].by_key()['color'][1])"
    left = "; print([f for f in sys.meta_path if type(f).__module__.startswith('sdg_lab.show')])"
    run = subprocess.run([sys.executable, "-c", before + program + after + left], capture_output=True, text=True)
    assert run.stdout.split("\n")[:2] == [f"{style.DPI}.0 {style.OKABE_ITO['vermilion']}", "[]"], run.stderr


def test_importing_the_package_loads_nothing_that_draws():
    modules = ", ".join(f"sdg_lab.show.{path.stem}" for path in Path(style.__file__).parent.glob("*.py"))
    modules = modules.replace("sdg_lab.show.drawing", "sdg_lab").replace("__init__", "style")
    heavy = "{'matplotlib', 'ipywidgets', 'IPython', 'scipy', 'sklearn'}"
    program = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_a_long_title_is_broken_at_words_and_stays_in_the_figure():
    figure, axes = show.panels(1, 2)
    set_title(axes[0, 0], "a title that is much too long for the half of a page that it has\nsecond part")
    figure.canvas.draw()
    title = axes[0, 0]._left_title
    assert title.get_text().endswith("\nsecond part")
    assert title.get_window_extent().x1 <= axes[0, 1].get_window_extent().x0
