-- Puts one member of a list in place of another. KEYS: the list. ARGV: the old member, the new one. Returns 1.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], 0, ARGV[2])
return 1
