-- Deletes an entry that still has the value it had. KEYS: the entry. ARGV: the value. Returns 1 if it did.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
