-- Deletes an answer that has expired, or whatever is there. KEYS: the answer. ARGV: now in ms, '' for whatever is there.
-- Returns 1 if none is left.
local there = redis.call('GET', KEYS[1])
local ends = there and tonumber(string.match(there, '^(%d+)\n'))
if ARGV[1] ~= '' and ends and ends > tonumber(ARGV[1]) then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
