"""A report on pictures as PDF: a page a face, with what was seen, what was concluded and how to check it.

Of several pictures, a summary comes first; before the faces of one picture with several, that picture as a whole.
`deepdect.pdf.clip` makes the report on a video.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import accumulate

from deepdect.pdf import face, group, summary
from deepdect.pdf.paper import Paper
from deepdect.report import Entry
from deepdect.texts import Texts


def to_pdf(entries: Iterable[Entry], text: Texts, made: datetime | None = None) -> bytes:
    """The report in that language, where it can be written.

    made: when, with a time zone; now by default. Raises ValueError where there is no entry.
    """
    entries = list(entries)
    if not entries:
        raise ValueError("a report needs at least one picture")
    paper, before = Paper(text, made), summary.pages(len(entries))
    lengths = [group.pages(entry.analysis) + max(1, len(entry.analysis.faces)) for entry in entries]
    paper.expected = before + sum(lengths)
    first = accumulate(lengths, initial=before + 1)
    lines = [summary.Line.of(entry.analysis, page) for entry, page in zip(entries, first, strict=False)]
    for some in summary.by_page(lines):
        summary.draw(paper, some)
    for entry in entries:
        photo = entry.photo() if entry.analysis.faces else None
        if group.pages(entry.analysis):
            group.draw(paper, entry.analysis, photo, paper.page + 2)
        for number in range(max(1, len(entry.analysis.faces))):
            face.draw(paper, face.FacePage(entry, photo, number))
    return bytes(paper.output())
