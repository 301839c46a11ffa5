#include "cli/function_name.h"

#include <algorithm>

#include "base/bytes.h"

namespace zts::cli {
namespace {

constexpr size_t kNameBytesMax = 63;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsIdentifierStart(char c) { return IsLower(ToLowerAscii(c)) || c == '_'; }

bool IsAllowed(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || !IsLower(name.front()) || name.back() == '-') return false;
  for (char c : name) {
    if (!IsLower(c) && !IsDigit(c) && c != '-') return false;
  }
  return true;
}

}  // namespace

Status CheckFunctionName(std::string_view name) {
  const size_t dot = std::min(name.find('.'), name.size());
  if (IsAllowed(name.substr(0, dot)) && (dot == name.size() || IsAllowed(name.substr(dot + 1)))) return {};
  return Invalid("'" + std::string(name) +
                 "' cannot be a function's name: it is a host label, so lower-case letters, digits and '-', " +
                 "1 to 63, starting with a letter. '" + NearestFunctionName(name) + "' would do");
}

std::string NearestFunctionName(std::string_view text) {
  std::string name;
  for (char c : text) {
    const char lower = ToLowerAscii(c);
    if (IsLower(lower) || (IsDigit(lower) && !name.empty())) {
      name += lower;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
    if (name.size() == kNameBytesMax) break;
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "fn" : name;
}

std::string QualifiedName(const std::string& name, const std::string& name_space) {
  const bool plain = name.empty() || name_space.empty() || name_space == "default" || name.find('.') != std::string::npos;
  return plain ? name : name + "." + name_space;
}

bool IsInNamespace(std::string_view name, std::string_view name_space) {
  if (name_space.empty()) return true;
  const size_t dot = name.find('.');
  return (dot == std::string_view::npos ? std::string_view("default") : name.substr(dot + 1)) == name_space;
}

Result<std::pair<std::string, std::string>> ParseSetting(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Invalid("--env " + std::string(text) + ": write NAME=VALUE");
  }
  const std::string_view name = text.substr(0, equals);
  bool valid = !name.empty() && IsIdentifierStart(name.front());
  for (char c : name) valid = valid && (IsIdentifierStart(c) || IsDigit(c));
  if (!valid) {
    return Invalid("--env " + std::string(text) + ": '" + std::string(name) +
                   "' is no variable name (letters, digits and '_')");
  }
  return std::pair(std::string(name), std::string(text.substr(equals + 1)));
}

}  // namespace zts::cli
