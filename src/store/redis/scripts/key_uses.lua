-- Notes last uses of an account's keys; an older one than the stored is left, and so is one of a key that is gone.
-- KEYS: records. ARGV: first lines, one for each. Returns how many were noted.
local noted = 0
for i, record in ipairs(KEYS) do
  local stored = redis.call('GETRANGE', record, 0, 14)
  if #stored == 15 then
    local at = tonumber(stored)
    if not at or at < tonumber(string.sub(ARGV[i], 1, 15)) then
      redis.call('SETRANGE', record, 0, ARGV[i])
      noted = noted + 1
    end
  end
end
return noted
