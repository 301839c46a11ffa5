#include "cli/admin_commands.h"

#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/admin_client.h"
#include "cli/function_name.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

// What a secret's file may hold; the controller has its own, smaller bound and names it.
constexpr size_t kSecretBytesMax = size_t{1} << 20;

template <typename F>
ExitCode WithAdmin(Context& context, F&& use) {
  const Result<Endpoint> endpoint = FindController(context.data_dir_flag, context.env);
  if (!endpoint.ok()) {
    return context.console.Fail(FailureOf(endpoint.error(), DataDirectory(context.data_dir_flag, context.env)));
  }
  AdminClient client(*endpoint);
  const auto fail = [&](const Error& error) { return context.console.Fail(FailureOf(error, endpoint->data_dir)); };
  return use(client, fail);
}

// As ParseDurationNs, and hours and days.
Result<Nanos> LongDuration(const std::string& flag, const std::string& text) {
  if (text.empty()) return Nanos{0};
  const int64_t unit = text.back() == 'd' ? 86'400 : text.back() == 'h' ? 3'600 : 0;
  std::optional<int64_t> value;
  if (unit != 0) {
    value = ParseInteger<int64_t>(std::string_view(text).substr(0, text.size() - 1));
    if (value && *value <= 100'000) *value *= unit * kSecond;
  } else {
    value = ParseDurationNs(text);
  }
  if (!value || *value <= 0 || *value > 4000 * int64_t{86'400} * kSecond) {
    return Invalid(flag + " " + text + ": write a duration such as 90s, 15m, 12h or 30d");
  }
  return *value;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

std::string ExpiryOf(const TokenInfo& token) {
  if (token.expires == 0) return "never";
  const Nanos left = token.expires - SystemClock().WallNow();
  return left <= 0 ? "expired" : "in " + FormatAge(left);
}

nlohmann::json JsonOf(const TokenInfo& token) {
  nlohmann::json json = {{"id", token.id},       {"name", token.name},       {"role", token.role},
                         {"scopes", token.scopes}, {"created", FormatTimestamp(token.created)}, {"created_by", token.created_by}};
  json["expires"] = token.expires == 0 ? nlohmann::json() : nlohmann::json(FormatTimestamp(token.expires));
  return json;
}

std::string Bound(uint64_t used, uint64_t max) { return std::to_string(used) + (max == 0 ? "" : "/" + std::to_string(max)); }

std::string BytesBound(uint64_t used, uint64_t max) { return FormatBytes(used) + (max == 0 ? "" : " of " + FormatBytes(max)); }

ExitCode PutNamespace(Context& context, const NamespaceOptions& options, AdminClient::Put put) {
  Quotas quotas{options.functions_max, options.versions_max, 0, options.deploys_per_minute};
  if (!options.stored_bytes_max.empty()) {
    const auto bytes = ParseByteSize(options.stored_bytes_max);
    if (!bytes) {
      return context.console.Fail(UsageFailure("--max-bytes " + options.stored_bytes_max +
          ": write a size such as 64MiB or 1GiB", "namespace"));
    }
    quotas.stored_bytes_max = *bytes;
  }
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    if (const Status done = client.PutNamespace(options.name, quotas, put); !done.ok()) return fail(done.error());
    if (context.console.json()) {
      context.console.PrintJson({{"name", options.name}});
    } else {
      context.console.out() << "namespace " << options.name << (put == AdminClient::Put::kCreate ? " created" : " changed") << std::endl;
    }
    return ExitCode::kOk;
  });
}

// From a file, or standard input; one line feed at the end is the editor's and not the secret's.
Result<std::string> ReadSecret(const std::string& file) {
  std::string value;
  if (!file.empty()) {
    ZTS_ASSIGN_OR_RETURN(value, ReadFile(file, kSecretBytesMax));
  } else {
    value.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  if (value.ends_with('\n')) value.pop_back();
  if (value.empty()) return Invalid("the secret is empty; pipe it in, or name its file with --file");
  return value;
}

}  // namespace

ExitCode CreateToken(Context& context, const TokenOptions& options) {
  const auto lifetime = LongDuration("--expires", options.expires);
  if (!lifetime.ok()) return context.console.Fail(UsageFailure(lifetime.error().message, "token create"));
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    const auto created = client.CreateToken({options.name, options.role, options.scopes, *lifetime});
    if (!created.ok()) return fail(created.error());
    if (context.console.json()) {
      nlohmann::json json = JsonOf(created->info);
      json["token"] = created->secret;
      context.console.PrintJson(json);
      return ExitCode::kOk;
    }
    context.console.Note("token " + created->info.id + " for a " + created->info.role +
                         "; it is shown this once and kept nowhere: use it as ZTS_TOKEN");
    context.console.out() << created->secret << std::endl;
    return ExitCode::kOk;
  });
}

