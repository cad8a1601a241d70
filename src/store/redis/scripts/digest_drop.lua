-- Deletes a digest's entry. KEYS: the bucket. ARGV: the digest, how the entry must begin. Returns 1 if it did.
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and string.sub(there, 1, #ARGV[2]) == ARGV[2] then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
