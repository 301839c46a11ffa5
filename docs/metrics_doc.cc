// Renews the tables in docs/metrics.md: `bazel run //docs:metrics_doc -- FILE` prints FILE with every table made from the code.
//
// A worker's metrics are in its table; the controller's are what its registry collects. A table stands between "<!-- table NAME -->" and
// "<!-- end -->", NAME a section of the worker's or "controller".
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "controller/metrics.h"
#include "worker/supervisor/metric_table.h"

namespace zts {
namespace {

constexpr std::string_view kBegin = "<!-- table ";
constexpr std::string_view kBeginEnd = " -->";
constexpr std::string_view kEnd = "<!-- end -->";
constexpr const char* kController = "controller";

std::string Row(std::string_view name, std::string_view type, const std::vector<std::string>& labels, std::string_view help) {
  std::string text;
  for (const std::string& label : labels) text += (text.empty() ? "`" : " `") + label + "`";
  return "| `" + std::string(name) + "` | " + std::string(type) + " | " + (text.empty() ? "-" : text) + " | " + std::string(help) +
         " |\n";
}

std::vector<std::string> Split(std::string_view labels) {
  std::vector<std::string> parts;
  std::istringstream in{std::string(labels)};
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part.substr(part.find_first_not_of(' ')));
  return parts;
}

std::string WorkerTable(const std::string& section) {
  std::string rows;
  for (const admin::MetricInfo& info : supervisor::AllMetrics()) {
    if (info.section == section) rows += Row(info.name, admin::MetricTypeName(info.type), Split(info.labels), info.help);
  }
  return rows;
}

std::string ControllerTable() {
  controller::Metrics metrics;
  // One event of each kind, so that every family has a sample to read labels from.
  metrics.OnDeploy("live", kSecond);
  metrics.OnCompile("ok", kSecond);
  metrics.OnRenewal("renewed");
  metrics.OnBlobServed(1);
  metrics.Watch([] { return controller::StateSample(); });
  std::string rows;
  for (const prometheus::MetricFamily& family : metrics.collectable()->Collect()) {
    std::vector<std::string> labels;
    if (!family.metric.empty()) {
      for (const auto& label : family.metric[0].label) labels.push_back(label.name);
    }
    const char* type = family.type == prometheus::MetricType::Counter   ? "counter"
                       : family.type == prometheus::MetricType::Gauge   ? "gauge"
                       : family.type == prometheus::MetricType::Summary ? "summary"
                                                                        : "histogram";
    rows += Row(family.name, type, labels, family.help);
  }
  return rows;
}

// The page with its tables renewed. Sections that it lacks, and tables that the code does not know, are told.
int Renew(std::istream& page, std::ostream& out) {
  std::set<std::string> missing{kController};
  for (const admin::MetricInfo& info : supervisor::AllMetrics()) missing.insert(std::string(info.section));
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == kEnd) inside = false;
    if (inside) continue;
    out << line << "\n";
    if (!line.starts_with(kBegin)) continue;
    inside = true;
    const std::string name = line.substr(kBegin.size(), line.size() - kBegin.size() - kBeginEnd.size());
    if (missing.erase(name) == 0) {
      std::cerr << "metrics_doc: there is no section " << name << ", or it stands twice\n";
      return 1;
    }
    out << "| name | type | labels | meaning |\n|---|---|---|---|\n" << (name == kController ? ControllerTable() : WorkerTable(name));
  }
  for (const std::string& name : missing) std::cerr << "metrics_doc: no table for the section " << name << "\n";
  return missing.empty() && !inside ? 0 : 1;
}

}  // namespace
}  // namespace zts

int main(int argc, char** argv) {
  std::ifstream page(argc == 2 ? argv[1] : "");
  if (!page.good()) {
    std::cerr << "metrics_doc FILE\n";
    return 2;
  }
  return zts::Renew(page, std::cout);
}
