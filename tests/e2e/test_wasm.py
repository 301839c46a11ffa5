"""WebAssembly through the whole platform: a .wasm file beside the source, its memory within the function's limit, its metrics."""

import case
from harness import wire
from harness.metrics import Metrics
from harness.wait import wait_until

# (module (memory (export "m") 1) (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))
GROW = bytes([0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 12, 2, 1, 109, 2, 0, 4, 103, 114, 111, 119, 0, 0,
              10, 8, 1, 6, 0, 32, 0, 64, 0, 11])
SOURCE = """
import bytes from "./grow.wasm";
const { instance } = await WebAssembly.instantiate(bytes);
const { grow, m } = instance.exports;
export default (request) => {
  const pages = Number(new URL(request.url).searchParams.get("pages"));
  return new Response(`${grow(pages)} ${m.buffer.byteLength}`);
};
"""


class Wasm(case.PlatformCase):
    threads = 1  # one isolate, whose memory the second request finds grown

    def test_a_file_beside_the_source_runs_within_the_memory_limit(self):
        self.zts.write("wasm/grow.wasm", GROW)
        done = self.zts.ctl("deploy", self.zts.write("wasm/main.js", SOURCE), "--name", "grows", "--memory-limit", "64MiB")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.fetch("/grows?pages=99").text, f"1 {100 << 16}")
        self.assertEqual(self.fetch("/grows?pages=2000").text, f"-1 {100 << 16}")
        self.assertEqual(self.fetch("/grows?pages=0").status, 200)

        def external():
            return Metrics(wire.fetch(self.zts.admin, "/metrics", host="admin").text).total("zts_function_external_bytes", function="grows")

        wait_until(lambda: external() >= 100 << 16, "its memory in the metrics", 10)
