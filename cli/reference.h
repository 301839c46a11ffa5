// What the command line is, told from its one description in three ways: Markdown, a manual page, completion for shells.
//
// Thread:   pure functions.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "base/result.h"

namespace zts::cli {

std::string MarkdownReference(const CLI::App& root);
// For man(1), section 1.
std::string ManualPage(const CLI::App& root);
// kInvalid for a shell that is none of bash, zsh and fish.
Result<std::string> CompletionFor(const CLI::App& root, const std::string& shell);

}  // namespace zts::cli
