-- Comes between change.lua and key_import.lua where a piece of an import carries the change; it does nothing by itself.
-- The keys' ids are new with each import, so that one that was applied before only finds its keys there.
if not changed() then
  local refused = refuse_answer()
  if refused then
    return refused
  end
end
local write_import = function()
  if not changed() then
    write_change()
  end
end

