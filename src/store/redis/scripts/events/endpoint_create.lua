-- Makes an endpoint.
-- KEYS: erasing, endpoint, roster, endpoints; the change's
-- ARGV: id, most endpoints of an account, the roster's new revision, the endpoint's line in it, number of fields' names
--   and values, these; the change's
-- Returns 1.
local erasing, endpoint, roster, endpoints = key(), key(), key(), key()
local id, most, revision, line = arg(), tonumber(arg()), arg(), arg()
local values = fields()
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
if redis.call('GET', erasing) == 'erasing' then
  return redis.error_reply('CONFLICT the account is being erased')
end
-- One of the roster's fields is its revision.
if redis.call('HLEN', roster) - redis.call('HEXISTS', roster, 'revision') >= most then
  return redis.error_reply('CONFLICT the account has as many endpoints as it may')
end
if redis.call('EXISTS', endpoint) == 1 then
  return redis.error_reply('CONFLICT there is an endpoint with this id')
end
redis.call('HSET', endpoint, unpack(values))
redis.call('HSET', roster, 'revision', revision, id, line)
redis.call('ZADD', endpoints, 0, id)
write_change()
return 1
