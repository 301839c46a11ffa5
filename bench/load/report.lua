-- wrk's side of a measurement: argument 1 is how deep to pipeline; the figures come out as one line of JSON.
local depth = 1
local batch

function init(args)
  depth = tonumber(args[1] or "1")
  local one = wrk.format("GET")
  local parts = {}
  for i = 1, depth do parts[i] = one end
  batch = table.concat(parts)
end

function request()
  return batch
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50_us": %d, "p90_us": %d, "p99_us": %d, "p999_us": %d, "max_us": %d, ' ..
    '"errors": %d, "bytes": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max, e.connect + e.read + e.write + e.status + e.timeout, summary.bytes))
end
