-- Replaces all lines of a record but the first, where they are as expected.
-- KEYS: record, the mark that keeps the key from its new digest. ARGV: both lines as expected, both lines as they are to be.
-- Returns 1 if they are now, 0 if they were others, or the mark is there.
local text = redis.call('GET', KEYS[1])
if not text then
  return 0
end
local used = key_parts(text)
local lines = string.sub(text, #used + 1)
if lines == ARGV[2] then
  return 1
end
if lines ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('SET', KEYS[1], used .. ARGV[2])
return 1