ExitCode ListTokens(Context& context) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    const auto tokens = client.ListTokens();
    if (!tokens.ok()) return fail(tokens.error());
    if (context.console.json()) {
      auto array = nlohmann::json::array();
      for (const TokenInfo& token : *tokens) array.push_back(JsonOf(token));
      context.console.PrintJson({{"tokens", array}});
      return ExitCode::kOk;
    }
    if (tokens->empty()) {
      context.console.Note("no tokens but the first one, which is in the controller's token file");
      return ExitCode::kOk;
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "ROLE", "SCOPES", "CREATED", "EXPIRES", "BY"}};
    for (const TokenInfo& token : *tokens) {
      rows.push_back({token.id, token.name.empty() ? "-" : Printable(token.name), token.role,
                      token.scopes.empty() ? "all" : Joined(token.scopes),
                      FormatAge(SystemClock().WallNow() - token.created), ExpiryOf(token), Printable(token.created_by)});
    }
    context.console.out() << RenderTable(rows) << std::flush;
    return ExitCode::kOk;
  });
}

ExitCode RevokeToken(Context& context, const std::string& id) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    if (const Status done = client.RevokeToken(id); !done.ok()) return fail(done.error());
    if (context.console.json()) {
      context.console.PrintJson({{"id", id}, {"revoked", true}});
    } else {
      context.console.out() << "token " << Printable(id) << " revoked" << std::endl;
    }
    return ExitCode::kOk;
  });
}

ExitCode CreateNamespace(Context& context, const NamespaceOptions& options) {
  return PutNamespace(context, options, AdminClient::Put::kCreate);
}

ExitCode ChangeNamespace(Context& context, const NamespaceOptions& options) {
  return PutNamespace(context, options, AdminClient::Put::kChange);
}

ExitCode ListNamespaces(Context& context) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    const auto list = client.ListNamespaces();
    if (!list.ok()) return fail(list.error());
    if (context.console.json()) {
      auto array = nlohmann::json::array();
      for (const NamespaceInfo& one : *list) {
        array.push_back({{"name", one.name},
                         {"functions", one.functions},
                         {"versions", one.versions},
                         {"stored_bytes", one.stored_bytes},
                         {"functions_max", one.quotas.functions_max},
                         {"versions_max", one.quotas.versions_max},
                         {"stored_bytes_max", one.quotas.stored_bytes_max},
                         {"deploys_per_minute", one.quotas.deploys_per_minute}});
      }
      context.console.PrintJson({{"namespaces", array}});
      return ExitCode::kOk;
    }
    std::vector<std::vector<std::string>> rows = {{"NAME", "FUNCTIONS", "VERSIONS", "STORED", "DEPLOYS/MIN"}};
    for (const NamespaceInfo& one : *list) {
      rows.push_back({one.name, Bound(one.functions, one.quotas.functions_max), Bound(one.versions, one.quotas.versions_max),
                      BytesBound(one.stored_bytes, one.quotas.stored_bytes_max),
                      one.quotas.deploys_per_minute == 0 ? "-" : std::to_string(one.quotas.deploys_per_minute)});
    }
    context.console.out() << RenderTable(rows) << std::flush;
    return ExitCode::kOk;
  });
}

ExitCode DeleteNamespace(Context& context, const std::string& name) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    if (const Status done = client.DeleteNamespace(name); !done.ok()) return fail(done.error());
    if (context.console.json()) {
      context.console.PrintJson({{"name", name}});
    } else {
      context.console.out() << "namespace " << Printable(name) << " deleted" << std::endl;
    }
    return ExitCode::kOk;
  });
}

