// How ztsctl writes things for people: sizes, ages, times, tables, and text that cannot drive the terminal.
//
// Thread:   pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace zts::cli {

// "980 B", "14.2 KiB", "3.0 MiB".
std::string FormatBytes(uint64_t bytes);
// "just now", "42s", "7m", "3h", "12d": one unit is enough for a table.
std::string FormatAge(Nanos age);
// "2026-11-20T12:01:33.123Z".
std::string FormatTimestamp(Nanos wall);
// "12:01:33.123" in local time.
std::string FormatClock(Nanos wall);
// "0.42", "12.3", "1240": milliseconds with three significant digits.
std::string FormatMilliseconds(Nanos duration);

enum class Newlines { kEscape, kKeep };
// What came from outside, safe for a terminal: control characters (ESC above all) become "\x1b", tabs stay.
std::string Printable(std::string_view text, Newlines newlines = Newlines::kEscape);

// Columns padded to their widest cell, two blanks between them; every line ends with '\n', none with blanks.
std::string RenderTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace zts::cli
