#include "jsruntime/isolate.h"

namespace zts::js {

std::string_view LogSeverityName(LogSeverity severity) {
  switch (severity) {
    case LogSeverity::kDebug: return "debug";
    case LogSeverity::kInfo: return "info";
    case LogSeverity::kLog: return "log";
    case LogSeverity::kWarn: return "warn";
    case LogSeverity::kError: return "error";
    case LogSeverity::kException: return "exception";
  }
  return "log";
}

}  // namespace zts::js
