// The command line of the administrators' verbs: token, namespace, secret, audit, backup, restore.
//
// Owner:    App, one.
// Thread:   the main thread.
// Life:     outlives the parsing: options are written into it.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

#include "cli/admin_commands.h"

namespace zts::cli {

using Action = std::function<ExitCode(Context&)>;

class AdminVerbs {
 public:
  struct Host {
    // A verb of its own with the options that all have.
    std::function<CLI::App*(const char* name, const char* help, const char* footer)> add;
    // The same below another verb: "token create".
    std::function<CLI::App*(CLI::App* parent, const char* name, const char* help, const char* footer)> add_below;
    std::function<void(CLI::App* verb, Action action)> run;
    // A function's name as typed, in the namespace that was asked for.
    std::function<std::string(const std::string&)> qualify;
  };
  void Add(const Host& host);

 private:
  void AddTokens();
  void AddNamespaces();
  void AddSecrets();
  void AddAudit();
  void AddBackups();
  void AddQuotas(CLI::App* verb);
  SecretOptions Qualified() const;

  Host host_;
  TokenOptions token_;
  NamespaceOptions namespace_;
  SecretOptions secret_;
  bool new_key_ = false;
  AuditOptions audit_;
  RestoreOptions restore_;
  std::string word_;
};

}  // namespace zts::cli
