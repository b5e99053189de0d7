"""What is wrong with a text that is no YAML, told from the text itself: no word of a parser reaches the person."""

from __future__ import annotations

import re
from typing import Final

from flowrun.dataclass import dataclass
from flowrun.errors import Problem, Span
from flowrun.source import Source

_MISSING_SPACE = re.compile(r"\s*(?:- +)*(?P<key>[A-Za-z_][\w.-]*):(?P<value>[^\s:/'\"].*?)\s*(?: #.*)?$")
_BARE_WORD = re.compile(r"\s*(?:- +)*(?P<word>[A-Za-z_][\w.-]*)\s*(?: #.*)?$")
_ENTRY = re.compile(r"\s*(?:- +)*(?P<key>[^\s'\"{\[#-][^:#]*?|\"[^\"]*\"|'[^']*'):(?: +(?P<value>\S.*?))?\s*(?: #.*)?$")
_QUOTED = re.compile(r"""(?:(?<=[\s\[,{:(-])|^)(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')""")
_SIGNS = re.compile(r"anchor|alias|directive|\btag\b")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_LONGEST_ADVICE: Final = 60
_CLOSING: Final = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Where a parser gave up: its message, the place, and the place where what it was reading began."""

    message: str
    at: int
    reading: str = ""
    began: int | None = None
    quoted: tuple[int, int] | None = None  # the quoted text read last


@dataclass(frozen=True, slots=True)
class Repair:
    """A piece to overwrite, so that the rest of the file can be read too; the text at `value` stands for `meant`."""

    start: int
    filler: str
    value: int
    meant: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem in words, and how to read on."""

    problem: Problem
    repair: Repair | None = None


def explain(source: Source, trouble: Trouble) -> Finding:
    """Say what a person most likely did; the first reason that fits, the most telling ones first."""
    last = max(0, len(source.text.rstrip()) - 1)
    at = min(trouble.at, last)
    for reason in (_hole, _tab, _quote, _bracket, _colon, _first_character, _indentation):
        finding = reason(source, trouble, at)
        if finding:
            return finding
    word = re.compile(r"\S*").match(source.text, at)
    span = source.span(at, max(at + 1, word.end() if word else 0))
    return Finding(Problem("yaml-syntax", "this can't be read as YAML", span, "look here and at the line before"))


def in_quotes(text: str) -> str:
    """Return a text as YAML would need it in quotes."""
    return f'"{text}"' if not re.search(r'["\\]', text) else "'" + text.replace("'", "''") + "'"


def hole_problem(span: Span, text: str) -> Problem:
    """Return the problem of a value with `{{` and no quotes."""
    advice = f"write {in_quotes(text)}"
    if len(advice) > _LONGEST_ADVICE:
        advice = "put quotes around the whole value"
    return Problem("unquoted-template", "a value that begins with {{ needs quotes around it", span, advice)


def characters(source: Source) -> list[Problem]:
    """Return the problems of characters that can't stand where they stand."""
    problems = []
    harmless = Source(source.file, _CONTROL.sub("\ufffd", source.text))  # nothing that a terminal would obey
    for found in _CONTROL.finditer(source.text):
        name = f"U+{ord(found[0]):04X}"
        title = f"the control character {name} can't stand in a file"
        problems.append(Problem("yaml-character", title, harmless.span(found.start(), found.end()), "delete it"))
    for found in _ODD_SPACE.finditer(source.text):
        span = harmless.span(found.start("odd"), found.end("odd"))
        problems.append(Problem("yaml-character", "this only looks like a space", span, "write a plain space here"))
    return problems[:_MOST_CHARACTERS]


_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ODD_SPACE = re.compile("^[ -]*(?P<odd>[\u00a0\u2000-\u200b\u202f\u3000]+)", re.MULTILINE)
_MOST_CHARACTERS: Final = 20


def _blank_quotes(line: str) -> str:
    """Return the line with quoted texts and a comment made blank, every column kept."""
    line = _QUOTED.sub(lambda found: "_" * len(found[0]), line)
    return _COMMENT.sub(lambda found: " " * len(found[0]), line)


def _region(source: Source, start: int, end: int) -> Repair:
    return Repair(start, "x" * (end - start), start, source.text[start:end])


