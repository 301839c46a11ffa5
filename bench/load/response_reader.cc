#include "bench/load/response_reader.h"

namespace zts {

const llhttp_settings_t ResponseReader::kSettings = [] {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_message_begin = [](llhttp_t* parser) { return Self(parser).expected_.empty() ? -1 : 0; };
  settings.on_body = [](llhttp_t* parser, const char* at, size_t size) {
    Self(parser).TakeBody({at, size});
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) {
    Self(parser).Complete();
    return 0;
  };
  return settings;
}();

ResponseReader::ResponseReader(Sink& sink) : sink_(sink) {
  llhttp_init(&parser_, HTTP_RESPONSE, &kSettings);
  parser_.data = this;
}

bool ResponseReader::Take(std::string_view bytes) { return llhttp_execute(&parser_, bytes.data(), bytes.size()) == HPE_OK; }

bool ResponseReader::TakeEnd() { return llhttp_finish(&parser_) == HPE_OK && expected_.empty(); }

void ResponseReader::TakeBody(std::string_view piece) {
  const std::string_view rest = expected_.front().substr(matched_);
  if (wrong_ || !rest.starts_with(piece)) {
    wrong_ = true;
  } else {
    matched_ += piece.size();
  }
}

void ResponseReader::Complete() {
  // 100 and 103 come before the response itself.
  if (parser_.status_code < 200) return;
  const bool whole = !wrong_ && matched_ == expected_.front().size();
  const Verdict verdict = parser_.status_code != 200 ? Verdict::kWrongStatus : whole ? Verdict::kGood : Verdict::kWrongBody;
  expected_.pop_front();
  matched_ = 0;
  wrong_ = false;
  sink_.OnResponse(verdict, llhttp_should_keep_alive(&parser_) == 0);
}

}  // namespace zts
