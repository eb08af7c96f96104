/**
 * The networks of machines without a cluster.
 *
 * @module
 */
import type { Network } from "./runtime.ts";

const base = { type: "whereabouts", datastore: "embedded", log_level: "panic" };

/** Networks whose pools overlap, one with a second family, a small one, and one of another domain. */
export const NETWORKS: readonly Network[] = [
  { name: "wide", domain: "", ipam: { ...base, range: "10.0.0.0/28", ipRanges: [{ range: "fd00::/125" }] } },
  { name: "narrow", domain: "", ipam: { ...base, range: "10.0.0.0/29", exclude: ["10.0.0.2"] } },
  {
    name: "twice",
    domain: "",
    ipam: { ...base, range: "10.0.0.0/28", range_start: "10.0.0.4", ipRanges: [{ range: "10.0.0.8/29" }] },
  },
  { name: "blue", domain: "blue", ipam: { ...base, range: "10.0.0.0/29", network_name: "blue" } },
];

const grid = { ...base, range: "10.0.0.0/28", block_size: "/30" };

/** Networks on one grid whose ranges overlap, one that is exactly a block, one off the grid, and one of another domain with its own grid. */
export const GRIDS: readonly Network[] = [
  { name: "wide", domain: "", ipam: { ...grid, ipRanges: [{ range: "fd00::/124" }], block_size: "/30,/126" } },
  { name: "narrow", domain: "", ipam: { ...grid, range: "10.0.0.0/29", exclude: ["10.0.0.2"], block_order: "spread" } },
  { name: "block", domain: "", ipam: { ...grid, range: "10.0.0.4/30" } },
  { name: "apart", domain: "", ipam: { ...base, range: "10.0.0.8/29" } },
  { name: "blue", domain: "blue", ipam: { ...grid, block_size: "/29", network_name: "blue" } },
  {
    name: "tight",
    domain: "tight",
    ipam: { ...grid, range_start: "10.0.0.3", range_end: "10.0.0.4", network_name: "tight" },
    room: 2,
  },
];
