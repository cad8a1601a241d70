-- Notes how far an erasure came, unless it ended. KEYS: erasing mark, how far it came. ARGV: field, value. Returns 1.
local mark = redis.call('GET', KEYS[1])
if mark and mark ~= 'erased' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return 1
