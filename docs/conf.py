"""Settings of Sphinx. The build executes every cell and notebook; `.ci/run` treats a warning as an error."""

from __future__ import annotations

import os
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

import wcdfa
from wcdfa.readers.formats import described

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "JAX_PLATFORMS": "cpu", "WCDFA_PROGRESS": "0"}
os.environ.pop("MPLBACKEND", None)  # cells draw into the page

project, author, release = "wcdfa", "The wcdfa developers", wcdfa.__version__
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py", "check_links.py", "make_picture.py", "notebooks/programs", "notebooks/data"]
default_role = "py:obj"  # a name in single backticks is a link where the site knows it, and code where it does not
nitpick_ignore_regex = [("py:obj", ".*")]

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "substitution"]
myst_substitutions = {"formats": described()}  # what the readers say of themselves
myst_heading_anchors = 3
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "remove-warn"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # tables that cells make

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings tell types, with shapes and units
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = napoleon_use_ivar = False

html_theme = "pydata_sphinx_theme"
html_title = "wcdfa"
html_copy_source = html_show_sourcelink = False
html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "*": [], "notebooks/*": [], "api/*": ["sidebar-nav-bs"], "integrations/*": ["sidebar-nav-bs"]}
html_theme_options: dict[str, Any] = {
    "header_links_before_dropdown": 5,
    "navbar_persistent": ["search-button-field"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def _formula(display: str) -> Any:
    """Render formulas as MathML, which needs no script, so that the site loads nothing from elsewhere."""

    def visit(translator: Any, node: nodes.Element) -> None:
        formula = convert(node.astext(), display=display)
        translator.body.append(formula if display == "inline" else f'<p style="text-align: center; overflow-x: auto">{formula}</p>')
        raise nodes.SkipNode

    return visit, None


def setup(app: Any) -> None:
    """Register the MathML renderer."""
    app.add_html_math_renderer("mathml", _formula("inline"), _formula("block"))
