-- Shuts the place where another change would put its answer, unless it has. KEYS: the answer. ARGV: the instant of the
-- change that asks in ms, ms to keep it shut. Returns 0 where there is an answer that still holds, else 1.
local there = redis.call('GET', KEYS[1])
local ends = there and tonumber(string.match(there, '^(%d+)\n'))
if ends and ends > tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], 'void', 'PX', ARGV[2])
return 1
