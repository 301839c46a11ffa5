"""Two plots as SVG text: horizontal bars in small multiples, and quantiles on a logarithmic axis. Colours work on white and on dark."""
import math
from xml.sax.saxutils import escape

OURS, OTHERS, LIMIT, INK, FAINT = "#d9480f", "#74879c", "#2b8a3e", "#7d8590", "#7d859055"
QUANTILES = (("p50_us", "p50"), ("p90_us", "p90"), ("p99_us", "p99"), ("p999_us", "p99.9"), ("max_us", "max"))
ROW, LABEL, WIDTH = 18, 96, 420


def colour(name):
    return OURS if name == "zts" else LIMIT if name == "floor" else OTHERS


def _text(x, y, words, anchor="start", size=12, fill=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}" font-weight="{weight}">'
            f"{escape(words)}</text>")


def _page(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, sans-serif">\n' + "\n".join(parts) + "\n</svg>\n")


def bars(panels, columns=2):
    """panels: [(title, {name: value})]; each panel has its own scale, longest first."""
    parts, tops = [], [16] * columns
    for title, values in panels:
        column = tops.index(min(tops))
        left, top = column * (WIDTH + 40) + 10, tops[column]
        parts.append(_text(left, top, title, size=13, weight="bold"))
        longest = max(values.values(), default=0) or 1
        room = WIDTH - LABEL - 70
        for row, (name, value) in enumerate(sorted(values.items(), key=lambda item: -item[1])):
            y = top + 10 + row * ROW
            parts.append(_text(left + LABEL - 6, y + 12, name, "end", fill=colour(name) if name in ("zts", "floor") else INK))
            parts.append(f'<rect x="{left + LABEL}" y="{y + 2}" width="{max(1, value / longest * room):.1f}" height="{ROW - 5}" rx="2" '
                         f'fill="{colour(name)}"/>')
            parts.append(_text(left + LABEL + value / longest * room + 5, y + 12, f"{value:,.0f}", size=11))
        tops[column] += 10 + len(values) * ROW + 34
    return _page(columns * (WIDTH + 40), max(tops), parts)


def quantiles(panels):
    """panels: [(title, {name: summary})], one below the other: a row a server, a dot a quantile, microseconds on a logarithmic axis."""
    parts, top, width = [], 16, 860
    values = [s[key] for _, summaries in panels for s in summaries.values() for key, _ in QUANTILES if s[key] > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    room = width - LABEL - 60

    def at(value):
        return LABEL + (math.log10(max(value, 10 ** low)) - low) / max(1, high - low) * room
    for title, summaries in panels:
        parts.append(_text(10, top, title, size=13, weight="bold"))
        bottom = top + 24 + len(summaries) * (ROW + 4)
        for power in range(low, high + 1):
            x = at(10 ** power)
            parts.append(f'<line x1="{x:.1f}" y1="{top + 12}" x2="{x:.1f}" y2="{bottom - 8}" stroke="{FAINT}"/>')
            words = f"{10 ** power:g} us" if power < 3 else f"{10 ** (power - 3):g} ms" if power < 6 else f"{10 ** (power - 6):g} s"
            parts.append(_text(x, bottom + 6, words, "middle", 11))
        for row, (name, s) in enumerate(sorted(summaries.items(), key=lambda item: item[1]["p99_us"])):
            y = top + 24 + row * (ROW + 4)
            parts.append(_text(LABEL - 8, y + 4, name, "end", fill=colour(name) if name in ("zts", "floor") else INK))
            parts.append(f'<line x1="{at(s["p50_us"]):.1f}" y1="{y}" x2="{at(s["max_us"]):.1f}" y2="{y}" stroke="{colour(name)}"/>')
            for step, (key, word) in enumerate(QUANTILES):
                parts.append(f'<circle cx="{at(s[key]):.1f}" cy="{y}" r="{2.5 + step * 0.6:.1f}" fill="{colour(name)}">'
                             f"<title>{escape(name)} {word} {s[key]:,.0f} us</title></circle>")
        top = bottom + 40
    parts.append(_text(10, top - 14, "dots from left to right: " + ", ".join(word for _, word in QUANTILES), size=11))
    return _page(width, top, parts)
