-- Makes a job of replay.
-- KEYS: job, jobs, running, the account's jobs; the change's
-- ARGV: id, most that may be running, 1 where it is of one account, number of fields' names and values, these; the change's
-- Returns 1.
local job, jobs, running, of_account = key(), key(), key(), key()
local id, most, is_of_account = arg(), tonumber(arg()), arg() == '1'
local values = fields()
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
if redis.call('ZCARD', running) >= most then
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
