#include "cli/admin_verbs.h"

namespace zts::cli {
namespace {

constexpr const char* kTokenHelp = R"(Makes, shows and takes back the tokens that calls to the controller carry.)";
constexpr const char* kTokenFooter =
    R"(Roles: admin (everything), deployer (deploys, deletes, secrets), viewer (looks), worker (serves functions).
A scope is NAMESPACE or NAMESPACE/FUNCTION, with '*' for any run of characters.

Examples:
  ztsctl token create --role deployer --scope shop --name ci --expires 90d
  ztsctl token list
  ztsctl token revoke 1a2b3c4d)";

constexpr const char* kTokenCreateHelp = R"(Makes a token and prints it, this once: only its hash is kept.)";
constexpr const char* kTokenCreateFooter = R"(Example:
  ZTS_TOKEN=$(ztsctl token create --role deployer --scope 'shop/api-*') ztsctl deploy api-v2.js --namespace shop)";
constexpr const char* kTokenListHelp = R"(Shows the tokens there are: never the tokens themselves.)";
constexpr const char* kTokenRevokeHelp = R"(Takes a token back. Calls that are open with it end.)";

constexpr const char* kNamespaceHelp =
    R"(Makes, shows, changes and removes namespaces: functions of one team under quotas of their own.)";
constexpr const char* kNamespaceFooter =
    R"(The function NAME of namespace NS is called NAME.NS. It answers at /NAME.NS on every host, at every path of
NAME.NS.localhost, and at its routes. Functions without a namespace are in 'default'.

Examples:
  ztsctl namespace create shop --max-functions 50 --max-bytes 1GiB --max-deploys 30
  ztsctl deploy cart.js --namespace shop
  ztsctl namespace list)";
constexpr const char* kNamespaceCreateHelp = R"(Makes a namespace. A quota that is left out does not bound it.)";
constexpr const char* kNamespaceSetHelp = R"(Gives a namespace new quotas; those left out bound it no longer. What is deployed stays.)";
constexpr const char* kNamespaceListHelp = R"(Shows the namespaces, what is in them, and what may be.)";
constexpr const char* kNamespaceDeleteHelp = R"(Removes a namespace that has no functions.)";

constexpr const char* kSecretHelp =
    R"(Sets, shows and removes secrets: values that a function sees in env, kept encrypted and shown to nobody.)";
constexpr const char* kSecretFooter = R"(A secret goes before a variable of the same name that was deployed with --env.

Examples:
  ztsctl secret set shop DB_PASSWORD < password.txt
  ztsctl secret list shop
  ztsctl secret rotate --new-key)";
constexpr const char* kSecretSetHelp =
    R"(Sets a secret of a function; the value comes from standard input or a file, never from the command line.)";
constexpr const char* kSecretSetFooter = R"(A function that is deployed gets it on all workers at once. One line feed at the end is dropped.

Examples:
  ztsctl secret set shop DB_PASSWORD < password.txt
  ztsctl secret set shop TLS_KEY --file key.pem)";
constexpr const char* kSecretListHelp = R"(Shows the names of secrets, never their values.)";
constexpr const char* kSecretDeleteHelp = R"(Removes a secret.)";
constexpr const char* kSecretRotateHelp = R"(Reads the controller's key file again and encrypts every secret under its first key.)";
constexpr const char* kSecretRotateFooter =
    R"(Put a new key in front of the old ones in the file, rotate, then remove the old ones; or let the controller
make the key.

Examples:
  ztsctl secret rotate
  ztsctl secret rotate --new-key)";

constexpr const char* kAuditHelp = R"(Shows who changed what, when and from where, and which calls were refused.)";
constexpr const char* kAuditFooter = R"(Examples:
  ztsctl audit --since 7d
  ztsctl audit --json | jq 'select(.result == "denied")')";

constexpr const char* kBackupHelp = R"(Writes all that the controller knows to a file, while it goes on working.)";
constexpr const char* kBackupFooter =
    R"(The file is written beside its name and checked before it gets it. The key that secrets are encrypted under is not
in it: keep the key file elsewhere.

Example:
  ztsctl backup zts-$(date +%F).backup)";
constexpr const char* kRestoreHelp =
    R"(Puts a backup into an empty data directory. The file is checked before anything is written; nothing is overwritten.)";
constexpr const char* kRestoreFooter = R"(Examples:
  ztsctl restore zts.backup --data-dir /var/lib/zts --secret-key-file secret.key
  ztsctl restore zts.backup --data-dir /data --bare      for a zts-controller of its own)";

}  // namespace

void AdminVerbs::Add(const Host& host) {
  host_ = host;
  AddTokens();
  AddNamespaces();
  AddSecrets();
  AddAudit();
  AddBackups();
}

