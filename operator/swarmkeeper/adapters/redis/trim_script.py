"""The trim script: decides and removes in one step, so that nothing moves in between.

Keys: the stream. Arguments: entries to keep; most entries to remove; an id below which everything may
go, or empty: then what every group has read and acknowledged; KEEPREF, DELREF or ACKED, or empty.

Gives: removed, length, held (1 where something beyond the length stays).

Only documented commands: XTRIM, XINFO GROUPS, XPENDING, XRANGE (https://redis.io/commands).
"""

from __future__ import annotations

from typing import Final

TRIM: Final = """
local key, keep, most = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local boundary, words = ARGV[3], ARGV[4]
local highest = '18446744073709551615-18446744073709551615'
local length = redis.call('XLEN', key)
local excess = length - keep
if excess <= 0 then return {0, length, 0} end

-- Ids have 64 bits, Lua's numbers only 53: decimal digits are compared as texts.
local function less(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  if am ~= bm then
    if #am ~= #bm then return #am < #bm end
    return am < bm
  end
  if #as ~= #bs then return #as < #bs end
  return as < bs
end

local function trim(...)
  local command = {'XTRIM', key, 'MINID', ...}
  if words ~= '' then command[#command + 1] = words end
  return redis.call(unpack(command))
end

if boundary == '' then
  local found = redis.call('XINFO', 'GROUPS', key)
  if #found == 0 then return {0, length, 1} end
  boundary = highest
  for _, flat in ipairs(found) do
    local group = {}
    for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
    local low = nil
    if group['pending'] > 0 then
      low = redis.call('XPENDING', key, group['name'])[2]
    end
    local unread = redis.call('XRANGE', key, '(' .. group['last-delivered-id'], '+', 'COUNT', 1)
    if unread[1] and (not low or less(unread[1][1], low)) then low = unread[1][1] end
    if low and less(low, boundary) then boundary = low end
  end
end

-- Whole nodes first: that is cheap. MINID removes none that holds the boundary or more than the limit.
local removed = trim('~', boundary, 'LIMIT', math.min(excess, most))
if removed == 0 then
  local few = math.min(excess, most, 100)
  local entries = redis.call('XRANGE', key, '-', '+', 'COUNT', few + 1)
  local cut = entries[few + 1] and entries[few + 1][1] or boundary
  if less(boundary, cut) then cut = boundary end
  removed = trim('=', cut)
end
length = length - removed
return {removed, length, (removed == 0 and length > keep) and 1 or 0}
"""
