-- The load of the benchmark: one chat request with a prompt of about 1 KB, over and over.
local prompt = string.rep("Tell me about the gate and the wall. ", 28)

function init(arguments)
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  wrk.headers["authorization"] = "Bearer " .. arguments[1]
  wrk.body = '{"model":"bench","messages":[{"role":"user","content":"' .. prompt .. '"}]}'
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"failed":%d,"seconds":%.3f,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
