"""Which web-platform-tests are run, and what each says about itself."""

import dataclasses
import os
import re

# The directories that a function's platform can be measured by. A prefix may be narrower than a directory of the suite.
DIRECTORIES = [
    "FileAPI", "WebCryptoAPI", "compression", "console", "dom/abort", "dom/events", "encoding", "fetch/api/abort", "fetch/api/basic",
    "fetch/api/body", "fetch/api/headers", "fetch/api/redirect", "fetch/api/request", "fetch/api/response",
    "fetch/data-urls", "hr-time", "html/webappapis/atob", "html/webappapis/microtask-queuing", "html/webappapis/structured-clone",
    "html/webappapis/timers", "mimesniff", "performance-timeline", "streams", "url", "urlpattern", "user-timing", "wasm/jsapi",
    "webidl/ecmascript-binding", "webmessaging", "xhr/formdata",
]

TEST = re.compile(r"\.(any|window|worker)\.js$")
META = re.compile(r"^//\s*META:\s*(\w+)=(.*)$")
IMPORT_SCRIPTS = re.compile(r"importScripts\(([^)]*)\)")
STRING = re.compile(r"""(["'`])((?:(?!\1)[^\\\n])*)\1""")

# What a test is not run for, the first that fits. Each is a thing a server-side function has no equal of.
OUT_OF_SCOPE = [
    ("a proposal, not a standard yet", lambda t: ".tentative." in t.path and not t.path.startswith(STANDARD_NOW)),
    ("needs a page: another realm, a frame, a document or a worker", lambda t: t.needs_page()),
    ("runs only where global= names no worker and no shell", lambda t: t.globals and not t.globals & FITTING_GLOBALS),
    ("needs the tests' own server", lambda t: t.needs_server()),
    ("needs HTTP/2 or HTTP/3 of the tests' own server", lambda t: re.search(r"\.(h2|h3|www)\.", t.path)),
]
# Called tentative by the suite, and part of a standard.
STANDARD_NOW = ("compression/",)
FITTING_GLOBALS = {"worker", "dedicatedworker", "dedicatedworker-module", "shell", "shadowrealm", "!default"}
PAGE = re.compile(r"\bdocument\.|\bwindow\.(open|parent|frames|document|top)|createElement|\biframe\b|new (Shared)?Worker\(|navigator\.serviceWorker"
                  r"|\bsetup_?iframe|with_iframe")


# A path that only the server answers, or something that it fills in.
SERVER = re.compile(r"RESOURCES_DIR|get_host_info|\.py\b|\{\{\w|XMLHttpRequest|\btop\.txt\b|\btrickle\b|\.asis\b")


@dataclasses.dataclass
class Test:
    """One file with one of its variants: what a browser would open as one page."""

    root: str
    path: str
    variant: str = ""
    timeout: str = "normal"
    scripts: list = dataclasses.field(default_factory=list)
    globals: set = dataclasses.field(default_factory=set)
    text: str = ""

    @property
    def id(self):
        return self.path + self.variant

    @property
    def seconds(self):
        """How long the test's own harness gives it."""
        return 60 if self.timeout == "long" else 10

    @property
    def group(self):
        return next(d for d in DIRECTORIES if self.path.startswith(d + "/"))

    def needs_page(self):
        return PAGE.search(self.text) is not None

    def needs_server(self):
        texts = [self.text] + [self.read(path) for path in self.script_paths() if path.startswith(("fetch/", "FileAPI/"))]
        return any(SERVER.search(text) for text in texts) and ("fetch(" in "".join(texts) or "XMLHttpRequest" in self.text)

    def out_of_scope(self):
        return next((reason for reason, fits in OUT_OF_SCOPE if fits(self)), None)

    def resolve(self, name):
        """A name as the test writes it -> a path below the root."""
        name = name.split("?")[0].split("#")[0]
        if name == "/resources/WebIDLParser.js":  # the tests' server gives this name to it
            return "resources/webidl2/lib/webidl2.js"
        return os.path.normpath(name[1:] if name.startswith("/") else os.path.join(os.path.dirname(self.path), name))

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="surrogatepass") as file:
            return file.read()

    def script_paths(self):
        """The scripts to run before the test, without testharness.js."""
        return [path for path in (self.resolve(script) for script in self.scripts) if os.path.basename(path) != "testharness.js"]

    def data_files(self):
        """Files that the test may ask for by fetch: whatever its strings name that is there."""
        found = {}
        texts = [self.text] + [self.read(path) for path in self.script_paths()]
        for text in texts:
            for _, name in STRING.findall(text):
                if re.search(r"\.(json|txt|idl|html|wasm)$", name):
                    self._add(found, self.resolve(name))
        if "fetch(location.href)" in self.text:
            self._add(found, self.path)
        if any(path == "resources/idlharness.js" for path in self.script_paths()):
            for _, name in STRING.findall(self.text):
                if re.fullmatch(r"[\w.-]+", name):
                    self._add(found, f"interfaces/{name}.idl")
        return found

    def _add(self, found, path):
        full = os.path.join(self.root, path)
        if not path.startswith("..") and os.path.isfile(full):
            with open(full, "rb") as file:
                found["/" + path] = file.read()


def parse(root, path):
    """The tests of one file: one a variant."""
    test = Test(root, path)
    test.text = test.read(path)
    variants = []
    for line in test.text.splitlines():
        if line.strip() and not line.startswith("//"):
            break
        meta = META.match(line)
        if not meta:
            continue
        key, value = meta[1], meta[2].strip()
        if key == "script":
            test.scripts.append(value)
        elif key == "variant":
            variants.append(value)
        elif key == "timeout":
            test.timeout = value
        elif key == "global":
            test.globals = set(value.replace(" ", "").split(","))
    if path.endswith(".worker.js"):
        for arguments in IMPORT_SCRIPTS.findall(test.text):
            test.scripts += [name for _, name in STRING.findall(arguments)]
    return [dataclasses.replace(test, variant=variant) for variant in variants or [""]]


def find(root, patterns=()):
    """(tests to run, {reason: how many files are out of scope}); `patterns` are prefixes or parts of ids."""
    tests, skipped = [], {}
    for directory in DIRECTORIES:
        for folder, folders, files in os.walk(os.path.join(root, directory)):
            folders.sort()
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if not TEST.search(name) or "/resources/" in path or "/support/" in path:
                    continue
                found = parse(root, path)
                reason = found[0].out_of_scope()
                if reason:
                    skipped[reason] = skipped.get(reason, 0) + 1
                    continue
                tests += [test for test in found if not patterns or any(pattern in test.id for pattern in patterns)]
    return tests, skipped
