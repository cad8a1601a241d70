-- Deletes keys of an account. KEYS: ids of keys, live keys, records…. ARGV: the ids. Returns 1.
for i, id in ipairs(ARGV) do
  redis.call('DEL', KEYS[i + 2])
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return 1
