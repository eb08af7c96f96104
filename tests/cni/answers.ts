/**
 * Results of ADD, for the tests that render and parse them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import type { AddResult } from "../../src/cni/result.ts";
import type { StaticAddress } from "../../src/config/types.ts";

function address(text: string, gateway?: string): StaticAddress {
  const parsed = parseCidr(text);
  const via = gateway === undefined ? undefined : parseIp(gateway);
  assert(parsed, text);
  return { ip: parsed.ip, prefix: parsed.cidr.prefix, ...(via && { gateway: via }) };
}

/** Results by description. */
export const ANSWERS: Readonly<Record<string, AddResult>> = {
  "one address": { ips: [address("10.0.0.5/24")], routes: [], dns: {} },
  "dual stack with everything": {
    ips: [address("10.0.0.5/24", "10.0.0.1"), address("fd00::5/64", "fd00::1"), address("192.168.7.7/32")],
    routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1", mtu: 1400, priority: 5 }, { dst: "::/0" }],
    dns: { nameservers: ["10.0.0.53"], domain: "lab", search: ["lab"], options: ["ndots:2"] },
  },
};
