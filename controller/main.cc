// zts-controller: flags, signals and the ready file; everything else is in controller.h.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "controller/controller.h"

namespace zts::controller {
namespace {

struct Flags {
  std::string data_dir;
  std::string listen = "127.0.0.1:7070";
  std::string worker_listen;
  std::string admin = "127.0.0.1:7071";
  std::string token_file;
  std::string secret_key_file;
  TlsFiles tls;
  bool insecure = false;
  std::string ready_file;
};

void Define(CLI::App& app, Flags& flags) {
  app.description("The control plane of zts: takes deploys, keeps them, and pushes them to workers.");
  app.add_option("--data-dir", flags.data_dir, "Where functions are kept; made when missing")->required();
  app.add_option("--listen", flags.listen, "Address for ztsctl and workers, HOST:PORT; port 0 picks one")->capture_default_str();
  app.add_option("--worker-listen", flags.worker_listen,
                 "Another address for workers alone, HOST:PORT, with memory of its own for what arrives: whoever may deploy cannot "
                 "hold up their streams");
  app.add_option("--admin", flags.admin, "Address of /metrics, /healthz and /readyz")->capture_default_str();
  app.add_option("--token-file", flags.token_file, "The first token, an admin's; made when missing (default: DATA-DIR.token)");
  app.add_option("--secret-key-file", flags.secret_key_file,
                 "The keys that functions' secrets are encrypted under; made when missing (default: DATA-DIR.secret-key)");
  app.add_option("--tls-cert", flags.tls.cert,
      "Certificate chain (PEM) to show to ztsctl and workers; renewed files are taken up by themselves");
  app.add_option("--tls-key", flags.tls.key, "Its private key (PEM)");
  app.add_option("--tls-ca", flags.tls.ca, "What workers' certificates are signed by (PEM); each worker is then who its certificate says");
  app.add_flag("--insecure", flags.insecure, "Listen without TLS on an address that others can reach");
  app.add_option("--ready-file", flags.ready_file, "Written when serving: {\"pid\", \"grpc\", \"workers\", \"admin\"}");
}

Status WriteReadyFile(const std::string& path, const Controller& controller) {
  const nlohmann::json ready = {{"pid", ::getpid()},
                                {"grpc", controller.rpc_address()},
                                {"workers", controller.worker_address()},
                                {"admin", controller.admin_address()}};
  return WriteFileAtomically(path, ready.dump() + "\n");
}

bool IsLoopback(const std::string& address) {
  return address.rfind("127.", 0) == 0 || address.rfind("localhost:", 0) == 0 || address.rfind("[::1]", 0) == 0;
}

// Flags and their addresses that other machines reach.
std::vector<std::pair<std::string, std::string>> Exposed(const Flags& flags) {
  std::vector<std::pair<std::string, std::string>> found;
  if (!IsLoopback(flags.listen)) found.emplace_back("--listen", flags.listen);
  if (!flags.worker_listen.empty() && !IsLoopback(flags.worker_listen)) found.emplace_back("--worker-listen", flags.worker_listen);
  return found;
}

int Fail(const Error& error) {
  ZTS_LOG(kError) << error.message;
  return error.code == ErrorCode::kInvalid ? 2 : 1;
}

int Run(const Flags& flags, const sigset_t& ending) {
  Controller::Options options;
  options.data_dir = flags.data_dir;
  options.listen = flags.listen;
  options.worker_listen = flags.worker_listen;
  options.admin = flags.admin;
  options.secret_key_file = flags.secret_key_file.empty() ? flags.data_dir + ".secret-key" : flags.secret_key_file;
  options.tls = flags.tls;
  const bool plain = flags.tls.cert.empty() && flags.tls.key.empty() && flags.tls.ca.empty();
  const auto exposed = plain ? Exposed(flags) : std::vector<std::pair<std::string, std::string>>{};
  if (!exposed.empty() && !flags.insecure) {
    return Fail(Invalid(exposed[0].first + " " + exposed[0].second +
        " can be reached by others, and tokens and secrets would travel in plain text; give --tls-cert and "
                        "--tls-key, or say --insecure where the network itself is trusted"));
  }
  options.token_file = flags.token_file.empty() ? flags.data_dir + ".token" : flags.token_file;
  auto controller = Controller::Start(std::move(options));
  if (!controller.ok()) return Fail(controller.error());
  for (const auto& [flag, address] : exposed) {
    ZTS_LOG(kWarning) << "listening on " << address << " without encryption; keep it inside a trusted network";
  }
  if (!flags.ready_file.empty()) {
    if (Status written = WriteReadyFile(flags.ready_file, **controller); !written.ok()) return Fail(written.error());
  }
  ZTS_LOG(kInfo) << "serving on " << (*controller)->rpc_address() << ", admin on http://" << (*controller)->admin_address();
  int signal = 0;
  ::sigwait(&ending, &signal);
  ZTS_LOG(kInfo) << "ending after " << ::strsignal(signal);
  if (!flags.ready_file.empty()) ::unlink(flags.ready_file.c_str());
  controller->reset();
  ZTS_LOG(kInfo) << "ended";
  return 0;
}

int Main(int argc, char** argv) {
  SetLogProcess("controller");
  Flags flags;
  CLI::App app;
  Define(app, flags);
  CLI11_PARSE(app, argc, argv);
  // Before the first thread, so that all of them leave these to sigwait.
  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGTERM);
  ::sigaddset(&ending, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ending, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is an error of the write, as a full disk is, and no death.
  ::signal(SIGXFSZ, SIG_IGN);
  return Run(flags, ending);
}

}  // namespace
}  // namespace zts::controller

int main(int argc, char** argv) { return zts::controller::Main(argc, argv); }
