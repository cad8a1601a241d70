-- Claims a digest for a key. KEYS: the bucket of the index. ARGV: the digest, "<account> <key id>". Returns {1, the entry
-- now}, or {0, the entry} where it is another key's. Each claim makes another entry, so that an entry that somebody saw
-- before is not taken for the present one.
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and string.match(there, '^(%S+ %S+) ') ~= ARGV[2] then
  return { 0, there }
end
local time = redis.call('TIME')
local entry = string.format('%s %s%06d', ARGV[2], time[1], time[2])
redis.call('HSET', KEYS[1], ARGV[1], entry)
return { 1, entry }
