// WebAssembly in a function: what it may do, and that its memory and time are the function's.
#include <gtest/gtest.h>

#include <thread>

#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

// Assembles modules for the tests: `module(...sections)`, `section(id, bytes)`, and the few that are used often.
constexpr const char* kAssembler = R"js(
const leb = (n) => { const out = []; do { out.push((n & 127) | (n > 127 ? 128 : 0)); n >>>= 7; } while (n > 0); return out; };
const vec = (items) => [...leb(items.length), ...items.flat()];
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const module = (...sections) => new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...sections.flat()]);
const body = (...code) => { const all = [0, ...code, 0x0b]; return [...leb(all.length), ...all]; };
const text = (name) => [...leb(name.length), ...new TextEncoder().encode(name)];
const i32 = 0x7f;
// One function `f` of type (params) -> (results), and perhaps a memory `m`.
const one = (params, results, code, pages) => module(
  section(1, vec([[0x60, ...vec(params), ...vec(results)]])), section(3, vec([[0]])),
  ...(pages === undefined ? [] : [section(5, vec([[0, ...leb(pages)]]))]),
  section(7, vec([[...text('f'), 0, 0], ...(pages === undefined ? [] : [[...text('m'), 2, 0]])])),
  section(10, vec([body(...code)])));
const add = one([i32, i32], [i32], [0x20, 0, 0x20, 1, 0x6a]);
const grow = one([i32], [i32], [0x20, 0, 0x40, 0], 1);
// A function of a million instructions that do nothing.
const large = (() => {
  const code = new Uint8Array(1e6 + 2).fill(0x01);
  code[0] = 0;
  code[code.length - 1] = 0x0b;
  const head = module(section(1, vec([[0x60, 0, 0]])), section(3, vec([[0]])));
  const size = leb(code.length), all = leb(code.length + size.length + 1);
  const bytes = new Uint8Array(head.length + all.length + size.length + code.length + 2);
  bytes.set(head);
  bytes.set([10, ...all, 1, ...size], head.length);
  bytes.set(code, head.length + all.length + size.length + 2);
  return bytes;
})();
)js";

class WasmTest : public FunctionTest {
 protected:
  std::string Returns(const std::string& code) {
    return Ask(std::string(kAssembler) + "const f = async (request) => {" + code +
               "};\nexport default async (request) => new Response(String(await f(request)));");
  }
};

TEST_F(WasmTest, EveryFormOfCompilingWorks) {
  EXPECT_EQ(Returns("return new WebAssembly.Instance(new WebAssembly.Module(add)).exports.f(2, 3)"), "5");
  EXPECT_EQ(Returns("return new WebAssembly.Instance(await WebAssembly.compile(add)).exports.f(2, 3)"), "5");
  EXPECT_EQ(Returns("return (await WebAssembly.instantiate(add)).instance.exports.f(2, 3)"), "5");
  EXPECT_EQ(Returns("return (await WebAssembly.instantiate(await WebAssembly.compile(add.buffer))).exports.f(2, 3)"), "5");
  EXPECT_EQ(Returns("return [WebAssembly.validate(add), WebAssembly.validate(new Uint8Array(8))]"), "true,false");
  EXPECT_EQ(Returns("return (await WebAssembly.compile(new Uint8Array(8)).catch((e) => e)).name"), "CompileError");
  EXPECT_EQ(Returns("return (await WebAssembly.instantiate(5).catch((e) => e)).name"), "TypeError");
}

TEST_F(WasmTest, StreamingTakesAResponseOfItsType) {
  const std::string wasm = "new Response(add, { headers: { 'content-type': 'application/wasm' } })";
  EXPECT_EQ(Returns("const { module, instance } = await WebAssembly.instantiateStreaming(" + wasm +
                    "); return `${module} ${instance.exports.f(2, 3)}`"),
            "[object WebAssembly.Module] 5");
  EXPECT_EQ(Returns("return String(await WebAssembly.compileStreaming(Promise.resolve(" + wasm + ")))"), "[object WebAssembly.Module]");
  const std::string message = ").catch((e) => `${e.name}: ${e.message}`)";
  EXPECT_EQ(Returns("return await WebAssembly.compileStreaming(add" + message),
            "TypeError: WebAssembly.compileStreaming(): the source is not a Response");
  EXPECT_EQ(Returns("return await WebAssembly.compileStreaming(new Response(add)" + message),
            "TypeError: WebAssembly.compileStreaming(): the content-type is \"\", not application/wasm");
  EXPECT_EQ(Returns("return await WebAssembly.instantiateStreaming(new Response(add, { status: 404, headers: "
                    "{ 'content-type': 'application/wasm' } })" + message),
            "TypeError: WebAssembly.instantiateStreaming(): the response has status 404");
}

