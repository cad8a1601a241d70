-- What clients send while a build that counts is trained: reads above all, writes, and what a gateway refuses.
local key = os.getenv("FUELGATE_KEY")
local function with(secret, more)
  local fields = { ["Authorization"] = "Bearer " .. secret, ["User-Agent"] = "train/1", ["Accept"] = "application/json" }
  for name, value in pairs(more or {}) do fields[name] = value end
  return fields
end

local json = { ["Content-Type"] = "application/json" }
local body = '{"name":"Ada Lovelace","email":"ada@example.com"}'
local mix = {}
local function add(times, method, path, fields, text)
  for _ = 1, times do mix[#mix + 1] = wrk.format(method, path, fields, text) end
end
-- Set here and not above, since wrk knows its host only once a thread begins.
function init()
  add(40, "GET", "/v1/contacts?limit=20&status=open", with(key))
  add(20, "GET", "/v1/contacts/c_17", with(key, { ["Accept-Encoding"] = "gzip", ["Cookie"] = "a=b", ["X-Request-Id"] = "r-1" }))
  add(10, "GET", "/v1/deals/d_4", with(key))
  add(6, "POST", "/v1/contacts", with(key, json), body)
  add(3, "PATCH", "/v1/contacts/c_17", with(key, json), body)
  add(1, "GET", "/v1/reports/pipeline", with(key))
  add(1, "GET", "/v1/nothing/here", with(key))
  add(1, "GET", "/v1/contacts", with("lf_live_nosuchkey"))
end

local at = 0
function request()
  at = at % #mix + 1
  return mix[at]
end
