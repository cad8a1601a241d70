-- Writes uses of old secrets of an account's keys where none of them changed since they were read; those of a key that is gone
-- are left out. Sent twice it does what it did: what is to be written begins with a mark that no other call has.
-- KEYS: the set of keys that have some; then for each key its record and where its uses are kept
-- ARGV: ms that they are kept; then for each key its id, the text that was read (empty for none) and the text to be written
-- Returns 1, or 0 where something changed and nothing was written.
local count = (#KEYS - 1) / 2
for i = 1, count do
  local now = redis.call('GET', KEYS[2 * i + 1]) or ''
  if now ~= ARGV[3 * i] and now ~= ARGV[3 * i + 1] then
    return 0
  end
end
for i = 1, count do
  if redis.call('EXISTS', KEYS[2 * i]) == 1 then
    redis.call('SET', KEYS[2 * i + 1], ARGV[3 * i + 1], 'PX', ARGV[1])
    redis.call('SADD', KEYS[1], ARGV[3 * i - 1])
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
end
return 1
