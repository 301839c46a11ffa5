"""A test as one script: the environment, testharness.js, the reporter, the scripts of its META lines, the test."""

import base64
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def _own(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def script(test, origin):
    """A classic script; whoever runs it has defined wptDone(text). Scripts see one another's declarations, as on a page."""
    files = {path: base64.b64encode(content).decode() for path, content in test.data_files().items()}
    facts = {"path": test.path, "search": test.variant, "files": files, "origin": origin}
    parts = [f"globalThis.wptTest = {json.dumps(facts)};", _own("environment.js"), test.read("resources/testharness.js"), _own("reporter.js")]
    parts += [test.read(path) for path in test.script_paths()]
    parts.append(test.text)
    # An empty statement first: one file's "use strict" is not to hold for all of them.
    return ";" + "\n;\n".join(parts)


def function(test, origin):
    """A module for this platform: the script is run at the first request, which is answered when it is complete."""
    return f"""const source = {json.dumps(script(test, origin))};
export default () => new Promise((resolve) => {{
  Object.defineProperty(globalThis, 'wptDone', {{ value: (text) => resolve(new Response(text)), configurable: true }});
  (0, eval)(source);
}});
"""
