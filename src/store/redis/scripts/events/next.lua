-- Prelude: hands out KEYS and ARGV one after another, in the order in which the caller gave them.
local last_key, last_arg = 0, 0

local function key()
  last_key = last_key + 1
  return KEYS[last_key]
end

local function arg()
  last_arg = last_arg + 1
  return ARGV[last_arg]
end

-- As many arguments as the next one says: names and values of a hash by turns.
local function fields()
  local all = {}
  for i = 1, tonumber(arg()) do
    all[i] = arg()
  end
  return all
end
