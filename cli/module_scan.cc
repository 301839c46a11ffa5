#include "cli/module_scan.h"

#include <array>
#include <vector>

namespace zts::cli {
namespace {

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Walks over tokens; comments, strings, templates and regular expressions are skipped whole.
class Scanner {
 public:
  explicit Scanner(std::string_view source) : source_(source) {}

  bool FindsImport() {
    while (at_ < source_.size()) {
      if (Step()) return true;
    }
    return false;
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  // One token; true when it is the one looked for.
  bool Step() {
    const char c = Peek();
    if (IsBlank(c)) {
      ++at_;
    } else if (c == '/' && (Peek(1) == '/' || Peek(1) == '*')) {
      SkipComment();
    } else if (c == '"' || c == '\'') {
      if (word_ == "from") return true;
      SkipString(c);
    } else if (c == '`') {
      ++at_;
      SkipTemplate();
    } else if (c == '/' && RegexMayStart()) {
      SkipRegex();
    } else if (IsWordChar(c)) {
      return Word();
    } else {
      Punctuation(c);
    }
    return false;
  }

  bool Word() {
    const size_t start = at_;
    while (IsWordChar(Peek())) ++at_;
    const bool is_property = last_ == '.';
    word_ = is_property ? "" : source_.substr(start, at_ - start);
    last_ = 'a';
    return word_ == "import" && NextToken() != '.' && NextToken() != ':';
  }

  void Punctuation(char c) {
    ++at_;
    if (c == '{') braces_.push_back(Brace::kBlock);
    if (c == '}' && !braces_.empty()) {
      const Brace opened = braces_.back();
      braces_.pop_back();
      if (opened == Brace::kTemplate) {
        SkipTemplate();
        return;
      }
    }
    Note(c);
  }

  void Note(char c) {
    last_ = c;
    word_ = "";
  }

  char NextToken() const {
    size_t at = at_;
    while (at < source_.size()) {
      if (IsBlank(source_[at])) {
        ++at;
      } else if (source_.substr(at, 2) == "/*") {
        const size_t end = source_.find("*/", at + 2);
        if (end == std::string_view::npos) return '\0';
        at = end + 2;
      } else {
        return source_[at];
      }
    }
    return '\0';
  }

  void SkipComment() {
    const bool line = Peek(1) == '/';
    const size_t end = source_.find(line ? "\n" : "*/", at_ + 2);
    at_ = end == std::string_view::npos ? source_.size() : end + (line ? 1 : 2);
  }

  // A string ends at the end of its line at the latest, so that a mistaken quote hides one line and no more.
  void SkipString(char quote) {
    for (++at_; at_ < source_.size() && source_[at_] != quote && source_[at_] != '\n'; ++at_) {
      if (source_[at_] == '\\') ++at_;
    }
    ++at_;
    Note('"');
  }

  // From inside a template to its end, or to a "${" whose "}" comes back here.
  void SkipTemplate() {
    for (; at_ < source_.size(); ++at_) {
      if (source_[at_] == '\\') {
        ++at_;
      } else if (source_[at_] == '`') {
        ++at_;
        Note('"');
        return;
      } else if (source_[at_] == '$' && Peek(1) == '{') {
        at_ += 2;
        braces_.push_back(Brace::kTemplate);
        Note('{');
        return;
      }
    }
  }

  // After a value '/' divides; anywhere else it starts a regular expression.
  bool RegexMayStart() const {
    if (last_ == 'a') {
      static constexpr std::array kBeforeExpression = {"return", "typeof", "case", "in",    "of",    "delete",
                                                       "void",   "throw",  "new",  "yield", "await", "else"};
      for (std::string_view keyword : kBeforeExpression) {
        if (word_ == keyword) return true;
      }
      return false;
    }
    return last_ != ')' && last_ != ']' && last_ != '"';
  }

  void SkipRegex() {
    bool in_class = false;
    for (++at_; at_ < source_.size() && source_[at_] != '\n'; ++at_) {
      if (source_[at_] == '\\') {
        ++at_;
      } else if (source_[at_] == '[') {
        in_class = true;
      } else if (source_[at_] == ']') {
        in_class = false;
      } else if (source_[at_] == '/' && !in_class) {
        ++at_;
        break;
      }
    }
    Note('"');
  }

  enum class Brace { kBlock, kTemplate };
  std::string_view source_;
  size_t at_ = 0;
  char last_ = '\0';         // the last token's first character; 'a' for words, '"' for literals
  std::string_view word_;    // the last token when it was a word and no property
  std::vector<Brace> braces_;
};

}  // namespace

bool ImportsModules(std::string_view source) { return Scanner(source).FindsImport(); }

}  // namespace zts::cli
