#include "cli/reference.h"

#include <functional>
#include <sstream>
#include <vector>

namespace zts::cli {
namespace {

// "--json", "-f,--follow", "NAME".
std::string NameOf(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true);
  return option.get_name(false, true);
}

std::vector<const CLI::App*> VerbsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> OptionsOf(const CLI::App& app) {
  return app.get_options([](const CLI::Option*) { return true; });
}

// The verb with all above it: "ztsctl token create".
std::string LineOf(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : LineOf(*parent) + " " + app.get_name();
}

std::string UsageOf(const CLI::App& app) {
  std::string usage = LineOf(app);
  if (!VerbsOf(app).empty()) return usage + " VERB";
  for (const CLI::Option* option : OptionsOf(app)) {
    if (!option->get_positional()) continue;
    usage += option->get_required() ? " " + NameOf(*option) : " [" + NameOf(*option) + "]";
  }
  return usage + " [OPTIONS]";
}

void Visit(const CLI::App& app, const std::function<void(const CLI::App&)>& visit) {
  for (const CLI::App* verb : VerbsOf(app)) {
    visit(*verb);
    Visit(*verb, visit);
  }
}

// Options that every verb has are told once.
bool IsCommon(const CLI::Option& option) {
  for (const char* name : {"--help", "--data-dir", "--namespace", "--json", "--color"}) {
    if (option.check_lname(std::string(name).substr(2))) return true;
  }
  return false;
}

std::string TypeOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.empty() ? "" : " " + type;
}

std::string InCell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

// Lines that would be requests of troff, and its escapes.
std::string InRoff(const std::string& text) {
  std::string roff;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) roff += "\\&";
    if (c == '\\') {
      roff += "\\e";
    } else if (c == '-') {
      roff += "\\-";
    } else {
      roff += c;
    }
    begins = c == '\n';
  }
  return roff;
}

std::string InSingleQuotes(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string FirstSentence(const std::string& text) {
  std::string line = text.substr(0, text.find_first_of(".;:"));
  for (char& c : line) c = c == '\n' ? ' ' : c;
  return line;
}

// "token create" -> what can follow it.
std::string WordsAfter(const CLI::App& app) {
  std::string words;
  for (const CLI::App* verb : VerbsOf(app)) words += verb->get_name() + " ";
  if (!words.empty()) return words.substr(0, words.size() - 1);
  for (const CLI::Option* option : OptionsOf(app)) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  return words.empty() ? words : words.substr(0, words.size() - 1);
}

std::string PathOf(const CLI::App& app) {
  const std::string line = LineOf(app);
  const size_t blank = line.find(' ');
  return blank == std::string::npos ? "" : line.substr(blank + 1);
}

std::string Bash(const CLI::App& root) {
  std::ostringstream out;
  out << "# Completion of ztsctl for bash: source it, or put it into /etc/bash_completion.d.\n"
         "_ztsctl() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" i words=\"\"\n"
         "  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do\n"
         "    case \"${COMP_WORDS[i]}\" in -*) break ;; esac\n"
         "    path=\"${path:+$path }${COMP_WORDS[i]}\"\n"
         "  done\n"
         "  case \"$path\" in\n"
         "    '') words="
      << InSingleQuotes(WordsAfter(root)) << " ;;\n";
  // The longest first: "token create" before "token".
  std::vector<const CLI::App*> leaves, stems;
  Visit(root, [&](const CLI::App& verb) { (verb.get_parent() == &root ? stems : leaves).push_back(&verb); });
  for (const auto* group : {&leaves, &stems}) {
    for (const CLI::App* verb : *group) {
      out << "    '" << PathOf(*verb) << "'" << (VerbsOf(*verb).empty() ? "*" : "") << ") words=" << InSingleQuotes(WordsAfter(*verb))
          << " ;;\n";
    }
  }
  out << "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  case \"$word\" in -*) ;; *) [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\")) ;; esac\n"
         "}\n"
         "complete -o filenames -F _ztsctl ztsctl\n";
  return out.str();
}

std::string Zsh(const CLI::App& root) {
  return "#compdef ztsctl\n"
         "# Completion of ztsctl for zsh: put it into a folder of $fpath as _ztsctl, or source it.\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         Bash(root);
}

std::string Fish(const CLI::App& root) {
  std::ostringstream out;
  out << "# Completion of ztsctl for fish: put it into ~/.config/fish/completions/ztsctl.fish.\n";
  Visit(root, [&](const CLI::App& verb) {
    const bool top = verb.get_parent() == &root;
    const std::string parent = verb.get_parent()->get_name();
    const std::string where = top ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + parent;
    out << "complete -c ztsctl -n " << InSingleQuotes(where) << " -f -a " << verb.get_name()
        << " -d " << InSingleQuotes(FirstSentence(verb.get_description())) << "\n";
    if (!VerbsOf(verb).empty()) return;
    const std::string condition =
        "__fish_seen_subcommand_from " + verb.get_name() + (top ? "" : "; and __fish_seen_subcommand_from " + parent);
    for (const CLI::Option* option : OptionsOf(verb)) {
      for (const std::string& name : option->get_lnames()) {
        out << "complete -c ztsctl -n " << InSingleQuotes(condition) << " -l " << name << " -d "
            << InSingleQuotes(FirstSentence(option->get_description())) << "\n";
      }
    }
  });
  return out.str();
}

}  // namespace

