/**
 * What HAProxy cannot say in its own language, in Lua (5.3, which Debian's HAProxy has built in). It runs for few requests:
 * those of a service that is held, and messages whose Connection field names other fields.
 *
 * Holding by HAProxy's own queue was tried and left: a queue needs a server that is full, and no setting makes one full
 * that has nothing open; a refused connection that is tried again (`retries`) loses the order and waits up to a second.
 *
 * A request that is held takes a ticket and sleeps until its service is not held any more and all who came before have gone
 * on. A client that leaves ends the coroutine without a word, so a ticket counts only while it is seen, and the request is
 * taken for that of a client that is gone until the coroutine says otherwise. When its worker begins to end, at a reload, it
 * goes on to the next worker, which holds it there. Threads of HAProxy pass on by themselves what was let go, so that between
 * two of them the order is that of tickets only as nearly as they keep step.
 */
import type { ClientLimits } from '../client-limits.ts';

/** The Lua program; `held_map` is the file that names the services that are held. */
export function luaProgram(
  held_map: string,
  { held_requests_max, held_ms }: Pick<ClientLimits, 'held_requests_max' | 'held_ms'>,
): string {
  return `local held = Map.new(${luaString(held_map)}, Map._str)
local requests_max, held_ms = ${Math.trunc(held_requests_max)}, ${Math.trunc(held_ms)}
local queues = {}

local function now_ms()
  local now = core.now()
  return now.sec * 1000 + now.usec // 1000
end

-- Wakes of many are rare and at the same moments, so that they come in the order in which they were put to sleep.
local function tick_ms(queue, floor)
  return math.max(floor, (queue.last - queue.first) // 20)
end

local function forget_gone(queue, now)
  for ticket, seen in pairs(queue.seen) do
    if now - seen > 3 * tick_ms(queue, 10) + 50 then queue.seen[ticket] = nil end
  end
  while queue.first <= queue.last and not queue.seen[queue.first] do queue.first = queue.first + 1 end
end

local function count(queue)
  local waiting = 0
  for _ in pairs(queue.seen) do waiting = waiting + 1 end
  return waiting
end

core.register_action("mainstay_hold", { "http-req" }, function(txn)
  local service = txn:get_var("txn.service")
  local queue = queues[service]
  if not queue then
    queue = { first = 1, last = 0, seen = {} }
    queues[service] = queue
  end
  local started = now_ms()
  if queue.last - queue.first + 1 >= requests_max then forget_gone(queue, started) end
  if queue.last - queue.first + 1 >= requests_max then
    txn:set_var("txn.refused", "many")
    return
  end
  queue.last = queue.last + 1
  local ticket = queue.last
  txn:set_var("txn.refused", "gone")
  while true do
    local now = now_ms()
    queue.seen[ticket] = now
    local pause = tick_ms(queue, 10)
    if txn.f:stopping() == 1 then
      txn:set_var("txn.refused", "onward")
      break
    end
    if not held:lookup(service) then
      while queue.first < ticket and not queue.seen[queue.first] do queue.first = queue.first + 1 end
      if queue.first == ticket then
        txn:unset_var("txn.refused")
        break
      end
      if now % 64 == 0 then forget_gone(queue, now) end
      pause = tick_ms(queue, 1)
    elseif now - started > held_ms then
      txn:set_var("txn.refused", "late")
      break
    end
    core.msleep(pause - now % pause)
  end
  queue.seen[ticket] = nil
  while queue.first <= queue.last and not queue.seen[queue.first] do queue.first = queue.first + 1 end
end, 0)

core.register_cli({ "mainstay", "waiting" }, "mainstay waiting : requests that are held, by service", function(applet)
  local now = now_ms()
  for service, queue in pairs(queues) do
    forget_gone(queue, now)
    local waiting = count(queue)
    if waiting > 0 then applet:send(service .. " " .. waiting .. "\\n") end
  end
end)

-- Fields that Connection names belong to one hop (RFC 9110, 7.6.1). What frames or routes the message is not theirs to name.
local kept = { ["host"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true,
  ["upgrade"] = true, ["te"] = true, ["close"] = true, ["keep-alive"] = true }

local function drop_named(http, headers, del)
  for _, value in pairs(headers["connection"] or {}) do
    for name in value:lower():gmatch("[^%s,]+") do
      if not kept[name] then del(http, name) end
    end
  end
end

core.register_action("mainstay_drop_named", { "http-req" }, function(txn)
  drop_named(txn.http, txn.http:req_get_headers(), txn.http.req_del_header)
end, 0)

core.register_action("mainstay_drop_named_of_answer", { "http-res" }, function(txn)
  drop_named(txn.http, txn.http:res_get_headers(), txn.http.res_del_header)
end, 0)
`;
}

function luaString(text: string): string {
  return `"${text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, (char) =>
    [...Buffer.from(char)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join(''),
  )}"`;
}
