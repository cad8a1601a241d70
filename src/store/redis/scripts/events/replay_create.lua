-- Makes a job of replay.
-- KEYS: job, jobs, running, the account's jobs; the change's
-- ARGV: id, most that may be running of all and of one account, 1 where it is of one account, number of fields' names and values, these; the change's
-- Returns 1.
local job, jobs, running, of_account = key(), key(), key(), key()
local id, most, most_of_account, is_of_account = arg(), tonumber(arg()), tonumber(arg()), arg() == '1'
local values = fields()
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
local under_way, its_own = redis.call('ZRANGE', running, 0, -1), 0
for _, other in ipairs(under_way) do
  if is_of_account and redis.call('SISMEMBER', of_account, other) == 1 then
    its_own = its_own + 1
  end
end
if #under_way >= most or its_own >= most_of_account then
  return redis.error_reply('CONFLICT as many replays are running as may')
end
redis.call('HSET', job, unpack(values))
redis.call('ZADD', jobs, 0, id)
redis.call('ZADD', running, 0, id)
if is_of_account then
  redis.call('SADD', of_account, id)
end
write_change()
return 1