TEST_F(WasmTest, ItsClassesLookAsTheyShould) {
  EXPECT_EQ(Returns("const m = new WebAssembly.Module(add); return [m instanceof WebAssembly.Module, m.constructor === WebAssembly.Module, "
                    "WebAssembly.Module.name, WebAssembly.Module.length, WebAssembly.Module.exports(m)[0].name, "
                    "new (class Mine extends WebAssembly.Module {})(add).constructor.name, WebAssembly.compile.length]"),
            "true,true,Module,1,f,Mine,1");
  EXPECT_EQ(Returns("return [typeof WebAssembly.promising, typeof WebAssembly.Suspending, Object.keys(WebAssembly).includes('compile')]"),
            "undefined,undefined,true");
  EXPECT_EQ(Returns("const d = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly'); "
                    "return [d.writable, d.enumerable, d.configurable]"),
            "true,false,true");
  EXPECT_EQ(Returns("const t = new WebAssembly.Table({ initial: 2, element: 'anyfunc' }); const g = new WebAssembly.Global({ value: 'i32', "
                    "mutable: true }, 7); g.value++; return [t.length, t.get(0), g.value]"),
            "2,,8");
}

TEST_F(WasmTest, AModuleLoadsAtTheTopLevel) {
  EXPECT_EQ(Ask(std::string(kAssembler) + "const { instance } = await WebAssembly.instantiate(add);\n"
                "export default () => new Response(String(instance.exports.f(40, 2)));"), "42");
}

TEST_F(WasmTest, TrapsAreErrors) {
  EXPECT_EQ(Returns("const { f } = (await WebAssembly.instantiate(one([], [], [0x00]))).instance.exports; try { f() } catch (e) "
                    "{ return `${e.name}: ${e.message}` }"),
            "RuntimeError: unreachable");
  // A load beyond the memory is the processor's to notice.
  EXPECT_EQ(Returns("const { f } = (await WebAssembly.instantiate(one([i32], [i32], [0x20, 0, 0x28, 2, 0], 1))).instance.exports; "
                    "try { return f(0) + f(65536) } catch (e) { return `${e.name}: ${e.message}` }"),
            "RuntimeError: memory access out of bounds");
  EXPECT_EQ(Returns("const { f } = (await WebAssembly.instantiate(one([], [], [0x10, 0]))).instance.exports; try { f() } catch (e) "
                    "{ return e.name }"),
            "RangeError");
}

class WasmMemoryTest : public WasmTest {
 protected:
  WasmMemoryTest() { memory_bytes_max_ = size_t{64} << 20; }
};

TEST_F(WasmMemoryTest, GrowsToTheLimitAndNoFurther) {
  // 64 MiB are 1024 pages; the heap has its share.
  EXPECT_EQ(Returns("const { f, m } = (await WebAssembly.instantiate(grow)).instance.exports; let n = 1; while (f(8) !== -1) n += 8; "
                    "return n > 900 && n < 1024 && m.buffer.byteLength === n * 65536"),
            "true");
  EXPECT_GT(isolate_->memory().external_bytes, size_t{900} << 16);
  EXPECT_LE(isolate_->memory().external_bytes, memory_bytes_max_);
  EXPECT_TRUE(isolate_->usable());
  EXPECT_EQ(Returns("const m = new WebAssembly.Memory({ initial: 1 }); try { for (;;) m.grow(8); } catch (e) { return e.name }"),
            "RangeError");
  EXPECT_EQ(Returns("try { new WebAssembly.Memory({ initial: 2000 }) } catch (e) { return e.name }"), "RangeError");
  EXPECT_EQ(Returns("try { new WebAssembly.Memory({ initial: 2000n, address: 'i64' }) } catch (e) { return e.name }"), "RangeError");
  EXPECT_EQ(Returns("return (await WebAssembly.instantiate(one([], [], [], 2000)).catch((e) => e)).name"), "RangeError");
}

TEST_F(WasmMemoryTest, CountsTogetherWithBuffers) {
  EXPECT_EQ(Returns("const kept = new Uint8Array(40 << 20); try { new WebAssembly.Memory({ initial: 500 }) } catch (e) { return e.name }"),
            "RangeError");
  EXPECT_EQ(Returns("const m = new WebAssembly.Memory({ initial: 500 }); try { new Uint8Array(40 << 20) } catch (e) { return e.name }"),
            "RangeError");
}

TEST_F(WasmMemoryTest, WhatNobodyHoldsIsGivenBack) {
  EXPECT_EQ(Returns("for (let i = 0; i < 300; i++) new WebAssembly.Memory({ initial: 100 }); return 'all'"), "all");
  isolate_->CollectGarbage();
  EXPECT_LT(isolate_->memory().external_bytes, size_t{1} << 20);
}

