/**
 * Records of the original's v0.1 to v0.5.4: `ADDRESS CONTAINER`, a line each. Neither pod nor interface is known of them.
 *
 * @module
 */
import { contains, formatCidr } from "../../src/address/cidr.ts";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";
import type { OlderRecord } from "../../src/storage/driver.ts";

/**
 * Reads a record. A line that cannot be read makes the original forget all of them, and gives addresses twice; here each is a fault, and so
 * is an address that two containers have.
 */
export function decodeLegacy(name: string, key: PoolKey, value: string): OlderRecord {
  const entries = new Map<bigint, Allocation>();
  const faults: string[] = [];
  for (const [i, line] of value.split("\n").entries()) {
    if (line.trim() === "") continue;
    const where = `Line ${i + 1} ${JSON.stringify(line.slice(0, 200))}`;
    const [, text = "", containerId = ""] = /^(\S+) (\S+)\r?$/.exec(line) ?? [];
    const ip = parseIp(text);
    if (!ip) faults.push(`${where}: wanted an address, a blank and a container id`);
    else if (!contains(key.cidr, ip)) faults.push(`${where}: the address lies outside of ${formatCidr(key.cidr)}`);
    else {
      const other = entries.get(ip.value);
      if (other && other.containerId !== containerId) {
        faults.push(`${where}: ${formatIp(ip)} belongs to container ${other.containerId} too`);
      } else entries.set(ip.value, { address: ip.value, podRef: "", ifName: "", containerId });
    }
  }
  return { name, key, entries: [...entries.values()], faults };
}
