-- Notes uses of old secrets of an account's keys; an older one than the stored is left, and so is one of a key that is gone.
-- KEYS: the set of keys that have one; then for each use the key's record and where the use is kept
-- ARGV: ms that it is kept; then for each use the key's id and the text, which begins with the instant
-- Returns how many were noted.
local noted = 0
for i = 1, (#KEYS - 1) / 2 do
  local record, place, id, text = KEYS[2 * i], KEYS[2 * i + 1], ARGV[2 * i], ARGV[2 * i + 1]
  local old = redis.call('GET', place)
  local is_newer = not old or tonumber(string.match(old, '^%d+')) < tonumber(string.match(text, '^%d+'))
  if is_newer and redis.call('EXISTS', record) == 1 then
    redis.call('SET', place, text, 'PX', ARGV[1])
    redis.call('SADD', KEYS[1], id)
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    noted = noted + 1
  end
end
return noted
