#include "cli/tool_verbs.h"

#include "cli/reference.h"

namespace zts::cli {
namespace {

constexpr const char* kNewHelp = R"(Makes a folder with a function that deploys as it is.)";
constexpr const char* kNewFooter = R"(Examples:
  ztsctl new shop && ztsctl deploy shop
  ztsctl new shop --ts)";
constexpr const char* kCompletionHelp = R"(Prints what a shell needs to complete verbs and options.)";
constexpr const char* kCompletionFooter = R"(Examples:
  source <(ztsctl completion bash)
  ztsctl completion zsh > "${fpath[1]}/_ztsctl"
  ztsctl completion fish > ~/.config/fish/completions/ztsctl.fish)";
constexpr const char* kManHelp = R"(Prints the manual page of ztsctl.)";
constexpr const char* kManFooter = R"(Example:
  ztsctl man | man -l -)";

}  // namespace

void ToolVerbs::Add(const AdminVerbs::Host& host, const CLI::App& root) {
  CLI::App* make = host.add("new", kNewHelp, kNewFooter);
  make->add_option("DIR", new_.folder, "The folder to make")->required()->type_name("");
  make->add_flag("--ts", new_.typescript, "In TypeScript");
  host.run(make, [this](Context& context) { return New(context, new_); });

  CLI::App* completion = host.add("completion", kCompletionHelp, kCompletionFooter);
  completion->add_option("SHELL", shell_, "bash, zsh or fish")->required()->type_name("");
  host.run(completion, [this, &root](Context& context) {
    const auto script = CompletionFor(root, shell_);
    if (!script.ok()) return context.console.Fail(UsageFailure(script.error().message, "completion"));
    context.console.out() << *script << std::flush;
    return ExitCode::kOk;
  });

  CLI::App* man = host.add("man", kManHelp, kManFooter);
  man->add_flag("--markdown", markdown_, "As Markdown");
  host.run(man, [this, &root](Context& context) {
    context.console.out() << (markdown_ ? MarkdownReference(root) : ManualPage(root)) << std::flush;
    return ExitCode::kOk;
  });
}

}  // namespace zts::cli
