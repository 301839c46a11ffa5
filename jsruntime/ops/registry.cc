#include "jsruntime/ops/registry.h"

#include <vector>

#include "base/bytes.h"

#include "jsruntime/ops/base64.h"
#include "jsruntime/ops/brotli.h"
#include "jsruntime/ops/compression.h"
#include "jsruntime/ops/body_stream.h"
#include "jsruntime/ops/console.h"
#include "jsruntime/ops/async_context.h"
#include "jsruntime/ops/builtin.h"
#include "jsruntime/ops/crypto.h"
#include "jsruntime/ops/crypto_cipher.h"
#include "jsruntime/ops/crypto_derive.h"
#include "jsruntime/ops/crypto_hash.h"
#include "jsruntime/ops/crypto_key.h"
#include "jsruntime/ops/crypto_sign.h"
#include "jsruntime/ops/crypto_stream_cipher.h"
#include "jsruntime/ops/encoding.h"
#include "jsruntime/ops/fetch.h"
#include "jsruntime/ops/format.h"
#include "jsruntime/ops/lazy.h"
#include "jsruntime/ops/legacy_text.h"
#include "jsruntime/ops/performance.h"
#include "jsruntime/ops/request.h"
#include "jsruntime/ops/response.h"
#include "jsruntime/ops/structured_clone.h"
#include "jsruntime/ops/timers.h"
#include "jsruntime/ops/url.h"
#include "jsruntime/ops/wasm.h"

namespace zts::js {
namespace {

std::vector<Op> AllOps() {
  std::vector<Op> all;
  const auto add = [&all](std::span<const Op> ops) { all.insert(all.end(), ops.begin(), ops.end()); };
  add(ConsoleOps());
  add(RequestOps());
  add(ResponseOps());
  add(TimersOps());
  add(UrlOps());
  add(EncodingOps());
  add(Base64Ops());
  add(StructuredCloneOps());
  add(CryptoOps());
  add(CryptoHashOps());
  add(CryptoKeyOps());
  add(CryptoSignOps());
  add(CryptoStreamCipherOps());
  add(CryptoCipherOps());
  add(CryptoDeriveOps());
  add(AsyncContextOps());
  add(BuiltinOps());
  add(PerformanceOps());
  add(FormatOps());
  add(LazyOps());
  add(LegacyTextOps());
  add(CompressionOps());
  add(BrotliOps());
  add(FetchOps());
  add(BodyStreamOps());
  add(WasmOps());
  return all;
}

}  // namespace

std::span<const Op> Ops() {
  static const std::vector<Op> all = AllOps();
  return all;
}

const intptr_t* ExternalReferences() {
  static const std::vector<intptr_t> references = [] {
    std::vector<intptr_t> list;
    for (const Op& op : Ops()) list.push_back(reinterpret_cast<intptr_t>(op.callback));
    list.push_back(LazyGetterReference());
    list.push_back(0);
    return list;
  }();
  return references.data();
}

std::string NativeTableKey() {
  std::string names;
  for (const Op& op : Ops()) names.append(op.name).append(1, '\n');
  return std::to_string(HashOf(names));
}

}  // namespace zts::js
