r"""Text that others wrote, such as names of columns, classes, models and files: one function for each medium.

Such text keeps its form and does nothing: it is no markup, no formula, no link and no command to a terminal. Characters
that are not seen are written as Python writes them, such as ``\x1b``. HTML is left to Jinja (study.report.templating).
"""

from __future__ import annotations

import re

# Control characters, line separators, what turns the direction of writing round, and halves of characters.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_MARKDOWN = re.compile(
    r"[\\`*_\[\]<>|#~$&]"
    r"|:(?=//|[\w+-]+:)"  # addresses and :emoji:
    r"|(?<=\bwww)\."
    r"|^[-+=](?=[-+=\s]|$)"  # lists and rules
    r"|(?<=^\d)[.)](?=\s|$)"
)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_FORMULA = tuple("=+-@＝＋－＠")


def visible(text: str) -> str:
    r"""Return the text with every character that is not seen written out, line breaks among them.

    >>> print(visible("dose\x1b[31m\n"))
    dose\x1b[31m\n
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def in_lines(text: str) -> str:
    r"""Return the text for a terminal or a page: as `visible` does, but line breaks and tabs stay.

    >>> print(in_lines("two\nlines\a"))
    two
    lines\x07
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in "\n\t" else visible(found[0]), text)


def in_markdown(text: str) -> str:
    r"""Return the text as Markdown, to stand in a sentence, a heading or a cell of a table.

    >>> print(in_markdown("height [m] :warning: <b>"))
    height \[m\] \:warning: \<b\>
    """
    return _MARKDOWN.sub(r"\\\g<0>", visible(" ".join(text.split())))


def in_csv(text: str) -> str:
    """Return the text as the cell of a table that a spreadsheet may open: what it would compute gets an apostrophe.

    >>> in_csv("=1+1"), in_csv("-0.5"), in_csv("yes")
    ("'=1+1", '-0.5', 'yes')
    """
    text = visible(text)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def in_tracker(name: str) -> str:
    """Return the name of a metric or a parameter with an underscore for every character that MLflow refuses in one.

    >>> in_tracker("ladder/garnet [QPU]/rmse")
    'ladder/garnet _QPU_/rmse'
    """
    return re.sub(r"[^\w/. -]", "_", name, flags=re.ASCII)


def in_figure(text: str) -> str:
    r"""Return the text for matplotlib: a dollar begins no formula, and an underscore hides it from no legend.

    >>> print(in_figure("$x$"))
    \$x\$
    """
    text = in_lines(text).replace("$", r"\$")
    return f"\N{HAIR SPACE}{text}" if text.startswith("_") else text
