-- Takes a digest over from a key that may not have it any more. KEYS: the bucket. ARGV: the digest, the entry that was
-- there, "<account> <key id>". Returns {1, the entry now}, or {0, the entry} where it is another than that which was.
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and there ~= ARGV[2] and string.match(there, '^(%S+ %S+) ') ~= ARGV[3] then
  return { 0, there }
end
local time = redis.call('TIME')
local entry = string.format('%s %s%06d', ARGV[3], time[1], time[2])
redis.call('HSET', KEYS[1], ARGV[1], entry)
return { 1, entry }