def _hole(source: Source, trouble: Trouble, at: int) -> Finding | None:
    """`key: {{ x }}/path`, `[a {{ x }}]`, `{{ x['y'] }}`: braces mean something in YAML."""
    rows = {source.row(at)}
    if trouble.began is not None and "flow" in trouble.reading:
        rows.add(source.row(trouble.began))
    for row in sorted(rows):
        line = source.line(row)
        bare = _blank_quotes(line)
        hole = bare.find("{{")
        if hole < 0 or source.starts[row] + hole > trouble.at:
            continue
        before = bare[:hole]
        begin = max((found.end() for found in re.finditer(r"(?:^|[:,\[{-])\s+|[\[{]", before)), default=hole)
        close = line.find("}}", hole)
        end = _value_end(line, begin, close + 2 if close >= 0 else begin)
        end = begin + len(line[begin:end].rstrip())
        start, end = source.starts[row] + begin, source.starts[row] + end
        problem = hole_problem(source.span(start, end), source.text[start:end])
        return Finding(problem, _region(source, start, end))
    return None


def _value_end(line: str, begin: int, past: int) -> int:
    """Return where an unquoted value ends that begins in a line; inside brackets that is before the next , ] or }."""
    bare = _blank_quotes(line)
    before = bare[:begin]
    if before.count("[") + before.count("{") > before.count("]") + before.count("}"):
        rest = re.compile(r"[^,\]}]*").match(line, past)
        return len(line[: rest.end()].rstrip()) if rest else len(line)
    return max(len(bare.rstrip()), past)


def _tab(source: Source, trouble: Trouble, at: int) -> Finding | None:
    row = source.row(min(trouble.at, len(source.text)))
    candidates = [r for r in (row, source.row(at)) if "\t" in _indent(source.line(r))]
    if not candidates:
        return None
    row = candidates[0]
    start = source.starts[row] + source.line(row).index("\t")
    end = source.starts[row] + len(_indent(source.line(row)))
    others = [n + 1 for n in range(len(source.starts)) if n != row and "\t" in _indent(source.line(n))]
    hint = ""
    if others:
        shown = ", ".join(map(str, others[:10])) + (", …" if len(others) > 10 else "")  # noqa: PLR2004
        hint = f"tabs stand in the indentation of line {shown} too"
    title = "a tab can't indent a line in YAML"
    return Finding(Problem("yaml-tab", title, source.span(start, end), "use spaces", hint=hint))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _quote(source: Source, trouble: Trouble, at: int) -> Finding | None:
    """Find a quote that is never closed, closed too late, or closed too early."""
    if "quoted scalar" in trouble.reading and trouble.began is not None:
        if "escape" in trouble.message:
            start = source.text.rindex("\\", 0, trouble.at + 1)
            escape = source.text[start : start + 2]
            label = f"write \\{escape}, or use single quotes"
            title = f"{escape} means nothing between double quotes"
            return Finding(Problem("yaml-quote", title, source.span(start, start + 2), label))
        return Finding(_unclosed(source, trouble.began))
    if trouble.quoted is None:
        return None
    start, end = trouble.quoted
    if end > trouble.at or source.row(end) != source.row(at) or source.text[end : trouble.at].strip():
        return None
    if source.row(start) != source.row(end):
        return Finding(_unclosed(source, start))
    row = source.row(start)
    stop = source.starts[row] + len(_COMMENT.sub("", source.line(row)).rstrip())
    advice = f"write {in_quotes(source.text[start:stop])}"
    if len(advice) > _LONGEST_ADVICE:
        advice = "put one pair of quotes around the whole value"
    problem = Problem("yaml-quote", "the text goes on after its closing quote", source.span(start, stop), advice)
    return Finding(problem, _region(source, start, stop))


def _unclosed(source: Source, start: int) -> Problem:
    sign = source.text[start]
    span = source.span(start, source.starts[source.row(start)] + len(source.line(source.row(start))))
    return Problem("yaml-quote", "this quote is not closed on its line", span, f"end the text with {sign}")


def _bracket(source: Source, trouble: Trouble, at: int) -> Finding | None:
    if "flow" not in trouble.reading or trouble.began is None:
        return None
    sign = source.text[trouble.began : trouble.began + 1]
    closing = _CLOSING.get(sign)
    if closing is None:
        return None
    if source.row(at) == source.row(trouble.began) and closing in source.text[at:].split("\n", 1)[0]:
        begin = source.starts[source.row(at)]
        key = re.search(r"(?:\"[^\"]*\"|[\w.-]+)\s*$", source.text[begin:at]) if source.text[at] == ":" else None
        word = re.compile(r"[^\s,\]}]+").match(source.text, at)
        span = source.span(begin + key.start(), at) if key else source.span(at, word.end() if word else at + 1)
        return Finding(Problem("yaml-bracket", f"expected a comma or {closing}", span, "put a comma before this"))
    span = source.span(trouble.began, trouble.began + 1)
    return Finding(
        Problem("yaml-bracket", f"this {sign} is never closed", span, f"write {closing} after the last item")
    )


