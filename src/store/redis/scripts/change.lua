-- What every script that carries out a change begins with; it does nothing by itself.
-- The last two KEYS: the audit entry, the answer. The last three ARGV: the audit entry's text, the answer's text ('' for
-- none), and "<ms for which the answer is kept> <instant of the change in ms>".
local change_audit, change_answer = KEYS[#KEYS - 1], KEYS[#KEYS]
local change_audit_text, change_answer_text, change_times = ARGV[#ARGV - 2], ARGV[#ARGV - 1], ARGV[#ARGV]

-- Whether this very change was applied before: the reply was lost, or the client library sent the call twice. Then the
-- script does nothing and answers as it did the first time.
local function changed()
  return redis.call('EXISTS', change_audit) == 1
end

-- The refusal, where another change answered under the same Idempotency-Key or took that over; nil where none did.
local function refuse_answer()
  if change_answer_text == '' then
    return nil
  end
  local there = redis.call('GET', change_answer)
  if not there then
    return nil
  end
  local ends, now = tonumber(string.match(there, '^(%d+)\n')), tonumber(string.match(change_times, '(%d+)$'))
  if ends and ends <= now then
    return nil
  end
  return redis.error_reply('CONFLICT this Idempotency-Key has its answer already')
end

-- Writes the audit entry and the answer.
local function write_change()
  redis.call('SET', change_audit, change_audit_text)
  if change_answer_text ~= '' then
    redis.call('SET', change_answer, change_answer_text, 'PX', string.match(change_times, '^(%d+)'))
  end
end

