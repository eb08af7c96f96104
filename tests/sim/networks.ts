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

/** A range that grows, shrinks to its upper half, and is renumbered; with reservations and without. */
const RANGES = ["10.0.0.0/29", "10.0.0.0/28", "10.0.0.8/29", "10.7.0.0/29"];

/** The definitions of networks that are resized, one after another. */
export const RESIZED: readonly (readonly Network[])[] = [
  RANGES.map((range) => ({ name: "resized", domain: "", ipam: { ...base, range } })),
  RANGES.map((range) => ({
    name: "moved",
    domain: "moved",
    ipam: { ...base, range, network_name: "moved", enable_overlapping_ranges: false },
  })),
];

/** Networks that are divided, each domain by one command: ranges that overlap, one that is exactly a block, and one without reservations. */
export const DIVIDED: readonly (readonly Network[])[] = [
  [
    { name: "whole", domain: "", ipam: { ...grid, ipRanges: [{ range: "fd00::/124" }], block_size: "/30,/126" } },
    { name: "half", domain: "", ipam: { ...grid, range: "10.0.0.0/29", exclude: ["10.0.0.2"], block_order: "spread" } },
    { name: "block", domain: "", ipam: { ...grid, range: "10.0.0.4/30" } },
  ],
  [
    {
      name: "alone",
      domain: "alone",
      ipam: { ...grid, block_size: "/29", network_name: "alone", enable_overlapping_ranges: false },
    },
  ],
];
