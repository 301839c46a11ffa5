// fetch() in a real isolate, against a door that the test plays.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "jsruntime/testing/door_test.h"

namespace zts::js {
namespace {

using FetchTest = DoorTest;

TEST_F(FetchTest, GetsAResponse) {
  Run("const r = await fetch('http://up:80/a b?c#d', { headers: { 'X-One': '1' } });"
      "return new Response([r.status, r.ok, r.statusText, r.url, r.redirected, r.type, r.headers.get('x-a'), await r.text()].join('|'));");
  ASSERT_EQ(client_.last, 1u);
  EXPECT_EQ(client_.all[1].method, "GET");
  EXPECT_EQ(client_.all[1].url, "http://up/a%20b?c#d");
  EXPECT_EQ(client_.all[1].headers, "x-one=1;");
  EXPECT_EQ(client_.all[1].body_kind, FetchBody::kNone);
  EXPECT_EQ(Body(), "NO ANSWER");
  const HeaderField field{"x-a", "b"};
  Head(1, 201, {field}, "http://up/end", true);
  Data(1, "hello ");
  Data(1, "there");
  End(1);
  EXPECT_EQ(Body(), "201|true|Text|http://up/end|true|basic|b|hello there");
}

TEST_F(FetchTest, ABodyComesInPiecesAndGivesCreditBack) {
  Run("const r = await fetch('http://up/'); return new Response(String((await r.arrayBuffer()).byteLength));");
  Head(1);
  const std::string piece(kFetchWindowBytes / 2, 'x');
  for (int i = 0; i < 10; ++i) Data(1, piece);
  End(1);
  EXPECT_EQ(Body(), std::to_string(10 * piece.size()));
  EXPECT_GE(client_.all[1].credit, 8 * piece.size());
}

TEST_F(FetchTest, SmallBodiesGoWithTheRequest) {
  Run("const r = await fetch('http://up/', { method: 'POST', body: 'gr\\u00fc\\u00df' }); return new Response(String(r.status));");
  EXPECT_EQ(client_.all[1].body_kind, FetchBody::kWhole);
  EXPECT_EQ(client_.all[1].body, "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(client_.all[1].headers, "content-type=text/plain;charset=UTF-8;");
  Head(1, 204);
  EXPECT_EQ(Body(), "204");
}

TEST_F(FetchTest, LargeBodiesGoByCreditAndAgainAfterARewind) {
  Run("const r = await fetch('http://up/', { method: 'PUT', body: new Uint8Array(400 * 1024).fill(65) });"
      "return new Response(String(r.status));");
  Asked& asked = client_.all[1];
  EXPECT_EQ(asked.body_kind, FetchBody::kRewindable);
  EXPECT_EQ(asked.body_bytes, 400u * 1024);
  EXPECT_EQ(asked.body.size(), kFetchWindowBytes);
  Writable(1, 100 * 1024);
  EXPECT_EQ(asked.body.size(), kFetchWindowBytes + 100 * 1024);
  EXPECT_FALSE(asked.finished);
  isolate_->OnFetch(1, {.kind = FetchEvent::Kind::kRewind});
  EXPECT_EQ(asked.rewound, 1);
  EXPECT_EQ(asked.body.size(), kFetchWindowBytes);
  Writable(1, 200 * 1024);
  EXPECT_EQ(asked.body.size(), 400u * 1024);
  EXPECT_TRUE(asked.finished);
  Head(1, 204);
  EXPECT_EQ(Body(), "204");
}

TEST_F(FetchTest, FailuresAreTypeErrorsWithACode) {
  const std::string show = "try { await (await fetch('http://up/')).text(); return new Response('fine'); }"
                           "catch (e) { return new Response([e instanceof TypeError, e.code, e.message].join('|')); }";
  Run(show);
  Error(1, FetchResult::kPolicy, "the egress policy says no");
  EXPECT_EQ(Body(), "true|egress-policy|fetch failed: the egress policy says no");
  // In the middle of the body.
  Send();
  Head(2);
  Data(2, "half");
  Error(2, FetchResult::kProtocol, "broke off");
  EXPECT_EQ(Body(), "true|protocol|fetch failed: broke off");
  client_.open = false;
  Send();
  EXPECT_EQ(Body().substr(0, 16), "true|unavailable");
}

TEST_F(FetchTest, ASignalEndsIt) {
  Run("const c = new AbortController(); setTimeout(() => c.abort(), 1);"
      "try { await fetch('http://up/', { signal: c.signal }); } catch (e) { return new Response(e.name); }");
  for (int i = 0; i < 10 && client_.timer_due != 0; ++i) isolate_->RunTimers(client_.timer_due);
  EXPECT_EQ(Body(), "AbortError");
  EXPECT_TRUE(client_.all[1].cancelled);
  Head(1);  // was on its way
  EXPECT_EQ(Body(), "AbortError");
}

TEST_F(FetchTest, AnInvocationHasALimitOfRequestsInAllAndAtOnce) {
  Run("const made = []; for (let i = 0; i < 5; i++) made.push(fetch('http://up/' + i));"
      "const ends = await Promise.allSettled(made);"
      "return new Response(ends.map((e) => e.status === 'fulfilled' ? 'ok' : e.reason.code).join());");
  EXPECT_EQ(client_.last, 3u);
  for (FetchId id = 1; id <= 3; ++id) {
    Head(id);
    End(id);
  }
  EXPECT_EQ(Body(), "ok,ok,ok,limit,limit");
  Run("let text = '';"
      "for (let i = 0; i < 10; i++) { try { await (await fetch('http://up/')).text(); text += '.'; } catch (e) { text += e.code; break; } }"
      "return new Response(text);");
  for (FetchId id = 4; id <= 11; ++id) {
    Head(id);
    End(id);
  }
  EXPECT_EQ(Body(), "........limit");
}

TEST_F(FetchTest, EndsWithItsInvocation) {
  Load("kept = kept || fetch('http://up/'); if (request.method === 'GET') return new Response('first');"
       "try { return new Response((await kept).status); } catch (e) { return new Response(e.code); }");
  request_.method = "POST";
  const InvocationId waiting = Send();
  EXPECT_EQ(client_.last, 1u);
  isolate_->Abandon(waiting);
  EXPECT_TRUE(client_.all[1].cancelled);
  EXPECT_EQ(client_.tasks_posted, 1);
  // Another invocation waits for the same promise: it is told.
  const InvocationId other = Send();
  isolate_->RunTasks();
  EXPECT_EQ(BodyOf(other), "canceled");
}

TEST_F(FetchTest, GoesOnAfterTheAnswerOnlyInsideWaitUntil) {
  Load("if (request.method === 'GET') ctx.waitUntil(fetch('http://up/').then((r) => console.log(r.status)));"
       "else fetch('http://up/'); return new Response('ok');");
  Send();
  EXPECT_EQ(Body(), "ok");
  EXPECT_FALSE(client_.all[1].cancelled);
  Head(1, 299);
  End(1);
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_EQ(client_.console[0].message, "299");
  EXPECT_EQ(client_.background_done.size(), 1u);
  client_.console.clear();
  request_.method = "POST";
  Send();
  EXPECT_TRUE(client_.all[2].cancelled);
  isolate_->RunTasks();
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_NE(client_.console[0].message.find("ctx.waitUntil"), std::string::npos) << client_.console[0].message;
}

TEST_F(FetchTest, PassesAResponseOn) {
  Run("return fetch('http://up/', { headers: request.headers, redirect: 'manual' });");
  EXPECT_EQ(client_.all[1].redirect, FetchRedirect::kManual);
  EXPECT_NE(client_.all[1].headers.find("x-in=1;"), std::string::npos);
  const HeaderField fields[] = {{"content-type", "a/b"}, {"content-length", "3"}, {"connection", "close"}};
  Head(1, 302, {fields[0], fields[1], fields[2]});
  Data(1, "abc");
  End(1);
  EXPECT_EQ(Body(), "abc");
  EXPECT_EQ(client_.responses[id_].status, 302);
  EXPECT_EQ(client_.responses[id_].Header("content-type"), "a/b");
  EXPECT_EQ(client_.responses[id_].Header("connection"), "");
}

TEST_F(FetchTest, HeadersOfAResponseAreImmutableAndItsCloneKeepsTheUrl) {
  Run("const r = await fetch('http://up/'); const c = r.clone(); let text = '';"
      "try { r.headers.set('a', 'b'); } catch (e) { text = e.name; }"
      "return new Response([text, c.url, await c.text(), await r.text()].join());");
  Head(1);
  Data(1, "x");
  End(1);
  EXPECT_EQ(Body(), "TypeError,http://up/,x,x");
}

}  // namespace
}  // namespace zts::js
