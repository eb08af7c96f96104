/**
 * Records of the original's v0.1 to v0.5.4: one `ADDRESS CONTAINER` per line. They contain neither pod nor interface.
 *
 * @module
 */
import { contains, formatCidr } from "../../src/address/cidr.ts";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";
import type { OlderRecord } from "../../src/storage/driver.ts";

/**
 * Reads a record. If one line is unreadable, the original ignores all lines and allocates their addresses twice. Here each unreadable line
 * is a fault, and so is an address of two containers.
 */
export function decodeLegacy(name: string, key: PoolKey, value: string): OlderRecord {
  const entries = new Map<bigint, Allocation>();
  const faults: string[] = [];
  for (const [i, line] of value.split("\n").entries()) {
    if (line.trim() === "") continue;
    const where = `Line ${i + 1} ${JSON.stringify(line.slice(0, 200))}`;
    const [, text = "", containerId = ""] = /^(\S+) (\S+)\r?$/.exec(line) ?? [];
    const ip = parseIp(text);
    if (!ip) faults.push(`${where}: expected an address, a blank and a container id`);
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
