import assert from "node:assert/strict";
import { duplicateMark, entryMark, reservationMark } from "../../src/ipam/marks.ts";
import { ip, range } from "./lab.ts";

const { cidr } = range("10.0.0.0/24");
const OWNER = { podRef: "default/a", ifName: "net1", containerId: "c1" };

Deno.test("marks differ for every record, and for a record that changed", () => {
  const key = { network: "", cidr };
  const entry = { address: cidr.base + 5n, ...OWNER };
  const keeper = { kind: "IPAMClaim", name: "vm1.net1", uid: "k1" } as const;
  const reservation = { network: "", ip: ip("10.0.0.5"), ...OWNER };
  const duplicate = {
    network: "",
    address: "10.0.0.5",
    podRef: "default/a",
    holder: { ...OWNER, podRef: "default/b" },
  };
  const marks = [
    entryMark(key, entry),
    entryMark({ ...key, network: "blue" }, entry),
    entryMark(key, { ...entry, containerId: "c2" }),
    entryMark(key, { ...entry, uid: "u" }),
    entryMark(key, { ...entry, keeper }),
    entryMark(key, { ...entry, keeper: { ...keeper, uid: "k2" } }),
    entryMark(key, { ...entry, keeper, former: { podRef: "default/b", containerId: "c9" } }),
    reservationMark({ ...reservation, keeper }),
    reservationMark(reservation),
    reservationMark({ ...reservation, token: "u/1" }),
    reservationMark({ ...reservation, token: "u/2" }),
    duplicateMark(duplicate),
    duplicateMark({ ...duplicate, podRef: "default/c" }),
  ];
  assert.equal(new Set(marks).size, marks.length);
  assert.equal(entryMark(key, { ...entry }), marks[0]);
});