def _colon(source: Source, trouble: Trouble, at: int) -> Finding | None:
    """`key:value`, a key without its colon, and a text with a colon inside."""
    values = "mapping values" in trouble.message
    if not values and "expected ':'" not in trouble.message:
        return None
    rows = [source.row(at), _row_before(source, source.row(at))]
    if trouble.began is not None:
        rows.insert(0, source.row(trouble.began))
    for row in rows:
        found = _MISSING_SPACE.match(source.line(row))
        if found and "://" not in found[0]:
            return _missing_space(source, row, found)
    row = source.row(at)
    entry = _ENTRY.match(source.line(row))
    if values and entry and entry["value"] and source.starts[row] + entry.start("value") <= at:
        start, end = (source.starts[row] + n for n in entry.span("value"))
        advice = f"write {in_quotes(entry['value'])}"
        if len(advice) > _LONGEST_ADVICE:
            advice = "put quotes around the whole text"
        problem = Problem("yaml-quote", "a text with ': ' in it needs quotes", source.span(start, end), advice)
        return Finding(problem, _region(source, start, end))
    for row in rows:
        found = _BARE_WORD.match(source.line(row))
        if found:
            span = source.span(*(source.starts[row] + n for n in found.span("word")))
            title = f"a colon is missing after '{found['word']}'"
            return Finding(Problem("yaml-colon", title, span, f"write {found['word']}:"))
    return None


def _missing_space(source: Source, row: int, found: re.Match[str]) -> Finding:
    start, value = source.starts[row] + found.start("key"), source.starts[row] + found.start("value")
    end = source.starts[row] + found.end("value")
    problem = Problem(
        "yaml-colon",
        "a space is missing after the colon",
        source.span(start, end),
        f"write {found['key']}: {found['value']}",
    )
    size = end - value
    # A value of one character leaves no room for itself: it is then read where the empty value begins.
    begins = value + 1 if size > 1 else value
    return Finding(problem, Repair(value, " " + "x" * (size - 1), begins, found["value"]))


def _row_before(source: Source, row: int) -> int:
    """Return the last line above that says something."""
    for above in range(row - 1, -1, -1):
        if _COMMENT.sub("", source.line(above)).strip():
            return above
    return row


def _first_character(source: Source, trouble: Trouble, at: int) -> Finding | None:
    """`@x`, `%x`, `*x`, `&x`: signs that mean something to YAML."""
    start = trouble.began if _SIGNS.search(trouble.reading) else at
    sign = source.text[start : start + 1] if start is not None else ""
    if start is None or sign not in {"@", "`", "%", "*", "&", "!"} or not _special(trouble):
        return None
    row = source.row(start)
    begin = source.starts[row]
    end = begin + _value_end(source.line(row), start - begin, start - begin)
    advice = f"write {in_quotes(source.text[start:end])}"
    if len(advice) > _LONGEST_ADVICE:
        advice = "put quotes around the whole value"
    problem = Problem("yaml-quote", f"a value that begins with {sign} needs quotes", source.span(start, end), advice)
    return Finding(problem, _region(source, start, end) if end > start > begin else None)


def _special(trouble: Trouble) -> bool:
    return bool(_SIGNS.search(trouble.reading)) or "cannot start any token" in trouble.message


def _indentation(source: Source, trouble: Trouble, at: int) -> Finding | None:
    row = source.row(at)
    line = source.line(row)
    content = _COMMENT.sub("", line).strip()
    if not content or source.starts[row] + len(_indent(line)) > at + len(content):
        return None
    column = len(_indent(line)) + 1
    entry = _ENTRY.match(line)
    stop = entry.end("key") if entry else column - 1 + len(content)
    span = source.span(source.starts[row] + column - 1, source.starts[row] + stop)
    above = source.line(_row_before(source, row))
    beside = re.match(r"\s*(?:- +)*", above)
    level = (beside.end() if beside else 0) + 1
    item = re.match(r"(\s*)- ", above)
    if content.startswith("- "):
        title, label = (
            "a list item can't begin here",
            f"a list that belongs to the line above begins in column {level + 2}",
        )
        if level > column and item:
            label = f"the item above begins in column {len(item[1]) + 1}"
    elif "block collection" in trouble.reading and trouble.began is not None:
        began = trouble.began - source.starts[source.row(trouble.began)] + 1
        title = "this line is neither a list item nor part of one"
        label = f"begin in column {began + 2} to belong to the item above"
        if column == began:
            label = f'write "- " before it to begin an item, or {label}'
    elif column > level:
        title, label = "this line is indented too far", f"begin in column {level}"
    else:
        title, label = "this line fits none of the levels above it", f"begin in column {level}"
        outer = 1 if trouble.began is None else trouble.began - source.starts[source.row(trouble.began)] + 1
        if outer not in {level, column}:
            label = f"begin in column {level}, or in column {outer}"
    return Finding(Problem("yaml-indentation", title, span, label))
