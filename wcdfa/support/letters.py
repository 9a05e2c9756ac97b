"""Writes the letters and signs of this package in those that an encoding has: α as alpha, ‖ΔW‖ as |dW|."""

from __future__ import annotations

import codecs

NAMED = "wcdfa"
"""What ``open`` and ``reconfigure`` take as `errors` once this module is imported."""

PLAIN = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "Γ": "Gamma",
    "Δ": "d",
    "ε": "eps",
    "θ": "theta",
    "λ": "lambda",
    "ν": "nu",
    "π": "pi",
    "ρ": "rho",
    "σ": "sigma",
    "Σ": "sum",
    "τ": "tau",
    "φ": "phi",
    "χ": "chi",
    "ω": "omega",
    "µ": "u",
    "μ": "u",
    "‖": "|",
    "∥": "|",
    "∇": "grad ",
    "δ": "d",
    "∆": "d",
    "⟨": "<",
    "⟩": ">",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "±": "+-",
    "∓": "-+",
    "×": "x",
    "·": "*",
    "√": "sqrt ",
    "∫": "integral ",
    "½": "1/2",
    "∞": "infinity",
    "−": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "←": "<-",
    "↑": "up",
    "↓": "down",
    "•": "*",
    "°": " degrees",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "\N{THIN SPACE}": " ",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "«": '"',
    "»": '"',
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", ("^" + each for each in "0123456789"), strict=True)),
    **dict(zip("₀₁₂₃₄₅₆₇₈₉₋ₖₜᵀ", (*"0123456789-", "_k", "_t", "^T"), strict=True)),
    **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True)),
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺╼╾", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┡┩┢┪╇╈╞╡╪╔╗╚╝╠╣╦╩╬┠┨┯┷┿┝┥┳┻╋╓╖╙╜", "+"),
}


def plain(text: str, encoding: str) -> str:
    r"""Return the text in characters that the encoding has; what has no plain name is escaped.

    >>> plain("α of ‖ΔW‖ ≥ 1, in läufe", "ascii"), plain("α ± 1, in läufe", "latin-1")
    ('alpha of |dW| >= 1, in l\\xe4ufe', 'alpha ± 1, in läufe')
    """
    return text.encode(encoding, NAMED).decode(encoding)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in letters), error.end


codecs.register_error(NAMED, _replaced)
