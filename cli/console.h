// Where ztsctl writes: results to out, everything else to err; colours and progress only on a terminal.
//
// Owner:    main() or a test, one a run.
// Thread:   one.
// Life:     the streams outlive it.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_code.h"
#include "cli/source_error.h"

namespace zts::cli {

enum class Format { kText, kJson };
enum class Style { kBold, kDim, kRed, kYellow, kGreen, kCyan };

// Why a command did not do what it was asked, and what the user can do about it.
struct Failure {
  ExitCode exit = ExitCode::kFailed;
  std::string code;     // a stable word for --json: "source", "unavailable", ...
  std::string message;
  std::string hint;     // the next step; may be empty
  std::vector<SourceError> sources;
};

class Console {
 public:
  struct Terminals {
    bool out = false;
    bool err = false;
  };
  Console(std::ostream& out, std::ostream& err, Terminals terminals) : out_(out), err_(err), terminals_(terminals) {}

  void set_format(Format format) { format_ = format; }
  // "auto", "always", "never".
  void set_color(std::string_view when);
  bool json() const { return format_ == Format::kJson; }
  // Somebody looks at `out` as it is written.
  bool out_is_terminal() const { return terminals_.out; }

  std::ostream& out() { return out_; }
  // `text` in a style where `out` has colours, else as it is.
  std::string Paint(Style style, std::string_view text) const;

  // One line to err, for people: what happens, what was noticed. Nothing with --json.
  void Note(std::string_view line);
  void Warn(std::string_view line);
  // A line that replaces itself, on a terminal only; ClearProgress before anything else is written.
  void Progress(std::string_view line);
  void ClearProgress();

  // One object, one line.
  void PrintJson(const nlohmann::json& object);
  // Says what failed (as JSON on out, or text on err) and returns the exit code.
  ExitCode Fail(const Failure& failure);

 private:
  std::string PaintErr(Style style, std::string_view text) const;

  std::ostream& out_;
  std::ostream& err_;
  Terminals terminals_;
  Format format_ = Format::kText;
  bool color_out_ = terminals_.out;
  bool color_err_ = terminals_.err;
  bool progress_shown_ = false;
};

}  // namespace zts::cli
