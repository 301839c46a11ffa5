#!/usr/bin/env python3
"""Rewrites a library so that what its objects keep to themselves is out of everybody's sight.

  hide_slots.py LIBRARY OUTPUT

web-streams-polyfill keeps the slots of streams, readers and controllers in properties whose names begin with "_". They move into a record that
each object has under one private name of the engine's: `stream._state` becomes `stream[$slots]._state`. No reflection finds it, JSON.stringify()
does not follow it, a proxy does not see it. (A private name for each slot would do without the record; but V8 gives objects with more than a
dozen of them a hash table, and streams would be ten times as slow.) Objects that never leave the library keep theirs.
"""

import re
import sys

# Of queues, of pipes, and of what waits for a chunk: functions never see those objects.
INSIDE = set("_back _chunkSteps _closeSteps _currentWrite _cursor _elements _errorSteps _front _isFinished _iterator _next _nextSteps "
             "_ongoingPromise _pipe _preventCancel _promise _reason _reject _rejectPromise _resolve _resolvePromise _returnSteps _shuttingDown "
             "_size _waitForWritesToFinish _wasAlreadyErroring".split())
SLOT = re.compile(r"\.(_[A-Za-z]\w*)")
# (what, by what, how often): the text of one version, pinned by its hash.
EDITS = [
    # What reads for a pipe calls the pipe its state, as streams call another thing.
    (r"constructor\(e\)\{this\._state=e", "constructor(e){this._pipe=e", 2),
    (r"this\._state\.(_currentWrite|_writer)", r"this._pipe.\1", 4),
    # Who makes an object makes its record.
    (r"Object\.create\(((?:Readable|Writable|Transform)\w+\.prototype|ve)\)", r"$make(\1)", None),
    (r"(class (?:ReadableStream|WritableStream|TransformStream)\{constructor\(e=\{\},t=\{\}(?:,r=\{\})?\)\{)", r"\1this[$slots]={};", 3),
    (r"(class (?:\w+QueuingStrategy|\w+(?:Default|BYOB)(?:Reader|Writer))\{constructor\(e\)\{)", r"\1this[$slots]={};", 5),
    (r"(class _r\{constructor\(e\)\{|class Se\{constructor\(e,t\)\{)", r"\1this[$slots]={};", 2),
    (r"Object\.prototype\.hasOwnProperty\.call\((\w+),\"(_\w+)\"\)", r'$has(\1,"\2")', None),
    # Most promises that are waited for have both ends seen to: what then() returns of those cannot fail.
    (r"function h\(e,t,r\)\{b\(b\(e,t,r\),void 0,o\)\}", "function h(e,t,r){const t2=b(e,t,r);void 0===r&&b(t2,void 0,o)}", 1),
    # A promise of a value that has no then() to ask for.
    (r"function d\(e\)\{return c\(t=>t\(e\)\)\}", "function d(e){return r(e)?c(t=>t(e)):a(e)}", 1),
    # ReadableStreamDefaultReaderRead of the standard goes out too.
    (r"function re\(e,t\)\{const r=e\._ownerReadableStream;r\._disturbed=!0", r"$out.readWith=re;\g<0>", 1),
]
FRONT = ("const $out={},{$slots}=module.privateNames(['$slots']),$make=e=>{const t=Object.create(e);return t[$slots]={},t},"
         "$has=(e,t)=>{const r=e[$slots];return void 0!==r&&Object.hasOwn(r,t)};")
END = "\nmodule.exports.slots=$slots;Object.assign(module.exports,$out);\n"


def hide(source):
    for pattern, replacement, count in EDITS:
        source, found = re.subn(pattern, replacement, source)
        if found == 0 or count not in (None, found):
            sys.exit(f"hide_slots: {pattern}: {found} found")
    source = SLOT.sub(lambda found: found[0] if found[1] in INSIDE else f"[$slots].{found[1]}", source)
    # One line, at the front and at the end: lines of the library's stay what they are.
    return FRONT + source + END


def main():
    library, output = sys.argv[1:]
    with open(library, encoding="ascii") as file:
        source = file.read()
    with open(output, "w", encoding="ascii") as file:
        file.write(hide(source))


if __name__ == "__main__":
    main()
