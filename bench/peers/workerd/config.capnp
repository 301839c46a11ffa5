# The port is given on the command line: --socket-addr http=127.0.0.1:PORT
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "workloads", worker = (
      modules = [
        (name = "server", esModule = embed "server.mjs"),
        (name = "workloads.mjs", esModule = embed "../workloads.mjs"),
      ],
      compatibilityDate = "2026-11-01",
    )),
  ],
  sockets = [(name = "http", http = (), service = "workloads")],
);
