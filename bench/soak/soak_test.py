"""Tests of the verdict on made-up samples."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import soak  # noqa: E402
import trend  # noqa: E402


def samples(memory, files=lambda n: 30, threads=lambda n: 5, count=18):
    return [{"requests": 1000 * n, "seen": {"engine": {"memory": memory(n), "files": files(n), "threads": threads(n)}}} for n in range(count)]


class VerdictTest(unittest.TestCase):
    def judge(self, of):
        return soak.judge(of, 256)[0]

    def test_is_content_with_what_fills_and_stays(self):
        self.assertEqual(self.judge(samples(lambda n: 50_000_000 + min(n, 5) * 10_000_000)), [])
        # Garbage that comes and goes.
        self.assertEqual(self.judge(samples(lambda n: 50_000_000 + (n * 7919) % 13 * 500_000)), [])

    def test_finds_memory_that_grows(self):
        self.assertIn("memory grows by 1000 bytes a request", self.judge(samples(lambda n: 50_000_000 + n * 1_000_000))[0])

    def test_finds_one_descriptor_that_is_not_closed(self):
        self.assertIn("files grow", self.judge(samples(lambda n: 1, files=lambda n: 30 + (n == 17)))[0])
        self.assertIn("files grow", self.judge(samples(lambda n: 1, files=lambda n: 30 + n // 4))[0])
        self.assertIn("threads grow", self.judge(samples(lambda n: 1, threads=lambda n: 5 + n))[0])

    def test_an_outlier_does_not_move_the_slope(self):
        ys = [10.0 + x for x in range(20)]
        ys[3] = 1e6
        self.assertEqual(trend.slope(list(range(20)), ys), 1.0)
        self.assertEqual(trend.slope([1], [1]), 0.0)


if __name__ == "__main__":
    unittest.main()
