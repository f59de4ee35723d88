-- The load at saturation: one chat request with a prompt of about 1 KB, over and over. Arguments: the key, the model,
-- and further headers as "name: value".
local prompt = string.rep("Tell me about the gate and the wall. ", 28)

function init(arguments)
  local model = arguments[2]
  local stream = string.find(model, "^sse%-") ~= nil
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  wrk.headers["authorization"] = "Bearer " .. arguments[1]
  for at = 3, #arguments do
    local name, value = string.match(arguments[at], "^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  wrk.body = string.format(
    '{"model":"%s","stream":%s,"messages":[{"role":"user","content":"%s"}]}', model, tostring(stream), prompt)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"refused":%d,"broken":%d,"seconds":%.3f}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6))
end
