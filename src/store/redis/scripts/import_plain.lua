-- Comes before key_import.lua where a piece of an import carries no change; it does nothing by itself.
local write_import = nil

