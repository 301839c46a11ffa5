#include "worker/engine/http/testing/transcript.h"

#include <memory>

#include "base/check.h"
#include "worker/engine/http/parser.h"

namespace zts::http {
namespace {

void AppendEscaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    if (c >= ' ' && c < 0x7f && c != '\\') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

std::string DescribeHead(const RequestHead& head) {
  std::string out = "head ";
  AppendEscaped(out, head.method);
  out += ' ';
  AppendEscaped(out, head.target);
  out += " HTTP/1." + std::to_string(head.minor_version) + " authority=";
  AppendEscaped(out, head.authority);
  if (!head.keep_alive) out += " close";
  if (head.is_head) out += " is-head";
  if (head.expects_continue) out += " continue";
  if (head.chunked) out += " chunked";
  if (head.content_length != 0) out += " length=" + std::to_string(head.content_length);
  ZTS_CHECK(head.has_body == (head.chunked || head.content_length > 0));
  out += '\n';
  for (const HeaderField& field : head.headers()) {
    out += "field ";
    AppendEscaped(out, field.name);
    out += ": ";
    AppendEscaped(out, field.value);
    out += '\n';
  }
  return out;
}

class Recorder {
 public:
  // False when the connection is over.
  bool Feed(std::string_view piece) {
    // Exactly as large as the piece, so that a read past its end is a read past the allocation.
    const std::unique_ptr<char[]> memory(new char[piece.size()]);
    piece.copy(memory.get(), piece.size());
    std::string_view rest(memory.get(), piece.size());
    while (true) {
      const Parser::Step step = parser_.Parse(rest);
      ZTS_CHECK(step.used <= rest.size());
      rest.remove_prefix(step.used);
      switch (step.state) {
        case ParseState::kNeedMore:
          ZTS_CHECK(rest.empty());
          if (parser_.mid_request() && !head_.empty()) parser_.PinHead();
          return true;
        case ParseState::kHead:
          EndBody();
          head_ = DescribeHead(parser_.head());
          out_ += head_;
          break;
        case ParseState::kBody:
          ZTS_CHECK(!parser_.body().empty());
          AppendEscaped(body_, parser_.body());
          break;
        case ParseState::kComplete:
          EndBody();
          ZTS_CHECK(DescribeHead(parser_.head()) == head_);
          ZTS_CHECK(!parser_.mid_request());
          head_.clear();
          out_ += "complete\n";
          if (!rest.empty()) break;
          parser_.Reset();
          return true;
        case ParseState::kRefused:
          EndBody();
          out_ += "refused " + std::to_string(RefusalStatus(parser_.refusal())) + ' ';
          out_ += RefusalName(parser_.refusal());
          out_ += '\n';
          ZTS_CHECK(!parser_.mid_request());
          ZTS_CHECK(parser_.Parse(rest).state == ParseState::kRefused);
          return false;
      }
    }
  }

  std::string Finish() {
    EndBody();
    if (parser_.mid_request()) out_ += "more\n";
    return std::move(out_);
  }

 private:
  void EndBody() {
    if (!body_.empty()) out_ += "body " + body_ + '\n';
    body_.clear();
  }

  Parser parser_;
  std::string out_;
  std::string body_;
  std::string head_;
};

}  // namespace

std::string Transcript(std::span<const std::string_view> pieces) {
  Recorder recorder;
  for (const std::string_view piece : pieces) {
    if (!recorder.Feed(piece)) break;
  }
  return recorder.Finish();
}

}  // namespace zts::http
