-- What scripts know of a key's record; it does nothing by itself. See key_text.rs for the three lines of a record.

-- First line with its end, revision, revoked at, expires at, digests, third line; nil where there is no record.
local function key_parts(text)
  if not text then
    return nil
  end
  local used, revision, revoked, expires, digests, rest =
    string.match(text, '^([^\n]*\n)(%d+) (%S+) (%S+) (%S+)\n(.*)$')
  return used, tonumber(revision), revoked, expires, digests, rest
end

-- Whether a record has a digest, in hex.
local function key_has(text, digest)
  local _, _, _, _, digests = key_parts(text)
  return digests ~= nil and string.find(digests, digest, 1, true) ~= nil
end

