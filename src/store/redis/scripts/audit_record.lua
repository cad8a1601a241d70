-- Writes a change that has no more to it than its audit entry and its answer. KEYS and ARGV: only those of change.lua.
-- Returns 1.
if changed() then
  return 1
end
local refused = refuse_answer()
if refused then
  return refused
end
write_change()
return 1
