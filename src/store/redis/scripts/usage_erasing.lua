-- Notes in a shard's slot that an account is being erased now, so that no piece of a batch that saw it before adds its rows.
-- KEYS  1 erasures: a sorted set, account -> second
-- ARGV  1 account  2 seconds that it is remembered
-- Returns nothing.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
