-- Has wrk send each token of the file $TOKENS once, in order, and from the start again at its end; never a result.
local tokens, at = {}, 0
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end

function request()
  at = at % #tokens + 1
  return wrk.format("GET", "/v1/contacts", {Authorization = tokens[at], Host = "bench"})
end