ExitCode SetSecret(Context& context, const SecretOptions& options) {
  const auto value = ReadSecret(options.file);
  if (!value.ok()) return context.console.Fail(UsageFailure(value.error().message, "secret set"));
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    if (const Status done = client.SetSecret(options.function, options.key, *value); !done.ok()) return fail(done.error());
    if (context.console.json()) {
      context.console.PrintJson({{"name", options.function}, {"key", options.key}});
    } else {
      context.console.out() << "secret " << Printable(options.key) << " of " << Printable(options.function) << " set" << std::endl;
    }
    return ExitCode::kOk;
  });
}

ExitCode ListSecrets(Context& context, const std::string& function) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    const auto list = client.ListSecrets(function);
    if (!list.ok()) return fail(list.error());
    if (context.console.json()) {
      auto array = nlohmann::json::array();
      for (const SecretInfo& one : *list) {
        array.push_back({{"name", one.function}, {"key", one.key}, {"key_id", one.key_id}, {"updated", FormatTimestamp(one.updated)}});
      }
      context.console.PrintJson({{"secrets", array}});
      return ExitCode::kOk;
    }
    if (list->empty()) {
      context.console.Note("no secrets; set one: ztsctl secret set NAME KEY < file");
      return ExitCode::kOk;
    }
    std::vector<std::vector<std::string>> rows = {{"FUNCTION", "KEY", "SET", "ENCRYPTED UNDER"}};
    for (const SecretInfo& one : *list) {
      rows.push_back({one.function, one.key, FormatAge(SystemClock().WallNow() - one.updated), one.key_id});
    }
    context.console.out() << RenderTable(rows) << std::flush;
    return ExitCode::kOk;
  });
}

ExitCode DeleteSecret(Context& context, const SecretOptions& options) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    if (const Status done = client.DeleteSecret(options.function, options.key); !done.ok()) return fail(done.error());
    if (context.console.json()) {
      context.console.PrintJson({{"name", options.function}, {"key", options.key}});
    } else {
      context.console.out() << "secret " << Printable(options.key) << " of " << Printable(options.function) << " deleted" << std::endl;
    }
    return ExitCode::kOk;
  });
}

ExitCode RotateSecrets(Context& context, NewKey key) {
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    const auto rotated = client.RotateSecrets(key == NewKey::kYes ? AdminClient::Key::kMakeNew : AdminClient::Key::kAsItIs);
    if (!rotated.ok()) return fail(rotated.error());
    if (context.console.json()) {
      context.console.PrintJson({{"key_id", rotated->key_id}, {"secrets", rotated->secrets}});
    } else {
      context.console.out() << rotated->secrets << " secrets are encrypted under key " << rotated->key_id
                            << "; older keys can be removed from the key file" << std::endl;
    }
    return ExitCode::kOk;
  });
}

ExitCode Audit(Context& context, const AuditOptions& options) {
  const auto since = LongDuration("--since", options.since);
  if (!since.ok()) return context.console.Fail(UsageFailure(since.error().message, "audit"));
  const Nanos from = *since == 0 ? 0 : SystemClock().WallNow() - *since;
  return WithAdmin(context, [&](AdminClient& client, const auto& fail) {
    Console& console = context.console;
    std::vector<std::vector<std::string>> rows = {{"TIME", "ACTOR", "ACTION", "TARGET", "RESULT", "FROM", "DETAIL"}};
    const Status listed = client.ListAudit(from, *since == 0 ? options.lines : 0, [&](const AuditEntry& entry) {
      if (console.json()) {
        console.PrintJson({{"time", FormatTimestamp(entry.time)}, {"actor", entry.actor}, {"action", entry.action},
            {"target", entry.target},
                           {"from", entry.peer}, {"result", entry.result}, {"detail", entry.detail}});
      } else {
        rows.push_back({FormatTimestamp(entry.time), Printable(entry.actor), Printable(entry.action),
                        entry.target.empty() ? "-" : Printable(entry.target), Printable(entry.result), Printable(entry.peer),
                        Printable(entry.detail)});
      }
    });
    if (!listed.ok()) return fail(listed.error());
    if (!console.json() && rows.size() > 1) console.out() << RenderTable(rows) << std::flush;
    return ExitCode::kOk;
  });
}

}  // namespace zts::cli
