// Reads the responses of one connection and holds each against what it must be: status 200 and the expected body, byte by byte.
//
// Owner:    a connection of the load generator.
// Thread:   one.
// Limits:   nothing is kept of a body; heads of any size, as the generator trusts the server it measures.
// Errors:   what is not HTTP, and bytes nobody asked for: kBroken, and the connection is of no use any more.
// Source:   RFC 9112; the parsing itself is llhttp's.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <deque>
#include <string_view>

namespace zts {

class ResponseReader {
 public:
  enum class Verdict : uint8_t { kGood, kWrongStatus, kWrongBody };

  class Sink {
   public:
    virtual ~Sink() = default;
    // The response to the oldest expectation is whole. `last`: the server closes the connection behind it.
    virtual void OnResponse(Verdict verdict, bool last) = 0;
  };

  explicit ResponseReader(Sink& sink);
  ResponseReader(const ResponseReader&) = delete;

  // One more request is out; `body` outlives its response.
  void Expect(std::string_view body) { expected_.push_back(body); }

  // False: broken.
  bool Take(std::string_view bytes);
  // The server has closed: true when that was the proper end of a response whose length nothing else tells.
  bool TakeEnd();

 private:
  static ResponseReader& Self(llhttp_t* parser) { return *static_cast<ResponseReader*>(parser->data); }
  void TakeBody(std::string_view piece);
  void Complete();

  static const llhttp_settings_t kSettings;
  llhttp_t parser_;
  Sink& sink_;
  std::deque<std::string_view> expected_;
  size_t matched_ = 0;  // bytes of the body so far, all as expected
  bool wrong_ = false;
};

}  // namespace zts
