-- A gateway as one writes it for nginx and Redis, the yardstick of compare_redis.sh: key, scope and token bucket in one
-- script call a request, usage counted here and written each second; never a part of fuelgate.
local redis = require "nginx.redis"

local gate = {}

-- KEYS: the key's record, its bucket. ARGV: rate a millisecond, burst. Redis' own time, so that nodes agree.
local SCRIPT = [[
local record = redis.call('HMGET', KEYS[1], 'account', 'id', 'scopes', 'status', 'expires_at')
if not record[1] then return {0} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local bucket = redis.call('HMGET', KEYS[2], 'tokens', 'at')
local burst, rate = tonumber(ARGV[2]), tonumber(ARGV[1])
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + math.max(0, now - (tonumber(bucket[2]) or now)) * rate)
local admitted = 0
if tokens >= 1 then
  tokens = tokens - 1
  admitted = 1
end
redis.call('HSET', KEYS[2], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[2], 60000)
return {1, admitted, math.floor(tokens), record[1], record[2], record[3], record[4], record[5]}
]]

local sha

local function connect()
  local client = redis:new()
  client:set_timeout(1000)
  assert(client:connect("127.0.0.1", gate.redis_port))
  return client
end

local function refuse(status, code)
  ngx.status = status
  ngx.header["Content-Type"] = "application/problem+json"
  ngx.header["X-Fuelgate-Error"] = code
  ngx.say('{"code":"', code, '","status":', status, '}')
  return ngx.exit(status)
end

function gate.access()
  local authorization = ngx.var.http_authorization
  local secret = authorization and authorization:match("^Bearer ([%w_]+)$")
  if not secret then return refuse(401, "missing_credentials") end
  local digest = ngx.encode_base64(ngx.hmac_sha1("0123456789abcdef0123456789abcdef", secret))
  local client = connect()
  if not sha then sha = assert(client:script("load", SCRIPT)) end
  local found, problem = client:evalsha(sha, 2, "key:" .. digest, "bucket:" .. digest, gate.rate, gate.burst)
  client:set_keepalive(60000, 128)
  if not found then
    ngx.log(ngx.ERR, problem)
    return refuse(503, "store_unavailable")
  end
  if found[1] == 0 then return refuse(401, "invalid_key") end
  if found[7] ~= "active" then return refuse(401, "revoked_key") end
  if found[8] ~= "" and tonumber(found[8]) < ngx.time() then return refuse(401, "expired_key") end
  if not (" " .. found[6] .. " "):find(" contacts:read ", 1, true) then return refuse(403, "insufficient_scope") end
  if found[2] == 0 then return refuse(429, "rate_limited") end
  ngx.ctx.account, ngx.ctx.key, ngx.ctx.remaining = found[4], found[5], found[3]
  local id = ngx.var.request_id
  ngx.req.clear_header("Authorization")
  ngx.req.set_header("X-Fuelgate-Account", found[4])
  ngx.req.set_header("X-Fuelgate-Key-Id", found[5])
  ngx.req.set_header("X-Fuelgate-Scopes", found[6])
  ngx.req.set_header("X-Request-Id", id)
  ngx.req.set_header("X-Forwarded-For", ngx.var.remote_addr)
  ngx.req.set_header("X-Forwarded-Proto", "http")
  ngx.req.set_header("X-Forwarded-Host", ngx.var.host)
end

function gate.header()
  ngx.header["X-Request-Id"] = ngx.var.request_id
  if ngx.ctx.remaining then
    ngx.header["RateLimit-Policy"] = '"burst";q=' .. gate.burst .. ';w=1'
    ngx.header["RateLimit"] = '"burst";r=' .. ngx.ctx.remaining .. ';t=1'
  end
end

function gate.log()
  if not ngx.ctx.key then return end
  local usage = ngx.shared.usage
  local class = math.floor(ngx.status / 100)
  local hour = ngx.time() - ngx.time() % 3600
  usage:incr("k|" .. hour .. "|" .. ngx.ctx.account .. "|" .. ngx.ctx.key .. "|" .. class, 1, 0)
  usage:incr("r|" .. hour .. "|" .. ngx.ctx.account .. "|GET /v1/contacts", 1, 0)
end

local function flush()
  local usage = ngx.shared.usage
  local client = connect()
  for _, name in ipairs(usage:get_keys(0)) do
    local n = usage:get(name)
    if n and n > 0 then
      usage:incr(name, -n)
      client:hincrby("usage", name, n)
    end
  end
  client:set_keepalive(60000, 128)
end

function gate.start()
  assert(ngx.timer.every(1, flush))
end

return gate
