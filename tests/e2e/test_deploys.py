"""Deploy after deploy of a 50 KB bundle to two workers of two shards each, under load: no request fails, none is answered by two versions, and
from the moment a deploy is said to be live nobody gets the version before it. The same for going back. Prints how long each took; the long form,
whose medians are in bench/README.md, is ZTS_E2E_DEPLOYS=500."""

import bisect
import os
import statistics
import time

import case
from harness.load import Load

DEPLOYS = int(os.environ.get("ZTS_E2E_DEPLOYS", "6"))
ROLLBACKS = max(2, DEPLOYS // 10)
BUNDLE_BYTES = 50_000
CONNECTIONS = 4

_STEP = """\
function step{n}(state) {{
  const key = "k{n}-{salt}";
  const seen = state.get(key) ?? 0;
  state.set(key, seen + {n});
  return seen % 2 === 0 ? `even ${{key}}` : `odd ${{key}}`;
}}
"""


def bundle(number):
    """Says its number from its first line, from its last function and across an await: a mixture of two would show."""
    parts, length = [f'const FIRST = "{number}";\n'], 0
    while length < BUNDLE_BYTES - 500:
        parts.append(_STEP.format(n=len(parts), salt=number))
        length += len(parts[-1])
    parts.append(f"""\
function last() {{ return "{number}"; }}
export default {{
  async fetch() {{
    const before = FIRST;
    step1(new Map());
    await new Promise((go) => queueMicrotask(go));
    return new Response(before + "/" + last());
  }},
}};
""")
    return "".join(parts)


class Deploys(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.second = cls.zts.add_worker("second")
        cls.zts.wait_connected("second")

    def addresses(self):
        host, port = self.second.ready["http"].rsplit(":", 1)
        return [self.zts.http, (host, int(port))]

    def timed(self, *arguments):
        """(begun, ended, its JSON) of a ztsctl that must succeed on both workers."""
        begun = time.monotonic()
        ran = self.zts.ctl(*arguments, "--json")
        ended = time.monotonic()
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual((ran.json["workers_live"], ran.json["workers_total"]), (2, 2), ran)
        return begun, ended, ran.json

    def check(self, answers, changes):
        """`changes`: (begun, live, number) of what is served, in order. Each answer is whole, and of a version that could serve it."""
        lives = [live for _, live, _ in changes]
        begins = [begun for begun, _, _ in changes]
        for answer in answers:
            self.assertEqual(answer.status, 200, (answer.status, answer.body, answer.error))
            first, _, last = answer.body.decode().partition("/")
            self.assertEqual(first, last, "one answer of two versions")
            # What was live when it was asked, and all that was begun before it was answered.
            oldest = bisect.bisect_right(lives, answer.begun) - 1
            newest = bisect.bisect_right(begins, answer.ended) - 1
            allowed = {number for _, _, number in changes[max(oldest, 0):newest + 1]}
            self.assertIn(int(first), allowed, f"asked when change {oldest} of {len(changes)} was live, answered before {newest + 1}")

    def test_many_in_a_row_under_load(self):
        path = os.path.join(self.zts.folder, "steady.js")
        changes, deploys, rollbacks = [], [], []

        def deploy(number):
            with open(path, "w", encoding="utf-8") as file:
                file.write(bundle(number))
            begun, live, _ = self.timed("deploy", path, "--name", "steady")
            changes.append((begun, live, number))
            deploys.append(live - begun)

        deploy(1)
        loads = [Load(address, "/steady", connections=CONNECTIONS, pause=0.002) for address in self.addresses()]
        for load in loads:
            load.__enter__()
        try:
            for load in loads:
                load.wait_answers(20)
            for number in range(2, DEPLOYS + 1):
                deploy(number)
            for turn in range(ROLLBACKS):
                # Between the last two: the one that is left stays warm.
                number = DEPLOYS - 1 + turn % 2
                begun, live, _ = self.timed("rollback", "steady", "--to", str(number))
                changes.append((begun, live, number))
                rollbacks.append(live - begun)
            for load in loads:
                load.wait_answers(20)
        finally:
            for load in loads:
                load.__exit__()
        answers = [answer for load in loads for answer in load.answers()]
        self.check(answers, changes)

        def told(times):
            return f"median {statistics.median(times) * 1e3:.0f} ms, least {min(times) * 1e3:.0f}, most {max(times) * 1e3:.0f}"

        print(f"[{len(answers)} requests; {len(deploys) - 1} deploys: {told(deploys[1:])}; {len(rollbacks)} rollbacks: {told(rollbacks)}]",
              end=" ", flush=True)


if __name__ == "__main__":
    import unittest
    unittest.main()
