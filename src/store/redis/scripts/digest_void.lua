-- Keeps a key from getting a digest that it claimed and does not have. KEYS: the key's record, the mark that keeps it from
-- that. ARGV: the digest in hex, ms for which the mark stays. Returns 0 where the key has the digest, else 1.
if key_has(redis.call('GET', KEYS[1]), ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 1
