// WebSocket in a real isolate, against a door that the test plays.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "jsruntime/testing/door_test.h"

namespace zts::js {
namespace {

class WebSocketTest : public DoorTest {
 protected:
  // Runs `body` with `ws`, and `log` of what `ws` has been told; the answer is the log when `ws` is closed.
  void Begin(const std::string& body, const std::string& arguments = "'ws://up/chat?x=1'") {
    Run("const log = []; const ws = kept = new WebSocket(" + arguments + ");"
        "const show = (d) => typeof d === 'string' ? d : d instanceof Blob ? `Blob ${d.size}` : `ArrayBuffer ${new Uint8Array(d)}`;"
        "ws.onopen = () => log.push(`open '${ws.protocol}' ${ws.readyState}`);"
        "ws.onmessage = (e) => log.push(`message ${show(e.data)} of ${e.origin}`);"
        "ws.onerror = (e) => log.push(`error ${e.error.code} ${e.error instanceof TypeError} ${ws.readyState}`);"
        "const closed = new Promise((resolve) => { ws.onclose = (e) => { "
        "log.push(`close ${e.code} '${e.reason}' ${e.wasClean} ${ws.readyState}`); resolve(); }; });" +
        body + "; await closed; return new Response(log.join('\\n'));");
  }
  void Open(std::vector<HeaderField> headers = {}) { Head(1, 101, std::move(headers), "http://up/chat?x=1"); }
  void Message(SocketMessage kind, std::string_view bytes) {
    if (!bytes.empty()) Data(1, bytes);
    isolate_->OnFetch(1, {.kind = FetchEvent::Kind::kMessage, .message = kind});
  }
  void Taken(uint32_t bytes, uint32_t messages) {
    isolate_->OnFetch(1, {.kind = FetchEvent::Kind::kTaken, .credit = bytes, .messages = messages});
  }
  void Closed(uint16_t code, std::string_view reason) {
    isolate_->OnFetch(1, {.kind = FetchEvent::Kind::kClosed, .bytes = reason, .close_code = code});
  }
  void RunDueTimers() {
    for (int i = 0; i < 100 && client_.timer_due != 0; ++i) isolate_->RunTimers(client_.timer_due);
  }
  const Asked& asked() { return client_.all.at(1); }
  std::string Console() {
    std::string text;
    for (const auto& record : client_.console) text += record.message + "\n";
    return text;
  }
};

TEST_F(WebSocketTest, OpensTalksAndCloses) {
  Begin("ws.addEventListener('message', () => { ws.send('bye'); ws.close(3000, 'enough'); }, { once: true });"
        "ws.addEventListener('open', () => { ws.send('h\\u00e9llo \\ud800'); ws.send(Uint8Array.of(1, 2)); ws.send(new Blob(['blob'])); "
        "ws.send(Uint8Array.of(0, 7, 8).subarray(1).buffer); ws.send(new DataView(Uint8Array.of(5, 6).buffer, 1)); })",
        "'wss://up/chat?x=1', ['a', 'b']");
  EXPECT_EQ(asked().method, "GET");
  EXPECT_EQ(asked().url, "https://up/chat?x=1");
  EXPECT_EQ(asked().headers, "sec-websocket-protocol=a, b;");
  EXPECT_EQ(asked().body_kind, FetchBody::kSocket);
  EXPECT_EQ(asked().redirect, FetchRedirect::kError);
  Open({{"sec-websocket-protocol", "b"}});
  EXPECT_EQ(asked().messages, "text 10;binary 2;binary 4;binary 3;binary 1;");
  EXPECT_EQ(asked().body, std::string("h\xc3\xa9llo \xef\xbf\xbd\1\2blob\0\7\10\6", 20));
  Message(SocketMessage::kText, "h\xc3\xa9");
  EXPECT_EQ(asked().closed, "3000 enough");
  EXPECT_TRUE(asked().messages.ends_with("text 3;"));
  Message(SocketMessage::kText, "too late");
  Closed(3000, "enough");
  EXPECT_EQ(Body(), "open 'b' 1\nmessage h\xc3\xa9 of wss://up\nclose 3000 'enough' true 3");
  EXPECT_FALSE(asked().cancelled);
  EXPECT_EQ(Console(), "");
}

TEST_F(WebSocketTest, GivesBinaryMessagesAsItIsTold) {
  Begin("ws.addEventListener('message', () => { ws.binaryType = 'arraybuffer'; }, { once: true })");
  Open();
  Message(SocketMessage::kBinary, "abc");
  Message(SocketMessage::kBinary, "de");
  Message(SocketMessage::kBinary, "");
  Message(SocketMessage::kText, "");
  Message(SocketMessage::kText, "\xef\xbb\xbfx");
  Closed(1000, "");
  EXPECT_EQ(Body(), "open '' 1\nmessage Blob 3 of ws://up\nmessage ArrayBuffer 100,101 of ws://up\nmessage ArrayBuffer  of ws://up\n"
                    "message  of ws://up\nmessage \xef\xbb\xbfx of ws://up\nclose 1000 '' true 3");
}

TEST_F(WebSocketTest, LargeMessagesComeInPieces) {
  Begin("const sizes = []; ws.onmessage = (e) => log.push(`${e.data.size ?? e.data.length} ${e.data.at?.(-1)}`)");
  Open();
  const std::string piece(30'000, 'p');
  for (int i = 0; i < 40; ++i) Data(1, piece);
  Message(SocketMessage::kText, "\xc3\xa9");
  // Taken is told as it goes, so that a message may be larger than what is on its way at once.
  EXPECT_GE(asked().taken_bytes, 40 * piece.size() - kFetchWindowBytes / 2);
  for (int i = 0; i < 3; ++i) Data(1, piece);
  Message(SocketMessage::kBinary, "");
  Closed(1000, "");
  EXPECT_EQ(Body(), "open '' 1\n1200001 \xc3\xa9\n90000 undefined\nclose 1000 '' true 3");
}

TEST_F(WebSocketTest, TellsWhatItHasTakenByQuarters) {
  Begin("ws.onmessage = null");
  Open();
  for (uint32_t i = 0; i < kSocketWindowMessages; ++i) Message(SocketMessage::kText, "");
  EXPECT_EQ(asked().taken_messages, kSocketWindowMessages);
  Closed(1000, "");
}

TEST_F(WebSocketTest, SendsOnlyAsMuchAsThereIsRoomFor) {
  Begin("ws.addEventListener('open', () => { const bytes = new Uint8Array(600000).fill(65); ws.send(bytes); bytes.fill(66);"
        " ws.send('next'); log.push(ws.bufferedAmount); ws.close(); log.push(ws.readyState); });"
        " ws.addEventListener('close', () => log.push(ws.bufferedAmount))");
  Open();
  EXPECT_EQ(asked().body.size(), kFetchWindowBytes);
  EXPECT_EQ(asked().messages, "binary 600000;");
  EXPECT_EQ(asked().closed, "");
  Taken(100'000, 0);
  EXPECT_EQ(asked().body.size(), kFetchWindowBytes + 100'000);
  for (int i = 0; i < 5; ++i) Taken(100'000, 0);
  EXPECT_EQ(asked().messages, "binary 600000;text 4;");
  EXPECT_EQ(asked().body, std::string(600'000, 'A') + "next");
  EXPECT_EQ(asked().closed, "1005 ");
  Closed(1005, "");
  EXPECT_EQ(Body(), "open '' 1\n600004\n2\nclose 1005 '' true 3\n0");
}

TEST_F(WebSocketTest, ManySmallMessagesWaitForRoomToo) {
  Begin("ws.addEventListener('open', () => { for (let i = 0; i < 3000; i++) ws.send(i % 2 ? '' : 'x'); log.push(ws.bufferedAmount); })");
  Open();
  const auto sent = [&] { return std::count(asked().messages.begin(), asked().messages.end(), ';'); };
  EXPECT_EQ(sent(), kSocketWindowMessages);
  Taken(512, kSocketWindowMessages);
  EXPECT_EQ(sent(), 2 * kSocketWindowMessages);
  Taken(512, kSocketWindowMessages);
  EXPECT_EQ(sent(), 3000);
  EXPECT_EQ(asked().body.size(), 1500u);
  Closed(1000, "");
  EXPECT_EQ(Body(), "open '' 1\n1500\nclose 1000 '' true 3");
}

TEST_F(WebSocketTest, BufferedAmountFallsAsTheServerTakesIt) {
  Begin("ws.addEventListener('open', () => { ws.send('12345'); log.push(ws.bufferedAmount); });"
        "ws.addEventListener('message', () => log.push(ws.bufferedAmount))");
  Open();
  Message(SocketMessage::kText, "a");
  Taken(5, 1);
  Message(SocketMessage::kText, "b");
  Closed(1000, "");
  EXPECT_EQ(Body(), "open '' 1\n5\nmessage a of ws://up\n5\nmessage b of ws://up\n0\nclose 1000 '' true 3");
}

TEST_F(WebSocketTest, SendingMoreThanMayWaitEndsIt) {
  Begin("ws.addEventListener('open', () => { const mib = new Uint8Array(1 << 20); for (let i = 0; i < 40; i++) ws.send(mib);"
        " log.push(ws.readyState, ws.bufferedAmount > 30 << 20); })");
  Open();
  EXPECT_TRUE(asked().cancelled);
  RunDueTimers();
  EXPECT_EQ(Body(), "open '' 1\n2\ntrue\nerror limit true 3\nclose 1006 '' false 3");
  EXPECT_NE(Console().find("WebSocket to ws://up: more than 32 MiB wait to be sent"), std::string::npos) << Console();
}

TEST_F(WebSocketTest, FailuresAreAnErrorThenTheEnd) {
  Begin("0");
  Error(1, FetchResult::kPolicy, "the egress policy does not let this function connect; deploy it with --allow-net up to allow it");
  EXPECT_EQ(Body(), "error egress-policy true 3\nclose 1006 '' false 3");
  EXPECT_NE(Console().find("WebSocket to ws://up: the egress policy does not let"), std::string::npos) << Console();
  EXPECT_NE(Console().find("--allow-net up"), std::string::npos);
}

TEST_F(WebSocketTest, AMessageThatIsTooLargeHasACodeOfItsOwn) {
  Begin("0");
  Open();
  Data(1, "beginning");
  Error(1, FetchResult::kLimit, "a message is larger than 16 MiB");
  EXPECT_EQ(Body(), "open '' 1\nerror limit true 3\nclose 1009 '' false 3");
}

TEST_F(WebSocketTest, ABrokenConnectionDropsWhatWasNotWhole) {
  Begin("0");
  Open();
  Data(1, std::string(70'000, 'x'));
  Error(1, FetchResult::kProtocol, "the connection with up ended without a close frame");
  EXPECT_EQ(Body(), "open '' 1\nerror protocol true 3\nclose 1006 '' false 3");
}

TEST_F(WebSocketTest, ClosingBeforeItIsOpenCancelsIt) {
  Begin("ws.close(); log.push(ws.readyState)");
  EXPECT_TRUE(asked().cancelled);
  RunDueTimers();
  EXPECT_EQ(Body(), "2\nerror canceled true 3\nclose 1006 '' false 3");
  EXPECT_EQ(Console(), "");
}

TEST_F(WebSocketTest, SendingBeforeItIsOpenThrowsAndAfterItIsClosedIsForNothing) {
  Begin("try { ws.send('x'); } catch (e) { log.push(e.name); }"
        "ws.addEventListener('close', () => { ws.send('12'); ws.send(new Uint8Array(3)); ws.close(); log.push(ws.bufferedAmount); })");
  Open();
  Closed(1001, "away");
  EXPECT_EQ(Body(), "InvalidStateError\nopen '' 1\nclose 1001 'away' true 3\n5");
  EXPECT_EQ(asked().messages, "");
}

TEST_F(WebSocketTest, CountsAsARequestOfItsInvocation) {
  Run("const all = Array.from({ length: 4 }, (_, i) => new WebSocket(`ws://up/${i}`)); const seen = [];"
      "all[3].onerror = (e) => seen.push(e.error.code, e.message);"
      "await new Promise((resolve) => { all[3].onclose = (e) => resolve(seen.push(e.code)); }); return Response.json(seen);");
  EXPECT_EQ(client_.all.size(), 3u);
  RunDueTimers();
  EXPECT_TRUE(Body().starts_with(R"(["limit","WebSocket failed: this invocation has 3 outgoing requests under way)")) << Body();
  EXPECT_TRUE(Body().ends_with("1006]")) << Body();
}

TEST_F(WebSocketTest, OneThatCannotBeMadeEndsOnce) {
  client_.open = false;
  Begin("ws.close(); await closed; await new Promise((resolve) => setTimeout(resolve, 1))");
  RunDueTimers();
  EXPECT_EQ(Body(), "error unavailable true 3\nclose 1006 '' false 3");
}

TEST_F(WebSocketTest, ThatIsClosedCountsNoMore) {
  Run("for (let i = 0; i < 6; i++) { const ws = new WebSocket('ws://up/'); await new Promise((resolve) => { ws.onclose = resolve; }); }"
      "return new Response('six');");
  for (FetchId id = 1; id <= 6; ++id) {
    Head(id, 101);
    isolate_->OnFetch(id, {.kind = FetchEvent::Kind::kClosed, .close_code = 1000});
  }
  EXPECT_EQ(Body(), "six");
}

TEST_F(WebSocketTest, EndsWithItsInvocation) {
  Run("kept = new WebSocket('ws://up/'); kept.onclose = (e) => { kept.told = e.code; }; kept.onmessage = () => console.log('late');"
      "await new Promise((resolve) => { kept.onopen = resolve; }); return new Response('answered');");
  Open();
  EXPECT_EQ(Body(), "answered");
  EXPECT_TRUE(client_.all.at(1).cancelled);
  Message(SocketMessage::kText, "x");
  isolate_->RunTasks();
  EXPECT_EQ(Console(), "");
}

TEST_F(WebSocketTest, WaitUntilKeepsIt) {
  Run("const ws = new WebSocket('ws://up/'); ctx.waitUntil(new Promise((resolve) => { ws.onclose = resolve; }));"
      "ws.onmessage = (e) => { console.log(e.data); ws.close(); }; return new Response('answered');");
  EXPECT_EQ(Body(), "answered");
  Open();
  Message(SocketMessage::kText, "in the background");
  EXPECT_EQ(Console(), "in the background\n");
  EXPECT_FALSE(client_.all.at(1).cancelled);
  Closed(1005, "");
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_F(WebSocketTest, CannotBeMadeWhileTheModuleLoads) {
  script_ = MakeScript("fn", "v1", "const ws = new WebSocket('ws://up/'); let code; ws.onclose = (e) => { code = e.code; };"
                                   "export default { async fetch() { return new Response(`${code}`); } }");
  isolate_ = TestHost().NewIsolate();
  ASSERT_TRUE(isolate_->Load(script_).outcome.ok());
  isolate_->Attach(&client_);
  RunDueTimers();
  Send();
  EXPECT_EQ(Body(), "1006");
  EXPECT_EQ(client_.all.size(), 0u);
}

TEST_F(WebSocketTest, ItsListenersKeepWhatAsyncLocalStorageHolds) {
  script_ = MakeScript("fn", "v1",
                       "import { AsyncLocalStorage } from 'node:async_hooks'; const als = new AsyncLocalStorage();"
                       "export default { async fetch() { return als.run('mine', async () => { const ws = new WebSocket('ws://up/');"
                       "return new Response(await new Promise((resolve) => { ws.onmessage = () => resolve(als.getStore()); })); }); } }");
  isolate_ = TestHost().NewIsolate();
  const LoadReport report = isolate_->Load(script_);
  ASSERT_TRUE(report.outcome.ok()) << report.outcome.message;
  isolate_->Attach(&client_);
  Send();
  Open();
  Message(SocketMessage::kText, "x");
  EXPECT_EQ(Body(), "mine");
}

TEST_F(WebSocketTest, AMessageBeyondTheMemoryLimitFailsItAlone) {
  script_ = MakeScript("fn", "v1", "export default { async fetch() { const ws = new WebSocket('ws://up/'); const keep = [];"
                                   "ws.binaryType = 'arraybuffer'; ws.onmessage = (e) => { keep.push(e.data); };"
                                   "const code = await new Promise((resolve) => { ws.onclose = (e) => resolve(e.code); });"
                                   "return new Response(`${code} after ${keep.length}`); } }");
  script_->limits.memory_bytes_max = size_t{64} << 20;
  isolate_ = TestHost().NewIsolate();
  ASSERT_TRUE(isolate_->Load(script_).outcome.ok());
  isolate_->Attach(&client_);
  Send();
  Open();
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100 && !asked().cancelled; ++i) Message(SocketMessage::kBinary, piece);
  EXPECT_TRUE(asked().cancelled);
  EXPECT_TRUE(Body().starts_with("1009 after ")) << Body();
  EXPECT_NE(Console().find("does not fit into the memory"), std::string::npos) << Console();
  EXPECT_EQ(Console().find("Uncaught"), std::string::npos) << Console();
  EXPECT_TRUE(isolate_->usable());
}

}  // namespace
}  // namespace zts::js