void AdminVerbs::AddTokens() {
  CLI::App* token = host_.add("token", kTokenHelp, kTokenFooter);
  token->require_subcommand(1);
  CLI::App* create = host_.add_below(token, "create", kTokenCreateHelp, kTokenCreateFooter);
  create->add_option("--role", token_.role, "admin, deployer, viewer or worker [deployer]")
      ->check(CLI::IsMember({"admin", "deployer", "viewer", "worker"}).description(""))
      ->type_name("ROLE");
  create->add_option("--scope", token_.scopes, "What it reaches; repeatable [everything]")
      ->type_name("NAMESPACE[/FUNCTION]")
      ->take_all()
      ->allow_extra_args(false);
  create->add_option("--name", token_.name, "What to call it in lists and in the audit trail")->type_name("NAME");
  create->add_option("--expires", token_.expires, "How long it lives, as 12h or 90d [for ever]")->type_name("TIME");
  host_.run(create, [this](Context& context) { return CreateToken(context, token_); });
  host_.run(host_.add_below(token, "list", kTokenListHelp, ""), ListTokens);
  CLI::App* revoke = host_.add_below(token, "revoke", kTokenRevokeHelp, "");
  revoke->add_option("ID", word_, "As 'ztsctl token list' shows it")->required()->type_name("");
  host_.run(revoke, [this](Context& context) { return RevokeToken(context, word_); });
}

void AdminVerbs::AddQuotas(CLI::App* verb) {
  verb->add_option("NAME", namespace_.name, "The namespace")->required()->type_name("");
  verb->add_option("--max-functions", namespace_.functions_max, "Functions in it")->type_name("N");
  verb->add_option("--max-versions", namespace_.versions_max, "Versions of all of them together")->type_name("N");
  verb->add_option("--max-bytes", namespace_.stored_bytes_max, "Bytes of all versions together, as 64MiB or 1GiB")->type_name("SIZE");
  verb->add_option("--max-deploys", namespace_.deploys_per_minute, "Deploys a minute")->type_name("N");
}

void AdminVerbs::AddNamespaces() {
  CLI::App* verb = host_.add("namespace", kNamespaceHelp, kNamespaceFooter);
  verb->require_subcommand(1);
  CLI::App* create = host_.add_below(verb, "create", kNamespaceCreateHelp, "");
  AddQuotas(create);
  host_.run(create, [this](Context& context) { return CreateNamespace(context, namespace_); });
  CLI::App* change = host_.add_below(verb, "set", kNamespaceSetHelp, "");
  AddQuotas(change);
  host_.run(change, [this](Context& context) { return ChangeNamespace(context, namespace_); });
  host_.run(host_.add_below(verb, "list", kNamespaceListHelp, ""), ListNamespaces);
  CLI::App* remove = host_.add_below(verb, "delete", kNamespaceDeleteHelp, "");
  remove->add_option("NAME", word_, "The namespace")->required()->type_name("");
  host_.run(remove, [this](Context& context) { return DeleteNamespace(context, word_); });
}

SecretOptions AdminVerbs::Qualified() const {
  SecretOptions options = secret_;
  options.function = host_.qualify(options.function);
  return options;
}

void AdminVerbs::AddSecrets() {
  CLI::App* verb = host_.add("secret", kSecretHelp, kSecretFooter);
  verb->require_subcommand(1);
  CLI::App* set = host_.add_below(verb, "set", kSecretSetHelp, kSecretSetFooter);
  set->add_option("NAME", secret_.function, "The function")->required()->type_name("");
  set->add_option("KEY", secret_.key, "What it is called in env")->required()->type_name("");
  set->add_option("--file", secret_.file, "Read the value from this file [standard input]")->type_name("FILE");
  host_.run(set, [this](Context& context) { return SetSecret(context, Qualified()); });
  CLI::App* list = host_.add_below(verb, "list", kSecretListHelp, "");
  list->add_option("NAME", secret_.function, "Only this function's")->type_name("");
  host_.run(list, [this](Context& context) { return ListSecrets(context, Qualified().function); });
  CLI::App* remove = host_.add_below(verb, "delete", kSecretDeleteHelp, "");
  remove->add_option("NAME", secret_.function, "The function")->required()->type_name("");
  remove->add_option("KEY", secret_.key, "The secret")->required()->type_name("");
  host_.run(remove, [this](Context& context) { return DeleteSecret(context, Qualified()); });
  CLI::App* rotate = host_.add_below(verb, "rotate", kSecretRotateHelp, kSecretRotateFooter);
  rotate->add_flag("--new-key", new_key_, "The controller makes a new key and puts it first in its key file");
  host_.run(rotate, [this](Context& context) { return RotateSecrets(context, new_key_ ? NewKey::kYes : NewKey::kNo); });
}

void AdminVerbs::AddAudit() {
  CLI::App* verb = host_.add("audit", kAuditHelp, kAuditFooter);
  verb->add_option("--since", audit_.since, "All of this last time, as 12h or 7d")->type_name("TIME");
  verb->add_option("-n,--lines", audit_.lines, "Otherwise the newest this many [100]")
      ->check(CLI::Range(1, 100000).description(""))
      ->type_name("N");
  host_.run(verb, [this](Context& context) { return Audit(context, audit_); });
}

void AdminVerbs::AddBackups() {
  CLI::App* backup = host_.add("backup", kBackupHelp, kBackupFooter);
  backup->add_option("FILE", word_, "The file to write")->required()->type_name("");
  host_.run(backup, [this](Context& context) { return Backup(context, word_); });
  CLI::App* restore = host_.add("restore", kRestoreHelp, kRestoreFooter);
  restore->add_option("FILE", restore_.file, "The backup")->required()->type_name("");
  restore->add_option("--secret-key-file", restore_.secret_key_file, "The key file of the controller that was backed up")
      ->type_name("FILE");
  restore->add_flag("--bare", restore_.bare, "Into --data-dir itself, for a zts-controller that 'up' does not start");
  host_.run(restore, [this](Context& context) { return Restore(context, restore_); });
}

}  // namespace zts::cli
