"""Histograms out of a Prometheus text page."""
import math
import re

_SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(page, name):
    """(labels, value) of every sample of this name."""
    for line in page.splitlines():
        match = _SAMPLE.match(line)
        if match and match.group(1) == name:
            yield dict(_LABEL.findall(match.group(2) or "")), float(match.group(3))


def buckets(page, name, **wanted):
    """Upper bound -> count up to it, summed over all series whose labels are as wanted."""
    found = {}
    for labels, value in samples(page, name + "_bucket"):
        if all(labels.get(key) == word for key, word in wanted.items()):
            bound = math.inf if labels["le"] == "+Inf" else float(labels["le"])
            found[bound] = found.get(bound, 0) + value
    return found


def difference(after, before):
    return {bound: count - before.get(bound, 0) for bound, count in after.items()}


def count(of):
    return of.get(math.inf, 0)


def quantile(of, q):
    """The upper bound of the bucket that holds the quantile: never better than the truth. None without samples."""
    total = count(of)
    if total == 0:
        return None
    for bound in sorted(of):
        if of[bound] >= q * total:
            return bound
    return math.inf