std::string MarkdownReference(const CLI::App& root) {
  std::ostringstream out;
  out << "# ztsctl: every verb\n\nWritten by `ztsctl man --markdown`; a test compares the two. What holds for all verbs is in cli.md.\n\n"
         "| option of every verb | |\n|---|---|\n";
  for (const CLI::Option* option : OptionsOf(*VerbsOf(root).front())) {
    if (IsCommon(*option)) out << "| `" << NameOf(*option) << TypeOf(*option) << "` | " << InCell(option->get_description()) << " |\n";
  }
  Visit(root, [&](const CLI::App& verb) {
    out << "\n## " << PathOf(verb) << "\n\n`" << UsageOf(verb) << "`\n\n" << verb.get_description() << "\n";
    bool any = false;
    for (const CLI::Option* option : OptionsOf(verb)) {
      if (IsCommon(*option)) continue;
      if (!any) out << "\n| | |\n|---|---|\n";
      any = true;
      out << "| `" << NameOf(*option) << TypeOf(*option) << "` | " << InCell(option->get_description()) << " |\n";
    }
    if (!verb.get_footer().empty()) out << "\n```\n" << verb.get_footer() << "\n```\n";
  });
  return out.str();
}

std::string ManualPage(const CLI::App& root) {
  std::ostringstream out;
  out << ".TH ZTSCTL 1 \"\" \"zts\" \"zts\"\n.SH NAME\nztsctl \\- deploys functions to zts and looks after them\n"
         ".SH SYNOPSIS\n.B ztsctl\n.I VERB\n[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n.nf\n"
      << InRoff(root.get_description()) << "\n.fi\n.SH VERBS\n";
  Visit(root, [&](const CLI::App& verb) {
    out << ".SS " << InRoff(UsageOf(verb)) << "\n.nf\n" << InRoff(verb.get_description()) << "\n.fi\n";
    for (const CLI::Option* option : OptionsOf(verb)) {
      out << ".TP\n\\fB" << InRoff(NameOf(*option)) << "\\fR\\fI" << InRoff(TypeOf(*option)) << "\\fR\n"
          << InRoff(option->get_description()) << "\n";
    }
    if (!verb.get_footer().empty()) out << ".PP\n.nf\n" << InRoff(verb.get_footer()) << "\n.fi\n";
  });
  out << ".SH ENVIRONMENT AND EXIT STATUS\n.nf\n" << InRoff(root.get_footer()) << "\n.fi\n";
  return out.str();
}

Result<std::string> CompletionFor(const CLI::App& root, const std::string& shell) {
  if (shell == "bash") return Bash(root);
  if (shell == "zsh") return Zsh(root);
  if (shell == "fish") return Fish(root);
  return Invalid("there is no completion for '" + shell + "'; there is one for bash, zsh and fish");
}

}  // namespace zts::cli
