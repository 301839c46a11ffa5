"""Tests of how samples become stacks, on what `perf script` prints."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import flamegraph  # noqa: E402

SCRIPT = """\
zts-host  12/12      cpu-clock:ppp:
        ffffffff81000010 tcp_sendmsg+0x10 ([kernel.kallsyms])
            7f0000000020 __send+0x2f (/usr/lib/x86_64-linux-gnu/libc.so.6)
            7f0000000030 zts::Loop::Run(zts::Handler*)+0x40 (/x/engine.node)

zts-host  12/12      cpu-clock:ppp:
            7f0000000020 zts::Parse (std::less<void (int)>)+0x2f (/x/engine.node)
            7f0000000030 zts::Loop::Run(zts::Handler*)+0x50 (/x/engine.node)

zts-host  12/14      cpu-clock:ppp:
            7f0000000020 [unknown] ([JIT] tid 12)
            7f0000000020 [unknown] ([unknown])
"""


class FoldTest(unittest.TestCase):
    def test_folds_stacks_outermost_first(self):
        self.assertEqual(dict(flamegraph.fold(SCRIPT)), {
            "zts-host;zts::Loop::Run(zts::Handler*);__send;tcp_sendmsg_[k]": 1,
            "zts-host;zts::Loop::Run(zts::Handler*);zts::Parse (std::less<void (int)>)": 1,
            "zts-host;[unknown];[JavaScript]": 1})

    def test_counts_by_itself_and_with_what_is_called(self):
        stacks = {"c;a;b": 6, "c;a": 2, "c;a;b;a_[k]": 2}
        self.assertEqual(flamegraph.hottest(stacks, 2), [(0.6, 0.8, "b"), (0.2, 1.0, "a")])
        self.assertAlmostEqual(flamegraph.kernel_share(stacks), 0.2)
        self.assertEqual(flamegraph.hottest({}, 3), [])


if __name__ == "__main__":
    unittest.main()
