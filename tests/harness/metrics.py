"""Prometheus text format 0.0.4, strictly read."""

import re

_SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? ([^ ]+)( [0-9]+)?$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')


class Sample:
    def __init__(self, name, labels, value):
        self.name = name
        self.labels = labels
        self.value = value


class Metrics:
    """Fails on a line that is none, a sample without a type, a type said twice."""

    def __init__(self, text):
        self.samples = []
        self.types = {}
        if text and not text.endswith("\n"):
            raise AssertionError("metrics do not end with a newline")
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                if name in self.types:
                    raise AssertionError(f"type of {name} is said twice")
                self.types[name] = kind
            elif line and not line.startswith("#"):
                self._sample(line)

    def _sample(self, line):
        match = _SAMPLE.match(line)
        if not match:
            raise AssertionError(f"no sample: {line!r}")
        labels = dict(_LABEL.findall(match[3] or ""))
        if _LABEL.sub("", match[3] or ""):
            raise AssertionError(f"labels: {line!r}")
        name = match[1]
        base = re.sub(r"_(bucket|sum|count|total)$", "", name)
        if name not in self.types and base not in self.types:
            raise AssertionError(f"no type for {name}")
        self.samples.append(Sample(name, labels, float(match[4])))

    def names(self):
        return {sample.name for sample in self.samples}

    def find(self, pattern, **labels):
        """Samples whose name matches and whose labels include these."""
        return [sample for sample in self.samples
                if re.fullmatch(pattern, sample.name) and all(sample.labels.get(key) == value for key, value in labels.items())]

    def total(self, pattern, **labels):
        return sum(sample.value for sample in self.find(pattern, **labels))
