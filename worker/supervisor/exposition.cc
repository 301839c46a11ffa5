#include "worker/supervisor/exposition.h"

#include <charconv>
#include <unordered_map>

#include "base/check.h"
#include "worker/supervisor/metric_table.h"

namespace zts::supervisor {
namespace {

constexpr double kQuantiles[] = {0.5, 0.99, 0.999};
constexpr const char* kQuantileTexts[] = {"0.5", "0.99", "0.999"};

template <typename Number>
void AppendNumber(std::string* out, Number value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  out->append(text, end.ptr);
}

void AppendName(std::string* out, std::string_view name, std::string_view suffix, std::string_view labels,
                std::string_view extra = {}) {
  out->append(name).append(suffix);
  if (!labels.empty() || !extra.empty()) {
    out->append("{").append(labels);
    if (!labels.empty() && !extra.empty()) out->append(",");
    out->append(extra).append("}");
  }
  out->append(" ");
}

const std::unordered_map<std::string_view, size_t>& IndexOfNames() {
  static const auto* index = [] {
    auto* made = new std::unordered_map<std::string_view, size_t>();
    for (size_t i = 0; i < AllMetrics().size(); ++i) (*made)[AllMetrics()[i].name] = i;
    return made;
  }();
  return *index;
}

}  // namespace

Buckets::Buckets(std::span<const Octaves> octaves) {
  for (const Octaves& part : octaves) {
    ZTS_CHECK(ipc::Histogram::kSteps % part.steps == 0);
    for (int power = part.first_power; power < part.last_power; ++power) {
      const Nanos base = Nanos{1} << power;
      for (int step = 0; step < part.steps; ++step) Add(base + base / part.steps * step);
    }
  }
  Add(Nanos{1} << octaves.back().last_power);
}

void Buckets::Add(Nanos bound) {
  std::string text = "le=\"";
  AppendNumber(&text, static_cast<double>(bound) / 1e9);
  bounds_.push_back({ipc::Histogram::BucketOf(bound), text + "\""});
}

std::string Label(std::string_view name, std::string_view value) {
  std::string label(name);
  label += "=\"";
  for (const char c : value) {
    if (c == '\n') {
      label += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') label += '\\';
    label += c;
  }
  return label + "\"";
}

Exposition::Exposition() {
  families_.reserve(AllMetrics().size());
  for (const admin::MetricInfo& info : AllMetrics()) families_.push_back({"", info.type});
}

Exposition::Family& Exposition::Of(std::string_view name) {
  const auto found = IndexOfNames().find(name);
  ZTS_CHECK(found != IndexOfNames().end());
  return families_[found->second];
}

void Exposition::Add(std::string_view name, uint64_t value, std::string_view labels) {
  Family& family = Of(name);
  ZTS_CHECK(family.type == admin::MetricType::kCounter || family.type == admin::MetricType::kGauge);
  AppendName(&family.samples, name, "", labels);
  AppendNumber(&family.samples, value);
  family.samples += '\n';
}

void Exposition::AddReal(std::string_view name, double value, std::string_view labels) {
  Family& family = Of(name);
  ZTS_CHECK(family.type == admin::MetricType::kCounter || family.type == admin::MetricType::kGauge);
  AppendName(&family.samples, name, "", labels);
  AppendNumber(&family.samples, value);
  family.samples += '\n';
}

void Exposition::AddHistogram(std::string_view name, const HistogramView& view, const Buckets& buckets, std::string_view labels) {
  Family& family = Of(name);
  ZTS_CHECK(family.type == admin::MetricType::kHistogram);
  std::string& out = family.samples;
  uint64_t below = 0;
  int fine = 0;
  for (const Buckets::Bound& bound : buckets.bounds()) {
    while (fine < bound.fine_end) below += view.bucket(fine++);
    AppendName(&out, name, "_bucket", labels, bound.text);
    AppendNumber(&out, below);
    out += '\n';
  }
  AppendName(&out, name, "_bucket", labels, "le=\"+Inf\"");
  AppendNumber(&out, view.count());
  out += '\n';
  AppendName(&out, name, "_sum", labels);
  AppendNumber(&out, view.sum_seconds());
  out += '\n';
  AppendName(&out, name, "_count", labels);
  AppendNumber(&out, view.count());
  out += '\n';
}

void Exposition::AddSummary(std::string_view name, const HistogramView* window, const HistogramView& total,
                            std::string_view labels) {
  Family& family = Of(name);
  ZTS_CHECK(family.type == admin::MetricType::kSummary);
  std::string& out = family.samples;
  for (size_t i = 0; i < std::size(kQuantiles); ++i) {
    AppendName(&out, name, "", labels, Label("quantile", kQuantileTexts[i]));
    if (window != nullptr && window->count() > 0) {
      AppendNumber(&out, window->Quantile(kQuantiles[i]));
    } else {
      out += "NaN";
    }
    out += '\n';
  }
  AppendName(&out, name, "_sum", labels);
  AppendNumber(&out, total.sum_seconds());
  out += '\n';
  AppendName(&out, name, "_count", labels);
  AppendNumber(&out, total.count());
  out += '\n';
}

std::string Exposition::Take() {
  size_t bytes = 0;
  for (const Family& family : families_) bytes += family.samples.size() + 256;
  std::string text;
  text.reserve(bytes);
  for (size_t i = 0; i < families_.size(); ++i) {
    if (families_[i].samples.empty()) continue;
    const admin::MetricInfo& info = AllMetrics()[i];
    text.append("# HELP ").append(info.name).append(" ").append(info.help).append("\n");
    text.append("# TYPE ").append(info.name).append(" ").append(admin::MetricTypeName(info.type)).append("\n");
    text.append(std::exchange(families_[i].samples, {}));
  }
  return text;
}

}  // namespace zts::supervisor
