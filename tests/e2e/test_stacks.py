"""Stack traces name the files that people have written, and only people who may read them see them."""

import os

import case
from harness.wait import wait_until

MAIN = """import { charge } from "./lib/charge";
type Order = { total: number };
export default {
  async fetch(request: Request): Promise<Response> {
    const order: Order = { total: 3 };
    return new Response(String(await charge(order, new URL(request.url).searchParams.get("say"))));
  },
};
"""
CHARGE = """interface Card { number: string }
export async function charge(order: { total: number }, say: string | null): Promise<number> {
  if (say === "process") return (process2 as any).x;
  const card: Card = undefined as any;
  return card.number.length;
}
declare const process2: unknown;
"""


class Stacks(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.write("sources/shop/lib/charge.ts", CHARGE)
        cls.deploy_folder("shop")
        cls.zts.deploy("plain", "export default () => {\n  const o = undefined;\n  return o.x;\n};\n")

    @classmethod
    def deploy_folder(cls, name):
        cls.zts.write(f"sources/{name}/index.ts", MAIN)
        ran = cls.zts.ctl("deploy", os.path.join(cls.zts.folder, "sources", name), "--name", name, "--json")
        assert ran.code == 0, ran

    def log_of(self, function, text):
        return wait_until(lambda: (out := self.zts.ctl("logs", function).out) and text in out and out, f"{text} in the log of {function}")

    def test_a_bundles_stack_names_the_original_file_and_shows_the_line(self):
        self.assertAnswer(self.fetch("/shop"), 500)
        out = self.log_of("shop", "TypeError")
        self.assertIn("    at charge (sources/shop/lib/charge.ts:5:15)\n        return card.number.length;\n", out)
        self.assertIn("sources/shop/index.ts:6:", out)
        self.assertNotIn("zts:dispatch.js", out)

    def test_a_plain_modules_stack_shows_the_line(self):
        self.assertAnswer(self.fetch("/plain"), 500)
        out = self.log_of("plain", "TypeError")
        self.assertIn("plain.js:3:12", out)
        self.assertIn("      return o.x;\n", out)

    def test_the_answer_leaks_nothing(self):
        for target in ("/shop", "/shop?say=process", "/plain"):
            response = self.fetch(target)
            self.assertAnswer(response, 500)
            said = response.text + str(response.headers)
            for secret in ("charge", "TypeError", "ReferenceError", "undefined", ".ts", ".js", "    at ", "process2"):
                self.assertNotIn(secret, said, target)

    def test_inspect_shows_it_too(self):
        self.assertAnswer(self.fetch("/shop"), 500)
        self.log_of("shop", "TypeError")
        self.assertIn("lib/charge.ts:5:15", self.zts.ctl("inspect", "shop").out)

    def test_a_deploy_that_fails_names_the_original_file(self):
        self.zts.write("sources/broken/index.ts", "type T = number;\nconst x: T = (window as any).y;\nexport default () => new Response(`${x}`);\n")
        ran = self.zts.ctl("deploy", os.path.join(self.zts.folder, "sources/broken"), "--name", "broken")
        self.assertEqual(ran.code, 3, ran)
        self.assertIn("sources/broken/index.ts:2:15: exception: ReferenceError: window is not defined", ran.err)
        self.assertIn("globalThis", ran.err)
        self.assertIn("  const x: T = (window as any).y;\n", ran.err)
