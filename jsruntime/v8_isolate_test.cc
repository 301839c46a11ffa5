#include "jsruntime/v8_isolate.h"

#include <gtest/gtest.h>

#include <string_view>

#include "jsruntime/testing/isolate_contract.h"
#include "jsruntime/testing/test_host.h"

namespace zts::js {
namespace {

std::string RealSource(Behaviour behaviour) {
  constexpr const char* kEatMemory = "const kept = []; for (;;) kept.push(new Array(1000).fill({}));";
  switch (behaviour) {
    case Behaviour::kHello: return "export default { fetch() { return new Response('hello'); } }";
    case Behaviour::kEcho:
      return "export default { async fetch(r) { return new Response(`${r.method} ${r.url}\\n${await r.text()}`); } }";
    case Behaviour::kPeer:
      return "export default (r, env, { remoteAddr }) => new Response(`${remoteAddr?.hostname ?? ''} ${remoteAddr?.port ?? 0}`)";
    case Behaviour::kTeapot:
      return "export default () => new Response(null, { status: 418, headers: { 'X-Kind': 'teapot' } })";
    case Behaviour::kThrow: return "export default { fetch() { throw new Error('oops'); } }";
    case Behaviour::kLog: return "export default { fetch() { console.log('noted'); return new Response(); } }";
    case Behaviour::kSpin: return "export default { fetch() { for (;;); } }";
    case Behaviour::kOutOfMemory: return std::string("export default { fetch() { ") + kEatMemory + " } }";
    case Behaviour::kTimer:
      return "export default async () => { await new Promise((go) => setTimeout(go, 20)); return new Response('later'); }";
    case Behaviour::kNever: return "export default () => new Promise(() => {})";
    case Behaviour::kSpinOnPost: return "export default (r) => { if (r.method === 'POST') for (;;); return new Promise(() => {}); }";
    case Behaviour::kMemoryOnPost:
      return std::string("export default (r) => { if (r.method === 'POST') { ") + kEatMemory +
             " } return new Promise(() => {}); }";
    case Behaviour::kStream:
      return "let n = 0; export default () => new Response(new ReadableStream({ pull(c) { if (n++ < 3) c.enqueue(new "
             "TextEncoder().encode('abc')); else c.close(); } }))";
    case Behaviour::kStreamFails:
      return "let n = 0; export default () => new Response(new ReadableStream({ pull(c) { if (n++ < 1) c.enqueue(new "
             "TextEncoder().encode('abc')); else throw new Error('broken'); } }))";
    case Behaviour::kStreamLarge:
      return "export default () => new Response((async function* () { for (let n = 0; n < 64; ++n) yield new Uint8Array(10000); })())";
    case Behaviour::kStreamNever:
      return "export default () => new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('abc')); } }))";
    case Behaviour::kStreamEcho: return "export default (r) => new Response(r.body)";
    case Behaviour::kSpinOnChunk:
      return "let n = 0; export default () => new Response(new ReadableStream({ pull(c) { if (n++ < 1) c.enqueue(new "
             "TextEncoder().encode('abc')); else for (;;); } }, { highWaterMark: 0 }))";
    case Behaviour::kSyntaxError: return "export default { fetch() { return }; }; }";
    case Behaviour::kNoHandler: return "export const x = 1;";
    case Behaviour::kLoadThrows: return "throw new Error('oops');";
    case Behaviour::kLoadSpins: return "for (;;);";
  }
  return "";
}

Subject RealSubject() { return {&TestHost(), RealSource}; }

size_t OldSpaceLeft(Isolate& isolate) {
  isolate.Enter();
  v8::HeapSpaceStatistics space;
  for (size_t i = 0; space.space_name() == nullptr || std::string_view(space.space_name()) != "old_space"; ++i) {
    if (!v8::Isolate::GetCurrent()->GetHeapSpaceStatistics(&space, i)) break;
  }
  isolate.Leave();
  return space.space_available_size();
}

TEST(V8IsolateTest, RoomForALoadIsTakenBefore) {
  EXPECT_GE(OldSpaceLeft(*TestHost().NewIsolate({.room_bytes = kSpareRoomBytes})), kSpareRoomBytes);
}

INSTANTIATE_TEST_SUITE_P(Real, IsolateContractTest, testing::Values(&RealSubject));

}  // namespace
}  // namespace zts::js
