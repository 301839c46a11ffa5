// Every metric of a worker, once: name, type, labels, meaning. docs/metrics.md is made from it, and a scrape gives these and no other.
//
// Thread:   constants.
#pragma once

#include <span>

#include "admin/metric_info.h"

namespace zts::supervisor {

std::span<const admin::MetricInfo> AllMetrics();

}  // namespace zts::supervisor
