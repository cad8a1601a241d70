-- Takes a claim over whose place is shut. KEYS: the index entry. ARGV: the claim that was there, the new one, ms to keep
-- it. Returns 1 if it was taken or is the new one already, 0 if it changed meanwhile.
local there = redis.call('GET', KEYS[1])
if there and there ~= ARGV[1] and there ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