TEST_F(WasmMemoryTest, AddressesHaveALimit) {
  EXPECT_EQ(Returns("const kept = []; try { for (;;) kept.push(new WebAssembly.Memory({ initial: 0 })); } "
                    "catch (e) { return `${e.name} ${kept.length > 40 && kept.length < 70}` }"),
            "RangeError true");
}

TEST_F(WasmMemoryTest, SharedMemoryIsNoWayAround) {
  const std::string memory = "const m = new WebAssembly.Memory({ initial: 1, maximum: 5000, shared: true }); "
                             "const Shared = m.buffer.constructor; ";
  EXPECT_EQ(Returns(memory + "let n = 0; try { for (;;) { m.grow(8); n += 8 } } catch (e) { return n < 1024 }"), "true");
  EXPECT_EQ(Returns(memory + "const kept = []; try { for (;;) kept.push(new Shared(1 << 20)) } catch (e) { return kept.length < 64 }"),
            "true");
  EXPECT_EQ(Returns(memory + "const b = new Shared(8, { maxByteLength: 1 << 30 }); try { b.grow(100 << 20) } catch (e) { return e.name }"),
            "RangeError");
  EXPECT_EQ(Returns(memory + "try { new Shared(100 << 20, { maxByteLength: 100 << 20 }) } catch (e) { return e.name }"), "RangeError");
  // memory.atomic.wait32 would hold the thread for good.
  EXPECT_EQ(Returns("const wait = module(section(1, vec([[0x60, 0, 1, i32]])), section(3, vec([[0]])), section(5, vec([[3, 1, 1]])), "
                    "section(7, vec([[...text('f'), 0, 0]])), section(10, vec([body(0x41, 0, 0x41, 0, 0x42, 0x7f, 0xfe, 0x01, 2, 0)]))); "
                    "try { (await WebAssembly.instantiate(wait)).instance.exports.f() } catch (e) { return e.name }"),
            "RuntimeError");
}

TEST_F(WasmMemoryTest, ModulesCount) {
  EXPECT_EQ(Returns("const kept = []; try { for (;;) kept.push(new WebAssembly.Module(add)) } "
                    "catch (e) { return `${e.name} ${kept.length > 1000 && kept.length < 4096}` }"),
            "RangeError true");
  EXPECT_EQ(Returns("for (let i = 0; i < 10000; i++) await WebAssembly.compile(add); return 'all'"), "all");
  EXPECT_EQ(Returns("const kept = []; try { for (;;) kept.push(await WebAssembly.instantiate(large)) } "
                            "catch (e) { return `${e.name} ${kept.length > 4 && kept.length < 14}` }"),
            "RangeError true");
}

// V8 keeps a module's code for as long as one of its instances lives: the charge stays with it.
TEST_F(WasmMemoryTest, AnInstanceKeepsItsModulesCharge) {
  EXPECT_EQ(Returns("const kept = []; try { for (;;) kept.push(new WebAssembly.Instance("
                    "new WebAssembly.Module(large))) } catch (e) { return `${e.name} ${kept.length > 4 && kept.length < 14}` }"),
            "RangeError true");
}

// The loop, in both compilers' code, and its kin that work for long in one instruction.
TEST_F(WasmTest, LoopsWithoutEndAreEnded) {
  for (const char* module : {
           "one([], [], [0x03, 0x40, 0x0c, 0, 0x0b])",                                    // loop br 0 end
           "one([], [], [0x03, 0x40, 0x41, 0, 0x41, 1, 0x36, 2, 0, 0x0c, 0, 0x0b], 1)",   // stores
           "one([], [], [0x03, 0x40, 0x10, 0, 0x0c, 0, 0x0b])",                           // calls itself: a RangeError is caught, and on
           "one([], [], [0x03, 0x40, 0x41, 0, 0x41, 7, 0x41, ...leb(60000), 0xfc, 0x0b, 0, 0x0c, 0, 0x0b], 1)",  // fill
           "one([], [], [0x03, 0x40, 0x41, 0, 0x40, 0, 0x1a, 0x0c, 0, 0x0b], 1)"}) {      // memory.grow 0
    ASSERT_TRUE(Load(std::string(kAssembler) + "const { f } = new WebAssembly.Instance(new WebAssembly.Module(" + module +
                     ")).exports;\nexport default () => { for (;;) try { f(); } catch {} };")
                    .outcome.ok());
    std::thread watchdog([this] {
      // Long enough for the second compiler to have replaced the code, which nothing announces.
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // tidy: ok, too short would only test less
      isolate_->Terminate(OutcomeKind::kCpuLimit);
    });
    Send();
    watchdog.join();
    isolate_->ClearTermination();
    EXPECT_EQ(client_.failures[id_].kind, OutcomeKind::kCpuLimit) << module << ": " << Body();
  }
}

}  // namespace
}  // namespace zts::js
