# One test a process: the worker evaluates the script that it is bound to and answers with its results.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "test", worker = (
      modules = [
        (name = "peer", esModule = embed "workerd.mjs"),
      ],
      bindings = [
        (name = "script", text = embed "SCRIPT"),
        (name = "unsafe", unsafeEval = void),
      ],
      compatibilityDate = "2026-11-01",
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "test")],
);
