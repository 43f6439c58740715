"""A model card as one HTML file: no script, no other file, no other host; for light, dark and paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from fracture_core import RESEARCH_ONLY
from fracture_core.model_card.checklist import guidelines, tally
from fracture_core.model_card.document import (
    SIGNS,
    Block,
    Document,
    Judgement,
    Pairs,
    Paragraph,
    Picture,
    Points,
    Section,
    Table,
)
from fracture_core.model_card.drawing import Box, Dot, Drawing, Label, Line, Shape, draw

_STYLE = Path(__file__).with_name("card.css")


def to_html(document: Document) -> str:
    """The document as a whole HTML page, all text escaped."""
    sections = "\n".join(_section(section) for section in document.sections)
    contents = "".join(
        f'<li><a href="#{escape(section.key)}">{escape(section.title)}</a></li>' for section in document.sections
    )
    return f"""<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>Model card: {escape(document.title)}</title>
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<p class="kind">Model card</p>
<h1>{escape(document.title)}</h1>
<p class="identity">{escape(document.identity)}</p>
<p class="warning">{escape(RESEARCH_ONLY)}</p>
<p>{escape(document.summary)}</p>
{_key_facts(document)}
</header>
<nav aria-label="Contents"><ul>{contents}<li><a href="#checklist">Checklist</a></li></ul></nav>
<main>
{sections}
{_checklist(document)}
</main>
<footer><p>{escape(RESEARCH_ONLY)} {escape(document.identity)}</p></footer>
</body>
</html>
"""


def _key_facts(document: Document) -> str:
    facts = "".join(
        f"<div><dt>{escape(fact.label)}</dt><dd><strong>{escape(fact.value)}</strong> "
        f"<span>{escape(fact.detail)}</span></dd></div>"
        for fact in document.key_facts
    )
    return f'<dl class="facts">{facts}</dl>' if facts else ""


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="{escape(section.key)}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>'


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Points):
        return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in block.items)}</ul>"
    if isinstance(block, Pairs):
        rows = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in block.rows)
        return f'<dl class="pairs">{rows}</dl>'
    if isinstance(block, Table):
        note = f'<p class="note">{escape(block.note)}</p>' if block.note else ""
        return _table(block.title, block.head, block.rows) + note
    assert isinstance(block, Picture), "every block has its form"
    return (
        f"<figure><figcaption>{escape(block.title)}</figcaption>{to_svg(draw(block.chart), title=block.note)}"
        f'<p class="note">{escape(block.note)}</p></figure>'
    )


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return (
        f'<div class="wide"><table><caption>{escape(title)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    # a figure stays on a line with its interval
    figure = ' class="figure"' if text[:1].isdigit() and len(text) < 24 else ""
    return f"<td{figure}>{escape(text)}</td>"


def _checklist(document: Document) -> str:
    if not document.checklist:
        return ""
    counts = tally(document.checklist)
    parts = [
        '<section id="checklist">\n<h2>Checklist</h2>',
        "<p>What three reporting guidelines ask, and what this card answers. Derived from what the sections above "
        "say; wordings are ours, and an answer is no seal of quality.</p>",
    ]
    for name, guideline in guidelines().items():
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts[name].items())
        rows = [_row(each) for each in document.checklist if each.guideline == name]
        parts.append(f"<h3>{escape(name)}</h3><p>{escape(guideline.citation)}: {escape(said)}.</p>")
        parts.append(_table(f"{name}, item by item", ("item", "asks for", "verdict", "where", "missing"), rows))
    return "\n".join([*parts, "</section>"])


def _row(judged: Judgement) -> tuple[str, ...]:
    verdict = f"{SIGNS[judged.verdict]} {judged.verdict}"
    return judged.number, judged.wording, verdict, "; ".join(judged.where), judged.missing


def to_svg(drawing: Drawing, *, title: str = "") -> str:
    """A drawing as an SVG element; its colours come from the page's style."""
    shapes = "".join(map(_shape, drawing.shapes))
    return (
        f'<svg viewBox="0 0 {drawing.width:g} {drawing.height:g}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{shapes}</svg>"
    )


def _shape(shape: Shape) -> str:
    if isinstance(shape, Line):
        dashes = ' stroke-dasharray="4 3"' if shape.dashed else ""
        return (
            f'<line class="s-{shape.role}" x1="{shape.x1:.1f}" y1="{shape.y1:.1f}" x2="{shape.x2:.1f}" '
            f'y2="{shape.y2:.1f}" stroke-width="{shape.width:g}"{dashes}/>'
        )
    if isinstance(shape, Box):
        return (
            f'<rect class="f-{shape.role}" x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" '
            f'height="{shape.height:.1f}"/>'
        )
    if isinstance(shape, Dot):
        if shape.square:
            x, y, side = shape.x - shape.r, shape.y - shape.r, 2 * shape.r
            return f'<rect class="f-{shape.role}" x="{x:.1f}" y="{y:.1f}" width="{side:g}" height="{side:g}"/>'
        return f'<circle class="f-{shape.role}" cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.r:g}"/>'
    assert isinstance(shape, Label), "every shape has its form"
    return (
        f'<text class="f-{shape.role}" x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" '
        f'text-anchor="{shape.align}">{escape(shape.text)}</text>'
    )
